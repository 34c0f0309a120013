"""Consumption on the real broker: every record has one effect, in order, or is counted as having none."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from chassis.consume import Delivery, Handlers, each
from chassis.consume.effects import Effects
from chassis.db import Tx, new_id
from chassis.outbox import CHANNEL
from chassis.telemetry import current_traceparent
from chassis.testing import Parts, eventually, produce, produce_events
from chassis.testing.kafka import as_record
from tests.chassis.consuming import House, ThingEvent, house, sample


async def test_each_event_has_one_effect_and_a_run_has_many_events(parts: Parts) -> None:
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(700)])
        async with our.consuming():
            await our.reached(700)
        assert max(our.runs) > 1
        assert sum(our.runs) == 700


async def test_events_of_one_aggregate_have_their_effects_in_order(parts: Parts) -> None:
    async with house(parts) as our:
        things = [new_id() for _ in range(20)]
        async with our.consuming():
            for start in range(1, 101, 25):
                versions = range(start, start + 25)
                await produce_events(parts, [our.event(thing, version) for version in versions for thing in things])
            await our.reached(2000)
        seen: defaultdict[UUID, list[int]] = defaultdict(list)
        for row in await our.effects():
            seen[row["thing_id"]].append(row["version"])
        assert all(versions == list(range(1, 101)) for versions in seen.values())


async def test_a_duplicate_is_counted_as_seen_and_changes_nothing(parts: Parts) -> None:
    async with house(parts) as our:
        before = sample("polepool_consumed_total", result="seen")
        first = as_record(our.event())
        await produce(parts, first.topic, [first, first])
        async with our.consuming():
            await our.reached(1)
            await produce(parts, first.topic, [first])
            await produce_events(parts, [our.event() for _ in range(5)])
            await our.reached(6)
            await eventually(lambda: sample("polepool_consumed_total", result="seen") == before + 2)


async def test_a_type_that_nobody_handles_is_counted_and_skipped(parts: Parts) -> None:
    async with house(parts) as our:
        before = sample("polepool_consumed_total", result="skipped")
        record = as_record(our.event())
        unknown = [(name, b"polepool.x.y.v9" if name == "ce_type" else value) for name, value in record.headers]
        await produce(parts, record.topic, [type(record)(b"anything", record.key, unknown)])
        await produce_events(parts, [our.event() for _ in range(3)])
        async with our.consuming():
            await our.reached(3)
            await eventually(lambda: sample("polepool_consumed_total", result="skipped") == before + 1)
        assert await our.letters() == []


async def test_exactly_what_was_done_is_committed_for_each_partition(parts: Parts) -> None:
    async with house(parts) as our:
        records = [as_record(our.event()) for _ in range(30)]
        await produce(parts, our.made.TOPIC, records[:15], partition=0)
        await produce(parts, our.made.TOPIC, records[15:], partition=1)
        async with our.consuming():
            await our.reached(30)
        assert await our.committed() == {
            TopicPartition(our.made.TOPIC, 0): 15,
            TopicPartition(our.made.TOPIC, 1): 15,
        }


async def test_a_consumer_that_comes_back_goes_on_where_the_group_was(parts: Parts) -> None:
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(10)])
        async with our.consuming():
            await our.reached(10)
        seen = sample("polepool_consumed_total", result="seen")
        await produce_events(parts, [our.event() for _ in range(10)])
        async with our.consuming():
            await our.reached(20)
        assert sample("polepool_consumed_total", result="seen") == seen


async def test_what_a_handler_says_continues_the_trace_of_what_it_heard(parts: Parts) -> None:
    heard: dict[UUID, str] = {}

    async def one(_tx: Tx, delivery: Delivery) -> None:
        heard[delivery.event.aggregate.id] = current_traceparent().split("-")[1]

    async with house(parts) as our:
        records = [as_record(our.event(), traceparent=f"00-{number:032x}-{7:016x}-01") for number in (3, 4, 5)]
        await produce(parts, our.made.TOPIC, records)
        async with our.consuming({our.made.TOPIC: {our.made: each(one)}}):
            await eventually(lambda: len(heard) == 3)
        ids = [UUID((record.key or b"").decode()) for record in records]
        assert heard == {thing: f"{number:032x}" for thing, number in zip(ids, (3, 4, 5), strict=True)}


async def test_the_lag_is_shown_for_assigned_partitions(parts: Parts) -> None:
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        async with our.consuming():
            await our.reached(5)
            await eventually(lambda: _lags(our) == [0.0] * 6, timeout=15)


async def test_handlers_of_several_topics_share_a_transaction_but_not_runs(parts: Parts) -> None:
    runs: list[list[str]] = []

    def handler(our: House) -> Any:
        async def note(tx: Tx, deliveries: Sequence[Delivery]) -> None:
            runs.append([delivery.topic for delivery in deliveries])
            await our.note(tx, deliveries)

        return note

    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        other: list[ThingEvent] = [our.other(thing=our.event().thing) for _ in range(5)]
        await produce_events(parts, other)
        async with our.consuming({our.made.TOPIC: {our.made: our.note}, our.other.TOPIC: {our.other: handler(our)}}):
            await our.reached(10)
        assert sum(map(len, runs)) == 5
        assert {topic for run in runs for topic in run} == {our.other.TOPIC}


async def test_a_batch_that_mixes_topics_gives_each_handler_one_run_in_order(parts: Parts) -> None:
    runs: list[list[ThingEvent]] = []

    def handler(our: House) -> Any:
        async def note(tx: Tx, deliveries: Sequence[Delivery]) -> None:
            runs.append([delivery.of(ThingEvent) for delivery in deliveries])
            await our.note(tx, deliveries)

        return note

    async with house(parts) as our:
        made = [our.event(id_, version) for id_ in (new_id(), new_id()) for version in (1, 2)]
        other: list[ThingEvent] = [our.other(thing=our.event().thing) for _ in made]
        mixed = [event for pair in zip(other, made, strict=True) for event in pair]
        records = [replace(as_record(event), offset=offset) for offset, event in enumerate(mixed)]
        handlers: Handlers = {our.made.TOPIC: {our.made: handler(our)}, our.other.TOPIC: {our.other: handler(our)}}
        effects = Effects(handlers, our.pool)
        await effects.have([delivery for record in records if (delivery := effects.read(record))])
    assert sorted(map(len, runs)) == [4, 4]
    assert made in runs
    assert other in runs


async def test_the_relay_is_woken_when_a_batch_is_committed(parts: Parts) -> None:
    async with house(parts) as our, our.pool.acquire() as listening:
        rung: list[int] = []

        async def ring(*_: object) -> None:
            rung.append(await our.count())

        await listening.add_listener(CHANNEL, ring)
        async with our.consuming():
            await produce_events(parts, [our.event()])
            await eventually(lambda: rung)
        assert rung[0] == 1  # after the commit, not before
        await listening.remove_listener(CHANNEL, ring)


def _lags(our: House) -> list[float | None]:
    return [
        REGISTRY.get_sample_value("polepool_consumer_lag", {"topic": topic, "partition": str(number)})
        for topic in our.topics
        for number in range(3)
    ]
