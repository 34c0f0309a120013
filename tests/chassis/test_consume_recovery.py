"""What consumption does about itself: a task that ends, a letter that can't be sent, a batch that does not move."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from chassis.consume import partitions, watch
from chassis.consume.effects import Effects
from chassis.consume.partitions import Partitions
from chassis.consume.progress import Progress
from chassis.consume.subscriber import subscribe
from chassis.consume.watch import STALLED_AFTER, Watch
from chassis.consume.worker import LONGEST_DELAY, Trouble, Worker
from chassis.dead_letters import Sender
from chassis.testing import Parts, eventually, produce, produce_events
from chassis.testing.kafka import as_record
from tests.chassis.consuming import house, sample


async def test_a_consume_task_that_ends_is_started_again(parts: Parts) -> None:
    async with house(parts) as our, our.consuming():
        await produce_events(parts, [our.event() for _ in range(5)])
        await our.reached(5)
        (task,) = [each for each in asyncio.all_tasks() if "_poll" in repr(each.get_coro())]
        task.cancel()
        await produce_events(parts, [our.event() for _ in range(5)])
        await our.reached(10)


async def test_a_poisoned_record_waits_while_its_dead_letter_topic_is_missing(parts: Parts) -> None:
    async with house(parts, partitions=1) as our:
        await our.delete_topic(our.made.TOPIC + ".dlt")
        good = as_record(our.event())
        await produce(parts, our.made.TOPIC, [replace(good, value=b"no json"), good])
        async with our.consuming():
            await our.reached(1)
            assert await our.committed() == {}
            await our.create_topic(our.made.TOPIC + ".dlt")
            await eventually(our.letters, timeout=60)
            await eventually(lambda: _committed(our, 2), timeout=60)
        assert await our.count() == 1


async def test_a_commit_of_offsets_that_fails_is_counted_and_harmless(parts: Parts) -> None:
    moved = Partitions(None)
    moved.taken()
    moved.forget()
    before = sample("polepool_failed_commits_total")
    moved.done({_partition(): 7})
    assert sample("polepool_failed_commits_total") == before + 1
    await moved.flush()
    moved.hold(_partition(), 7, 1)
    assert moved.held() == set()


async def test_a_commit_that_the_broker_refuses_or_never_answers_is_counted_kept_and_tried_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, faults = partitions._commit_once, iter(["refused", "unanswered"])

    async def failing(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        fault = next(faults, None)
        if fault == "refused":
            raise KafkaError(fault)
        if fault == "unanswered":
            await asyncio.Event().wait()
        await commit(consumer, offsets)

    monkeypatch.setattr(partitions, "_commit_once", failing)
    monkeypatch.setattr(partitions, "COMMIT_TIMEOUT", 0.1)
    before = sample("polepool_failed_commits_total")
    async with house(parts, partitions=1) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        async with our.consuming():
            await our.reached(5)
            await eventually(lambda: _committed(our, 5))
    assert sample("polepool_failed_commits_total") == before + 2


async def test_a_consumer_that_stops_commits_what_is_done(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TICK", 60.0)
    async with house(parts, partitions=1) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        async with our.consuming():
            await our.reached(5)
        assert await _committed(our, 5)


async def test_a_consumer_that_its_group_does_not_know_any_more_commits_nothing(parts: Parts) -> None:
    """A broker without its data would take the offsets of a log that is gone, as from outside an empty group."""
    async with house(parts, partitions=1) as our:
        subscription = subscribe(our.group, our.topics, our.kafka, Progress())
        await subscription.consumer.start()
        await subscription.consumer._coordinator._maybe_leave_group()
        before = sample("polepool_failed_commits_total")
        subscription.partitions.taken()
        subscription.partitions.done({TopicPartition(our.made.TOPIC, 0): 7})
        await subscription.partitions.flush()
        await subscription.consumer.stop()
        assert await our.committed() == {}
        assert sample("polepool_failed_commits_total") == before  # it wasn't even tried


async def test_a_consumer_that_gets_nothing_although_there_is_more_subscribes_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka can hang like this after a broker's restart, without a sign of it."""
    getmany = AIOKafkaConsumer.getmany
    hung: list[AIOKafkaConsumer] = []

    async def hanging(consumer: AIOKafkaConsumer, *of: TopicPartition, **options: Any) -> Any:
        hung.append(consumer) if not hung else None
        return {} if consumer is hung[0] else await getmany(consumer, *of, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", hanging)
    monkeypatch.setattr(watch, "STALLED_AFTER", 0.5)
    monkeypatch.setattr(watch, "LAG_EVERY", 0.2)
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(20)])
        with capture_logs() as logs:
            async with our.consuming():
                await our.reached(20)
        assert [each["partitions"] > 0 for each in logs if "don't come" in each["event"]] == [True]


async def test_what_nobody_thought_of_rewinds_the_batch_instead_of_losing_it(parts: Parts) -> None:
    class Broken(Partitions):
        """Partitions that have a bug."""

        def __init__(self) -> None:
            super().__init__(None)
            self.held_at: dict[Any, int] = {}

        def done(self, offsets: Any) -> None:
            raise AttributeError("done")

        def hold(self, partition: Any, offset: int, delay: float) -> None:
            self.held_at[partition] = offset

    async with house(parts) as our:
        worker = Worker(our.group, Effects(our.handlers, our.pool), Sender(our.kafka), Progress())
        broken = Broken()
        records = [replace(as_record(our.event()), offset=offset) for offset in (3, 4)]
        await worker.take(records, broken)
        assert list(broken.held_at.values()) == [3]
        await worker.take(records, broken)
        assert await our.count() == 2


async def test_a_batch_that_does_not_move_is_not_alive_and_idleness_is() -> None:
    progress = Progress(stuck_after=0.01)
    assert await progress.alive() is None
    with progress.busy():
        await eventually(progress.alive)
        progress.step()
        assert await progress.alive() is None
    assert await progress.alive() is None
    progress.stalled()
    assert await progress.alive() is None
    progress.stalled()
    assert "no record came" in str(await progress.alive())


def test_a_partition_that_has_more_and_does_not_move_is_stalled_in_time() -> None:
    seen, one, other = Watch(), _partition(0), _partition(1)
    assert not seen.stalled({one: 5, other: 9}, now=0)
    assert not seen.stalled({one: 6, other: 9}, now=STALLED_AFTER - 1)
    assert seen.stalled({one: 6, other: 9}, now=STALLED_AFTER + 1)
    assert not seen.stalled({one: 6}, now=STALLED_AFTER + 2)
    assert not seen.stalled({}, now=3 * STALLED_AFTER)


def test_the_pause_between_tries_grows_to_a_limit_and_is_never_none() -> None:
    delays = [Trouble(0, attempts).delay() for attempts in range(1, 40)]
    assert all(0.1 <= delay <= LONGEST_DELAY for delay in delays)
    assert min(delays[10:]) > max(delays[:3])


def _partition(number: int = 0) -> Any:
    return TopicPartition("polepool.test.things", number)


async def _committed(our: Any, offset: int) -> bool:
    found: Sequence[int] = list((await our.committed()).values())
    return found == [offset]
