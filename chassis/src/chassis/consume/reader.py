"""Takes records from aiokafka's consumer so that none is lost when reading one of its partitions fails.

aiokafka moves a partition's position only when all that it drained of it is given back, but drops what it drained of
others when a later one raises, with their positions moved. So one partition is asked at a time: a call that raises
leaves the position where it was.
"""

import asyncio
import random
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError, UnsupportedCodecError

from chassis.consume import raw
from chassis.consume.partitions import Partitions
from chassis.record import Record

log = structlog.get_logger(__name__)

BATCH = 500
"""Records at most in a batch, and so in a transaction; a little more when aiokafka can't read one of them."""
WAIT = 0.2
"""Seconds between two looks while nothing is told to have come."""
UNREADABLE_DELAY = 5.0
"""Seconds until a partition that can't be read is tried again."""


class Reader:
    """Reads batches of records from all the assigned partitions, each in order."""

    def __init__(self, consumer: Any, partitions: Partitions) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def batch(self) -> list[Record]:
        """The next records; none when none came for a moment. Raises `KafkaError` when the group is lost to us."""
        self._consumer._coordinator.check_errors()
        found: list[Record] = []
        readable = list(self._consumer.assignment() - self._consumer.paused())
        random.shuffle(readable)  # so that a partition with much to say doesn't silence the others
        for partition in readable:
            found += await self._read(partition, BATCH - len(found))
            if len(found) >= BATCH:
                break
        if not found:
            await self._arrival()
        return found

    async def _read(self, partition: TopicPartition, most: int) -> list[Record]:
        try:
            read = await self._consumer.getmany(partition, max_records=most)
        except Exception as error:
            if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordException | UnsupportedCodecError):
                raise
            return await self._read_raw(partition, error)
        records: list[Record] = read.get(partition, [])
        return records

    async def _read_raw(self, partition: TopicPartition, error: Exception) -> list[Record]:
        """What aiokafka could not read; when we can't either, the partition waits, since that may be ours to mend."""
        try:
            position = await self._consumer.position(partition)
        except IllegalStateError:
            return []  # it has moved
        try:
            records, after = await raw.read(self._consumer, partition, position)
            self._consumer.seek(partition, after)
        except IllegalStateError:
            return []
        except Exception as also:
            log.error("partition can't be read, waiting", partition=str(partition), position=position, error=repr(also))
            self._partitions.hold(partition, position, UNREADABLE_DELAY)
            return []
        log.warning("records read past the client", partition=str(partition), records=len(records), error=repr(error))
        return records

    async def _arrival(self) -> None:
        """Wait until something is fetched; raises the `KafkaError` that ends the group for us."""
        arrival = self._consumer._fetcher._create_fetch_waiter()
        try:
            await asyncio.wait([arrival], timeout=WAIT)
            if arrival.done():
                arrival.result()
        finally:
            arrival.cancel()
