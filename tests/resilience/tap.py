"""`python -m tests.resilience.tap BOOTSTRAP FOLDER`: writes down every record of every topic, dead letters included.

It is in no group and commits nothing; the broker may die and come back.
"""

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.catalogue import DEAD_LETTER_SUFFIX, topics
from tests.resilience.ledger import Ledger

NAMES = [name + suffix for name in topics() for suffix in ("", DEAD_LETTER_SUFFIX)]

GATHERED = 64 * 1024
"""Bytes that the broker gathers before it answers, half a second at most: who looks on leaves the processor alone."""


def encoded(value: bytes | None) -> str | None:
    """Bytes, which may be any, as text."""
    return None if value is None else base64.b64encode(value).decode()


def decoded(text: str | None) -> bytes:
    """The bytes again; nothing for null."""
    return base64.b64decode(text or "")


async def run(bootstrap: str, ledger: Ledger) -> None:
    """Follow the topics until killed."""
    positions: dict[TopicPartition, int] = {}
    while True:
        try:
            await _follow(bootstrap, positions, ledger)
        except (KafkaError, OSError, TimeoutError):
            await asyncio.sleep(0.2)


async def _follow(bootstrap: str, positions: dict[TopicPartition, int], ledger: Ledger) -> None:
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        metadata_max_age_ms=2000,
        request_timeout_ms=5000,
        fetch_min_bytes=GATHERED,
        fetch_max_wait_ms=500,
    ) as consumer:
        for name in NAMES:
            await consumer._client._wait_on_metadata(name)
        parts = [TopicPartition(name, number) for name in NAMES for number in consumer.partitions_for_topic(name) or ()]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, positions.get(part, 0))
        while True:
            if found := await consumer.getmany(timeout_ms=500):
                _write(ledger, [each for records in found.values() for each in records])
                positions |= {part: records[-1].offset + 1 for part, records in found.items()}


def _write(ledger: Ledger, records: list[Any]) -> None:
    ledger.write(
        records=[
            {
                "topic": each.topic,
                "partition": each.partition,
                "offset": each.offset,
                "key": encoded(each.key),
                "headers": [[name, encoded(value)] for name, value in each.headers],
                "value": encoded(each.value),
            }
            for each in records
        ]
    )


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Ledger(Path(sys.argv[2]) / "tap.ledger")))
