"""Consumption when the database, the broker or a member of the group goes away: nothing is lost, doubled or buried."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from chassis.consume.worker import ATTEMPTS
from chassis.dead_letters import Failure, Sender, sender
from chassis.errors import Retry
from chassis.testing import Parts, eventually, fresh_topics, produce, produce_events
from chassis.testing.kafka import as_record
from polepool_local.testing import OwnKafka, OwnPostgres
from tests.chassis.consuming import House, house

NewKafka = Callable[[], Awaitable[OwnKafka]]
NewPostgres = Callable[[], Awaitable[OwnPostgres]]


async def test_while_the_database_is_away_records_wait_and_none_is_dead_lettered(
    parts: Parts, own_postgres: NewPostgres
) -> None:
    server = await own_postgres()
    async with house(replace(parts, postgres_admin_url=server.admin_url)) as our:
        await produce_events(parts, [our.event() for _ in range(20)])
        async with our.consuming():
            await our.reached(20)
            await server.kill()
            with capture_logs() as logs:
                await produce_events(parts, [our.event() for _ in range(100)])
                await eventually(lambda: any(entry.get("attempts", 0) > ATTEMPTS for entry in logs), 60)
            assert not [entry for entry in logs if entry["event"] == "record given up"]
            await server.start()
            await our.reached(120, 60)
        assert await our.letters() == []


async def test_a_handler_that_asks_for_later_is_asked_without_limit_while_other_partitions_go_on(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = Retry()
        waiting = as_record(event)
        await produce(parts, our.made.TOPIC, [waiting, as_record(our.event())], partition=0)
        await produce(parts, our.made.TOPIC, [as_record(our.event()) for _ in range(10)], partition=1)
        async with our.consuming():
            await our.reached(10)
            await eventually(lambda: our.tried[event.thing.id] > 6, 30)
            assert await our.count() == 10  # what follows it in its partition waits with it
            our.broken.clear()
            await our.reached(12)
        assert await our.letters() == []


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
async def test_a_broker_that_restarts_costs_no_record_and_doubles_none(
    parts: Parts, own_kafka: NewKafka, killed: bool
) -> None:
    broker = await own_kafka()
    own = replace(parts, kafka_bootstrap=broker.bootstrap)
    async with house(own) as our, our.consuming():
        await produce_events(own, [our.event() for _ in range(50)])
        await our.reached(50)
        await (broker.kill() if killed else broker.stop())
        await broker.start()
        await produce_events(own, [our.event() for _ in range(50)])
        await our.reached(100, 60)


async def test_a_consumer_started_while_the_broker_is_away_consumes_when_it_comes(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    own = replace(parts, kafka_bootstrap=broker.bootstrap)
    async with house(own) as our:
        await produce_events(own, [our.event() for _ in range(10)])
        await broker.stop()
        with capture_logs() as logs:
            async with our.consuming():
                await eventually(lambda: any("not subscribed" in entry["event"] for entry in logs), 30)
                await broker.start()
                await our.reached(10, 60)


async def test_a_cancellation_inside_the_client_does_not_end_the_consumer_unnoticed(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka can let the cancellation of its own tasks out to its caller."""
    start, stop, starts = AIOKafkaConsumer.start, AIOKafkaConsumer.stop, iter([True])

    async def cancelled_at_first(consumer: AIOKafkaConsumer) -> None:
        if next(starts, False):
            raise asyncio.CancelledError
        await start(consumer)

    async def cancelled_at_the_end(consumer: AIOKafkaConsumer) -> None:
        await stop(consumer)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "start", cancelled_at_first)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", cancelled_at_the_end)
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(3)])
        async with our.consuming():
            await our.reached(3)


async def test_a_producer_of_dead_letters_that_ends_in_a_cancellation_ends_nobody_else(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = AIOKafkaProducer.stop

    async def cancelled_at_the_end(producer: AIOKafkaProducer) -> None:
        await stop(producer)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaProducer, "stop", cancelled_at_the_end)
    async with house(parts) as our:
        letters = Sender(our.kafka)
        await letters.send(replace(as_record(our.event()), topic=our.made.TOPIC), failure(our))
        await letters.close()
        assert len(await our.letters()) == 1


async def test_a_dead_letter_that_the_broker_does_not_take_is_given_back_soon_and_the_next_one_goes(
    parts: Parts, own_kafka: NewKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SEND_TIMEOUT", 0.5)
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our:
        letters, record = Sender(our.kafka), as_record(our.event())
        await letters.send(record, failure(our))
        await broker.kill()
        async with asyncio.timeout(5):
            with pytest.raises((KafkaError, TimeoutError)):
                await letters.send(replace(record, offset=1), failure(our))
        await broker.start()
        monkeypatch.setattr(sender, "SEND_TIMEOUT", 15)
        await letters.send(replace(record, offset=2), failure(our))
        await letters.close()
        assert {0, 2} <= {letter.offset for letter in await our.letters()}


def failure(our: House) -> Failure:
    """Why a record of the tests is dead-lettered."""
    return Failure(our.group, "cause", 1, datetime.now(UTC))


async def test_a_topic_that_is_missing_is_waited_for_and_never_made_by_consuming(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(parts) as our:
        late = our.made.TOPIC + "-late"
        async with our.consuming({late: {our.made: our.note}}):
            await eventually(lambda: f"{late} not found" in caplog.text, 30)
            assert late not in await existing(parts)
            await fresh_topics(parts, late)
            await produce(parts, late, [as_record(our.event())])
            await our.reached(1)


async def existing(parts: Parts) -> list[str]:
    """The topics that there are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka_bootstrap)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()
