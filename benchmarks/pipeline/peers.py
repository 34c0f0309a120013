"""The peers, as processes of their own: raw aiokafka, and FastStream as its users write it (without its log)."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from benchmarks.pipeline.children import Spec
from benchmarks.pipeline.payload import event_type, events
from benchmarks.pipeline.programs import Stopwatch, main
from chassis.db import open_pool
from chassis.relay.records import hashes
from chassis.settings import DatabaseSettings
from chassis.testing.kafka import Raw, as_record

WINDOW = 500
"""Messages that FastStream's pipelined publisher has on their way at once: as many as a batch of the relay's."""


async def raw_produce(spec: Spec) -> dict[str, float]:
    """Record batches per partition from ready records, all sent without waiting: the most that aiokafka can do."""
    records = [as_record(event) for event in events(spec.topic, spec.count, spec.seed)]
    async with AIOKafkaProducer(
        bootstrap_servers=spec.bootstrap, acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    ) as producer:
        partitions = len(await producer.partitions_for(spec.topic))
        watch = Stopwatch()
        sent = [
            await producer.send_batch(batch, spec.topic, partition=partition)
            for partition, batch in _batches(producer, records, partitions)
        ]
        await asyncio.gather(*sent)
        return watch.read()


def _batches(producer: Any, records: list[Raw], partitions: int) -> Iterator[tuple[int, BatchBuilder]]:
    building = {partition: producer.create_batch() for partition in range(partitions)}
    keys = [(each.key or b"").decode() for each in records]
    for each, hashed in zip(records, hashes(keys), strict=True):
        partition = hashed % partitions
        content = {"timestamp": None, "key": each.key, "value": each.value, "headers": list(each.headers)}
        if building[partition].append(**content) is None:
            yield partition, building[partition]
            building[partition] = producer.create_batch()
            building[partition].append(**content)
    yield from building.items()


async def faststream_publish(spec: Spec) -> dict[str, float]:
    """`publish(no_confirm=True)` for a window of messages, then wait for their confirmations."""
    records = [as_record(event) for event in events(spec.topic, spec.count, spec.seed)]
    messages = [(r.value or b"", r.key, {name: (value or b"").decode() for name, value in r.headers}) for r in records]
    async with KafkaBroker(spec.bootstrap, logger=None, acks="all", enable_idempotence=True) as broker:
        watch = Stopwatch()
        for start in range(0, len(messages), WINDOW):
            sent = [
                await broker.publish(value, spec.topic, key=key, headers=headers, no_confirm=True)
                for value, key, headers in messages[start : start + WINDOW]
            ]
            await asyncio.gather(*sent)
        return watch.read()


async def raw_consume(spec: Spec) -> dict[str, float]:
    """`getmany`, and nothing is done with the records."""
    consumer = AIOKafkaConsumer(
        spec.topic,
        bootstrap_servers=spec.bootstrap,
        group_id="raw",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        first = sum(map(len, (await consumer.getmany(timeout_ms=10_000)).values()))
        watch, count = Stopwatch(), first
        while count < spec.count:
            count += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
        return {**watch.read(), "count": count - first}


async def faststream_consume(spec: Spec) -> dict[str, float]:
    """One message at a time: validate it, one transaction with one row, acknowledge."""
    pool = await open_pool(DatabaseSettings.model_validate({"url": spec.database_url}))
    model, done = event_type(spec.topic), asyncio.Event()
    broker = KafkaBroker(spec.bootstrap, logger=None, apply_types=False)
    watch, count = Stopwatch(), 0

    async def handle(message: KafkaMessage) -> None:
        nonlocal watch, count
        event = model.model_validate_json(message.body)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO effect (thing_id, version) VALUES ($1, $2)", event.member.id, event.member.version
            )
        await message.ack()
        count += 1
        if count == 1:
            watch = Stopwatch()
        if count == spec.count:
            done.set()

    broker.subscriber(
        spec.topic, group_id="one-by-one", ack_policy=AckPolicy.MANUAL, auto_offset_reset="earliest", decoder=_as_it_is
    )(handle)
    async with broker:
        await broker.start()
        await done.wait()
        answer = watch.read()
    await pool.close()
    return {**answer, "count": count - 1}


async def _as_it_is(message: KafkaMessage) -> KafkaMessage:
    return message


PROGRAMS = {
    "raw_produce": raw_produce,
    "faststream_publish": faststream_publish,
    "raw_consume": raw_consume,
    "faststream_consume": faststream_consume,
}

if __name__ == "__main__":
    main(PROGRAMS, Spec)
