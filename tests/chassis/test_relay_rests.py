"""How long the sequencer rests: a moment while few write, long while writers wait for the processor."""

import pytest

from chassis.relay.sequencer import LONGEST_REST, SHORTEST_REST, averaged, rest


def test_a_few_events_are_told_at_once() -> None:
    assert rest(rate=200, writers=0.1) == pytest.approx(SHORTEST_REST)


def test_writers_that_keep_pace_leave_effects_their_sixty_milliseconds() -> None:
    assert 0.01 < rest(rate=2_000, writers=0.7) < 0.03


def test_writers_that_wait_for_the_processor_get_it_however_slow_the_machine_is() -> None:
    assert rest(rate=600, writers=1.4) == LONGEST_REST


def test_what_was_a_while_ago_no_longer_counts() -> None:
    assert averaged(1_000.0, 0.0, share=5.0) < 10 < averaged(1_000.0, 0.0, share=0.5)
