"""The consumer's partitions: which offsets are committed, and which partitions wait."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata

from chassis.record import Record
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

COMMIT_TIMEOUT = 10.0
"""Seconds after which a commit counts as failed. aiokafka itself would wait for a broker for ever."""


class Partitions:
    """The partitions of one consumer. A commit that fails is counted and tried again."""

    def __init__(self, consumer: Any) -> None:
        """`consumer` is aiokafka's."""
        self._consumer = consumer
        self._uncommitted: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, asyncio.TimerHandle] = {}
        self._moved = False

    def taken(self) -> None:
        """A batch is in hand."""
        self._moved = False

    def done(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the offsets of the next records to consume committed with the next `flush`, of exactly these partitions.

        A commit for each batch would cost the broker more than the batch. What comes twice when a process dies before
        one, the inbox has seen.
        """
        if self._moved:
            metrics.FAILED_COMMITS.inc()
            log.warning("partitions moved before their offsets were committed", partitions=len(offsets))
            return
        self._uncommitted.update(offsets)

    async def flush(self) -> None:
        """Commit what is not committed yet; never raises `KafkaError`.

        While we are in no group, or the broker is away, it waits for the next time.
        """
        offsets = dict(self._uncommitted)
        if not offsets or not _in_group(self._consumer):
            return
        try:
            await asyncio.wait_for(_commit_once(self._consumer, offsets), COMMIT_TIMEOUT)
        except (KafkaError, TimeoutError) as error:
            metrics.FAILED_COMMITS.inc()
            log.warning("offsets not committed", error=repr(error), partitions=len(offsets))
        else:
            for partition, offset in offsets.items():
                if self._uncommitted.get(partition) == offset:
                    del self._uncommitted[partition]

    def forget(self) -> None:
        """Partitions moved: what was not committed, or is in hand, is no longer ours to commit."""
        self._uncommitted.clear()
        self._moved = True

    def hold(self, partition: TopicPartition, offset: int, delay: float) -> None:
        """Consume the partition again from `offset`, but not before `delay` seconds have passed."""
        if self._moved:
            return
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


def _in_group(consumer: Any) -> bool:
    """Whether a broker is known that knows us as a member of the group."""
    coordinator = consumer._coordinator
    return (
        coordinator.coordinator_id is not None and coordinator.generation != OffsetCommitRequest.DEFAULT_GENERATION_ID
    )


async def _commit_once(consumer: Any, offsets: Mapping[TopicPartition, int]) -> None:
    """One try, as the member of the group that we are at this moment; raises KafkaError.

    aiokafka's own commit tries again for as long as it takes, and goes on when the group doesn't know us any more. A
    broker that lost its data would then take the offsets of the log that is gone, as from somebody outside the group.
    """
    kept = {partition: OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
    await consumer._coordinator._do_commit_offsets(consumer._subscription.subscription.assignment, kept)


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
