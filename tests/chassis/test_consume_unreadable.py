"""Records that the client can't read take no other with them, of their partition or of others."""

import asyncio
from collections.abc import Iterable
from typing import Any

import aiokafka.codec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.consume.effects import Effects
from chassis.consume.redrive import redrive
from chassis.health import Health
from chassis.testing import Parts, eventually, produce, produce_events
from chassis.testing.kafka import Raw, as_record
from tests.chassis.consuming import House, house

GOOD = 700
BAD = 350
"""Where among the good ones of its partition the bad record is."""


class NotUtf8(str):
    """A header's name that is written as bytes which are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"x-\xff"


CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


async def produce_bad(parts: Parts, topic: str, record: Raw, partition: int, codec: int = 0) -> None:
    """Write a record with one more header, whose name isn't UTF-8: the client's own builder of batches refuses it."""
    async with AIOKafkaProducer(bootstrap_servers=parts.kafka_bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 16_384)
        headers = [*record.headers, (NotUtf8("x"), b"y")]
        batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
        await (await producer.send_batch(batch, topic, partition=partition))


def committed(our: House, *offsets: int) -> dict[TopicPartition, int]:
    """These offsets of the first topic's partitions."""
    return {TopicPartition(our.made.TOPIC, number): offset for number, offset in enumerate(offsets)}


async def test_a_header_name_that_is_not_utf8_costs_no_other_record_and_is_a_dead_letter_that_can_be_redriven(
    parts: Parts,
) -> None:
    async with house(parts) as our:
        topic, bad = our.made.TOPIC, as_record(our.event())
        await produce(parts, topic, [as_record(our.event()) for _ in range(BAD)], partition=0)
        await produce_bad(parts, topic, bad, partition=0)
        await produce(parts, topic, [as_record(our.event()) for _ in range(GOOD - BAD)], partition=0)
        for partition in (1, 2):
            await produce(parts, topic, [as_record(our.event()) for _ in range(GOOD)], partition=partition)
        async with our.consuming():
            await our.reached(3 * GOOD)
            (letter,) = await eventually(our.letters)
            await eventually(lambda: _is_committed(our, GOOD + 1, GOOD, GOOD))
        assert (letter.partition, letter.offset, letter.key, letter.value) == (0, BAD, bad.key, bad.value)
        assert letter.headers == [*bad.headers, ("x-\\xff", b"y")]
        assert letter.cause == "header name x-\\xff: not UTF-8"
        assert await redrive(Effects(our.handlers, our.pool), our.kafka, letter)
        assert await our.count() == 3 * GOOD + 1
        assert await our.letters() == []


async def _is_committed(our: House, *offsets: int) -> bool:
    found = await our.committed()
    assert found == committed(our, *offsets), found
    return True


@pytest.mark.parametrize("codec", CODECS)
async def test_every_compression_that_a_topic_may_have_is_read(parts: Parts, codec: str) -> None:
    async with house(parts) as our:
        await _compressed(our, codec)
        await produce_events(parts, [our.event() for _ in range(50)])
        bad = as_record(our.other(thing=our.event().thing))
        await produce_bad(parts, our.other.TOPIC, bad, 0, CODECS[codec])  # a broker that compresses mends the name
        async with our.consuming():
            await our.reached(50)
            (letter,) = await eventually(our.letters)
        assert (letter.key, letter.value) == (bad.key, bad.value)


async def test_a_batch_that_can_not_be_decompressed_waits_for_its_library_while_other_topics_go_on(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(parts) as our:
        await _compressed(our, "zstd")
        await produce_events(parts, [our.event() for _ in range(50)])
        await produce_events(parts, [our.other(thing=our.event().thing) for _ in range(GOOD)])
        monkeypatch.setattr(aiokafka.codec, "has_zstd", lambda: False)
        health = Health()
        with capture_logs() as logs:
            async with our.consuming(health=health):
                await our.reached(GOOD)
                await eventually(lambda: any(each["event"] == "partition can't be read, waiting" for each in logs))
                await eventually(lambda: _lag(our.made.TOPIC) == 50, 15)
                assert {each.topic for each in await our.committed()} <= {our.other.TOPIC}
                monkeypatch.undo()
                await our.reached(GOOD + 50)
                assert await health.liveness() == {"consume": None}
        assert await our.letters() == []


async def _compressed(our: House, codec: str) -> None:
    """Have the broker keep the first topic compressed like this."""
    await our.delete_topic(our.made.TOPIC)
    async with our.admin() as admin:
        await _create(admin, NewTopic(our.made.TOPIC, 3, 1, topic_configs={"compression.type": codec}))


async def _create(admin: AIOKafkaAdminClient, topic: NewTopic) -> None:
    async def created() -> bool:
        answer = await admin.create_topics([topic])
        return bool(answer.topic_errors[0][1] == 0)

    await eventually(created)


def _lag(topic: str) -> float:
    """How much of the topic is not consumed, as the metric says."""
    lags: Iterable[float] = (
        REGISTRY.get_sample_value("polepool_consumer_lag", {"topic": topic, "partition": str(number)}) or 0.0
        for number in range(3)
    )
    return sum(lags)


async def test_a_client_that_fails_again_and_again_loses_nothing_is_not_alive_and_its_lag_is_known(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    getmany, broken = AIOKafkaConsumer.getmany, asyncio.Event()
    broken.set()

    async def failing(consumer: AIOKafkaConsumer, *partitions: TopicPartition, **options: Any) -> Any:
        read = await getmany(consumer, *partitions, **options)
        if read and broken.is_set():
            raise KafkaError("after the position has moved")
        return read

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", failing)
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(50)])
        health = Health()
        async with our.consuming(health=health):
            reasons = await eventually(lambda: _dead(health), 60)
            assert "subscriptions in a row ended by an error" in reasons
            assert _lag(our.made.TOPIC) == 50
            assert await our.committed() == {}
            broken.clear()
            await our.reached(50)
            assert await health.liveness() == {"consume": None}


async def _dead(health: Health) -> str | None:
    return (await health.liveness()).get("consume")
