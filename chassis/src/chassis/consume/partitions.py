"""The consumer's partitions: which offsets are committed, and which partitions wait."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from chassis.record import Record
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

COMMIT_TIMEOUT = 10.0
"""Seconds after which a commit counts as failed. aiokafka itself would wait for a broker for ever."""


class Partitions:
    """The partitions of one consumer. A commit that fails is counted and tried again with the next one."""

    def __init__(self, consumer: Any) -> None:
        """`consumer` is aiokafka's."""
        self._consumer = consumer
        self._uncommitted: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, asyncio.TimerHandle] = {}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the offsets of the next records to consume, of exactly these partitions; never raises `KafkaError`."""
        self._uncommitted.update(offsets)
        ours = self._consumer.assignment()
        moved = [partition for partition in self._uncommitted if partition not in ours]
        for partition in moved:
            del self._uncommitted[partition]
        if moved:
            metrics.FAILED_COMMITS.inc()
            log.warning("partitions moved before their offsets were committed", partitions=len(moved))
        await self.flush()

    async def flush(self) -> None:
        """Commit what is not committed yet."""
        offsets = dict(self._uncommitted)
        if not offsets:
            return
        try:
            await asyncio.wait_for(self._consumer.commit(offsets), COMMIT_TIMEOUT)
        except (KafkaError, TimeoutError) as error:
            metrics.FAILED_COMMITS.inc()
            log.warning("offsets not committed", error=repr(error), partitions=len(offsets))
        else:
            for partition, offset in offsets.items():
                if self._uncommitted.get(partition) == offset:
                    del self._uncommitted[partition]

    def forget(self) -> None:
        """Partitions moved: what was not committed is no longer ours to commit."""
        self._uncommitted.clear()

    def hold(self, partition: TopicPartition, offset: int, delay: float) -> None:
        """Consume the partition again from `offset`, but not before `delay` seconds have passed."""
        try:
            self._consumer.pause(partition)
            self._consumer.seek(partition, offset)
        except IllegalStateError:
            log.info("partition moved while its records were handled", partition=str(partition))
            return
        if handle := self._held.pop(partition, None):
            handle.cancel()
        self._held[partition] = asyncio.get_running_loop().call_later(delay, self._resume, partition)

    def _resume(self, partition: TopicPartition) -> None:
        self._held.pop(partition, None)
        if partition in self._consumer.assignment():
            self._consumer.resume(partition)

    def held(self) -> set[TopicPartition]:
        """The partitions that wait."""
        return set(self._held)

    def close(self) -> None:
        """Let go of all that wait; the consumer is about to stop."""
        for handle in self._held.values():
            handle.cancel()
        self._held.clear()


def of(record: Record) -> TopicPartition:
    """The record's partition."""
    return TopicPartition(record.topic, record.partition)


def starts(records: Iterable[Record]) -> dict[TopicPartition, int]:
    """Where each partition's records begin."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(of(record), record.offset)
    return first


def ends(records: Iterable[Record]) -> dict[TopicPartition, int]:
    """The offset after each partition's records: what is committed when they are done."""
    return {of(record): record.offset + 1 for record in records}
