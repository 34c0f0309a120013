"""The framework decides nothing: not when a record counts, not what is created, not what a header may be."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from chassis.consume.partitions import Partitions
from chassis.consume.progress import Progress
from chassis.consume.subscriber import subscribe
from chassis.record import Record
from chassis.testing import Parts, eventually, produce
from chassis.testing.kafka import Raw
from tests.chassis.consuming import house

LOSSY = {AckPolicy.ACK_FIRST, AckPolicy.ACK, AckPolicy.REJECT_ON_ERROR}


async def _ignore(_records: Sequence[Record], _partitions: Partitions) -> None: ...


async def test_no_subscriber_acknowledges_by_itself(parts: Parts) -> None:
    async with house(parts) as our:
        wired = subscribe(our.group, our.topics, our.kafka, _ignore, Progress())
    assert wired.broker.subscribers
    for subscriber in wired.broker.subscribers:
        assert subscriber.ack_policy is AckPolicy.MANUAL
        assert subscriber.ack_policy not in LOSSY
        assert wired.subscriber._connection_args["enable_auto_commit"] is False
        assert wired.subscriber._connection_args["auto_offset_reset"] == "earliest"


async def test_all_topics_share_one_subscriber_so_no_two_split_a_groups_partitions(parts: Parts) -> None:
    async with house(parts) as our:
        wired = subscribe(our.group, our.topics, our.kafka, _ignore, Progress())
        assert len(list(wired.broker.subscribers)) == 1
        async with wired.broker:
            await wired.broker.start()
            assigned = {partition.topic for partition in wired.subscriber.consumer.assignment()}
    assert assigned == set(our.topics)


async def test_the_framework_gives_a_refused_batch_over_two_partitions_again_whole(parts: Parts) -> None:
    """0.7.4 to 0.7.7 lost records here."""
    got: Counter[bytes] = Counter()
    refused: list[int] = []

    async def refuse_once(records: Any) -> None:
        if len(refused) < 2 and len({record.partition for record in records}) == 2:
            refused.append(len(records))
            raise ValueError
        got.update(record.value for record in records)

    async with house(parts) as our:
        for partition in (0, 1):
            values = [Raw(b"%d-%d" % (partition, number), b"k") for number in range(20)]
            await produce(parts, our.made.TOPIC, values, partition=partition)
        async with _framework(our.group, our.made.TOPIC, parts, refuse_once):
            await eventually(lambda: len(got) == 40)


async def test_the_framework_gives_a_batch_again_whose_parser_raised(parts: Parts) -> None:
    got: Counter[bytes] = Counter()
    raised: list[int] = []

    async def parser(records: Any, original: Any) -> Any:
        if not raised:
            raised.append(len(records))
            raise ValueError
        return await original(records)

    async def take(records: Any) -> None:
        got.update(record.value for record in records)

    async with house(parts) as our:
        await produce(parts, our.made.TOPIC, [Raw(b"%d" % number, b"k") for number in range(20)])
        async with _framework(our.group, our.made.TOPIC, parts, take, parser):
            await eventually(lambda: len(got) == 20)


@asynccontextmanager
async def _framework(group: str, topic: str, parts: Parts, take: Any, parser: Any = None) -> AsyncIterator[None]:
    """The framework by itself, with raw records and refusal on errors."""

    async def raw(message: Any) -> Any:
        return message.raw_message

    broker = KafkaBroker(parts.kafka_bootstrap, logger=None, apply_types=False, allow_auto_create_topics=False)
    subscriber = broker.subscriber(
        topic,
        batch=True,
        group_id=group,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        parser=parser,
        decoder=raw,
        batch_timeout_ms=10,
    )
    subscriber(take)
    try:
        await broker.start()
        yield
    finally:
        await broker.stop()
