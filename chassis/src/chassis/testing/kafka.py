"""Topics of a test's own, records of any kind in them, and what is there now."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from chassis.db import new_id
from chassis.record import source_of
from chassis.testing.eventually import eventually
from chassis.testing.parts import Parts
from schemas.catalogue import DEAD_LETTER_SUFFIX
from schemas.event import Event

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A record to produce, or as read: anything may be anything."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    topic: str = ""
    partition: int = 0
    offset: int = 0
    timestamp: int = 0

    def header(self, name: str) -> str:
        """A header's value as text; KeyError when it isn't there."""
        return (dict(self.headers)[name] or b"").decode()


def as_record(event: Event, event_id: UUID | None = None, traceparent: str | None = None) -> Raw:
    """The record that the relay would make of this event."""
    key = str(event.aggregate.id).encode()
    headers: list[tuple[str, bytes | None]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id or new_id()).encode()),
        ("ce_source", source_of(event.TOPIC).encode()),
        ("ce_type", event.TYPE.encode()),
        ("ce_subject", key),
        ("ce_time", datetime.now(UTC).isoformat().encode()),
        ("content-type", b"application/json"),
    ]
    if traceparent:
        headers.append(("traceparent", traceparent.encode()))
    return Raw(event.data(), key, headers, event.TOPIC)


async def produce(
    parts: Parts,
    topic: str,
    records: Iterable[Raw],
    partition: int | None = None,
    compression: str | None = None,
) -> None:
    """Write the records as they are, in order, to the partition given or to that which each one's key says."""
    producer = AIOKafkaProducer(
        bootstrap_servers=parts.kafka_bootstrap, acks="all", max_request_size=8_000_000, compression_type=compression
    )
    async with producer:
        sent = [
            await producer.send(topic, each.value, key=each.key, partition=partition, headers=list(each.headers))
            for each in records
        ]
        await asyncio.gather(*sent)


async def produce_events(parts: Parts, events: Iterable[Event]) -> list[Raw]:
    """Write the events to their topics as the relay would, in order; the records written."""
    records = [as_record(event) for event in events]
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka_bootstrap, acks="all")
    async with producer:
        sent = [
            await producer.send(each.topic, each.value, key=each.key, headers=list(each.headers)) for each in records
        ]
        await asyncio.gather(*sent)
    return records


async def read_topic(parts: Parts, topic: str) -> list[Raw]:
    """All records of the topic now, by partition and offset; compaction may have taken older ones."""
    consumer = AIOKafkaConsumer(bootstrap_servers=parts.kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return await _read(consumer, topic)
    finally:
        await consumer.stop()


async def _read(consumer: Any, topic: str) -> list[Raw]:
    await consumer._client._wait_on_metadata(topic)
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    found: list[Raw] = []
    for partition in partitions:
        while await consumer.position(partition) < ends[partition]:
            batch = await consumer.getmany(partition, timeout_ms=200)
            found += [
                Raw(each.value, each.key, each.headers, each.topic, each.partition, each.offset, each.timestamp)
                for each in batch.get(partition, ())
            ]
    return found


@asynccontextmanager
async def _admin(parts: Parts) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka_bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def fresh_topics(parts: Parts, *topics: str, partitions: int = 3) -> None:
    """These topics and their dead-letter topics, empty; what was in them, and groups' offsets in them, is gone."""
    wanted = [*topics, *(topic + DEAD_LETTER_SUFFIX for topic in topics)]
    async with _admin(parts) as admin:
        existing = set(await admin.list_topics()) & set(wanted)
        if existing:
            await admin.delete_topics(sorted(existing))
        for topic in wanted:
            await _create(admin, topic, 1 if topic.endswith(DEAD_LETTER_SUFFIX) else partitions)
        await eventually(partial(_all_shown, admin, set(wanted)))


async def _all_shown(admin: Any, topics: set[str]) -> bool:
    return topics <= set(await admin.list_topics())


async def _create(admin: Any, topic: str, partitions: int) -> None:
    """Deletion goes on in the background: create again until the broker has forgotten the old one."""
    config = {"cleanup.policy": "compact"}
    for _ in range(100):
        answer = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])
        error = for_code(answer.topic_errors[0][1])
        if error is not TopicAlreadyExistsError:
            break
        await asyncio.sleep(0.05)
    if answer.topic_errors[0][1]:
        raise error(f"{topic}: {answer.topic_errors[0][2]}")
