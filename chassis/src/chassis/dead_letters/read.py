"""The dead letters of a group that are still there, and taking one away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from chassis.dead_letters.record import DeadLetter, decode
from chassis.dead_letters.sender import SEND_TIMEOUT, new_producer
from chassis.settings import KafkaSettings
from schemas.catalogue import DEAD_LETTER_SUFFIX

FETCH_BYTES = 4 * 1024 * 1024


async def dead_letters(kafka: KafkaSettings, group: str, topics: Sequence[str]) -> list[DeadLetter]:
    """The group's dead letters of these topics, oldest failure first. Raises KafkaError when no broker answers."""
    async with _consumer(kafka) as consumer:
        found = [letter for topic in topics for letter in await _in_topic(consumer, topic + DEAD_LETTER_SUFFIX)]
    return sorted((letter for letter in found if letter.group == group), key=lambda letter: letter.since)


@asynccontextmanager
async def _consumer(kafka: KafkaSettings) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
        request_timeout_ms=10_000,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _in_topic(consumer: Any, topic: str) -> list[DeadLetter]:
    """What is in a dead-letter topic: the last record of each key, unless that is a tombstone."""
    if topic not in await consumer.topics():
        raise UnknownTopicOrPartitionError(f"there is no topic {topic}: apply the topics first")
    await consumer._client._wait_on_metadata(topic)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    found: dict[bytes, DeadLetter] = {}
    while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                _keep(found, record)
    return list(found.values())


def _keep(found: dict[bytes, DeadLetter], record: Any) -> None:
    key = record.key or b""
    found.pop(key, None)
    if record.value is not None:
        try:
            found[key] = decode(key, record.value, record.headers)
        except (ValueError, UnicodeDecodeError):
            return  # not written by us: nothing that could be handled again


async def discard(kafka: KafkaSettings, letter: DeadLetter) -> None:
    """Take the letter away: it has been handled, or never will be. Raises KafkaError or TimeoutError."""
    producer = new_producer(kafka)
    async with producer, asyncio.timeout(2 * SEND_TIMEOUT):
        await producer.send_and_wait(letter.topic + DEAD_LETTER_SUFFIX, None, key=letter.id.encode())
