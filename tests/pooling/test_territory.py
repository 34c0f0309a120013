"""A territory as the engine's problem: who sees what, minutes, and what a plan rests on."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from pooling.domain.offers import Asker
from pooling.domain.territory import (
    Slot,
    Supply,
    Territory,
    Wish,
    fingerprint,
    parts_of,
    problem_of,
    slot_of,
)
from pooling.matching.problem import Current, Placed
from schemas.event import Period
from schemas.pooling import Kind, Line, Price, Ring
from tests.pooling.world import DAY, PLACE, period

POLE, PARTNER, OTHER = uuid4(), uuid4(), uuid4()
PARTNERS = {POLE: frozenset({PARTNER})}
SECONDS = timedelta(seconds=20)


def supply(ring: Ring = Ring.POLE, **changes: object) -> Supply:
    """A van of a pole, from 8 to 18."""
    made = Supply(
        id=uuid4(),
        version=1,
        pole_id=POLE,
        organisation_id=uuid4(),
        title="Minibus",
        kind=Kind.VEHICLE,
        features=frozenset({"ramp"}),
        measures={"seats": 9},
        at=(46.08, 4.76),
        ring=ring,
        price=Price(fixed_cents=1250),
        available=(period(8, 18),),
        booked=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def wish(window: Period, *, pole: UUID = POLE, minutes: int = 60, slot: Slot | None = None) -> Wish:
    """A line of somebody in a pole."""
    line = Line(
        id=uuid4(), kind=Kind.VEHICLE, window=window, minutes=minutes, features=(), at_least={"seats": 0}, place=PLACE
    )
    return Wish(uuid4(), 1, Asker(pole, uuid4()), line, slot)


def territory(wishes: list[Wish], supplies: list[Supply]) -> Territory:
    """At midnight of the day."""
    return Territory(DAY, tuple(wishes), tuple(supplies), PARTNERS)


@pytest.mark.parametrize(
    ("ring", "seen"),
    [
        (Ring.ORGANISATION, []),
        (Ring.POLE, [POLE]),
        (Ring.PARTNER_POLES, [POLE, PARTNER]),
        (Ring.EVERYONE, [POLE, PARTNER, OTHER]),
    ],
)
def test_a_resource_is_there_for_those_whom_its_ring_reaches_and_its_owner(ring: Ring, seen: list[UUID]) -> None:
    wishes = [wish(period(8, 10), pole=pole) for pole in (POLE, PARTNER, OTHER)]
    mine = replace(wish(period(8, 10), pole=OTHER), asker=Asker(OTHER, uuid4()))
    offered = supply(ring, organisation_id=mine.asker.organisation_id)
    problem = problem_of(territory([*wishes, mine], [offered]))
    poles = {request.id: request.pole for request in problem.requests}
    reached = {each.asker.pole_id for each in wishes if poles[str(each.request_id)] in problem.resources[0].poles}
    assert reached == set(seen)
    assert poles[str(mine.request_id)] in problem.resources[0].poles


def test_minutes_are_rounded_so_that_nothing_fits_that_does_not() -> None:
    late = supply(
        available=(Period(start=period(8, 9).start + SECONDS, end=period(8, 9).end + SECONDS),),
        booked=(Period(start=period(8.5, 9).start + SECONDS, end=period(8.5, 9).end + SECONDS),),
    )
    off = wish(Period(start=period(8, 12).start + SECONDS, end=period(8, 12).end))
    problem = problem_of(territory([off], [late]))
    assert problem.resources[0].free == ((481, 540),)
    assert (problem.busy[0].start, problem.busy[0].end) == (510, 541)
    (line,) = problem.requests[0].lines
    assert (line.minutes, line.start, line.at_least) == (61, (480, 645), {})
    slot = slot_of(territory([off], [late]), off, Placed(line.id, problem.resources[0].id, 495))
    assert slot.period == Period(start=period(8.25, 9).start + SECONDS, end=period(8.25, 9.25).end + SECONDS)


def test_what_can_no_longer_begin_is_left_out_and_a_begun_window_starts_at_its_next_step() -> None:
    wishes = [wish(period(8, 9)), wish(period(8, 12)), wish(period(10, 12))]
    problem = problem_of(replace(territory(wishes, [supply()]), now=period(8.1, 9).start))
    starts = {line.id: line.start for request in problem.requests for line in request.lines}
    assert starts == {str(wishes[1].line.id): (9, 174), str(wishes[2].line.id): (114, 174)}


def test_a_long_window_is_tried_at_few_starts_that_stay_where_they_are_as_time_passes() -> None:
    week = wish(Period(start=DAY, end=DAY + timedelta(days=7)))
    (one,) = problem_of(territory([week], [])).requests[0].lines
    (two,) = problem_of(replace(territory([week], []), now=DAY + timedelta(minutes=7))).requests[0].lines
    assert (one.start[1] - one.start[0]) // one.step < 96
    assert one.step % 15 == 0
    assert two.start[0] + 7 == one.start[0] + one.step
    assert two.step == one.step


def test_a_slot_is_current_for_its_line_and_taken_for_the_lines_of_other_parts() -> None:
    van = supply()
    planned = wish(period(8, 12), slot=Slot(van.id, period(9, 10)))
    other = wish(period(8, 12))
    whole = territory([planned, other], [van])
    both, alone = parts_of(whole, [{planned.line.id, van.id}, {other.line.id}])
    assert problem_of(both).requests[0].lines[0].current == Current(str(van.id), 540)
    assert (both.supplies[0].booked, alone.supplies) == ((), ())
    (apart,) = parts_of(whole, [{other.line.id, van.id}])
    assert apart.supplies[0].booked == (period(9, 10),)


def test_the_fingerprint_changes_with_what_a_plan_rests_on_and_with_nothing_else() -> None:
    van, asked = supply(Ring.PARTNER_POLES), wish(period(8, 12), pole=PARTNER)
    before = territory([asked], [van])
    slot = Slot(van.id, period(9, 10))
    same = [
        replace(before, now=before.now + timedelta(minutes=1)),
        replace(before, wishes=(replace(asked, slot=slot),)),
        replace(before, partners={**PARTNERS, OTHER: frozenset({POLE})}),
    ]
    others = [
        replace(before, supplies=(replace(van, version=2),)),
        replace(before, supplies=(replace(van, booked=(period(9, 10),)),)),
        replace(before, supplies=()),
        replace(before, wishes=(replace(asked, request_version=2),)),
        replace(before, wishes=(asked, wish(period(8, 12)))),
        replace(before, partners={}),
        replace(before, now=period(9.5, 10).start, wishes=(replace(asked, slot=slot),)),
    ]
    assert {fingerprint(each) for each in same} == {fingerprint(before)}
    assert len({fingerprint(each) for each in others} | {fingerprint(before)}) == len(others) + 1
