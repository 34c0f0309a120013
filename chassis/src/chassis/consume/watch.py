"""Watches a subscription: its task, its lag, and whether records that are there really come."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.consume.partitions import Partitions
from chassis.consume.progress import Progress
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

TICK = 0.5
"""Seconds between two commits of what is done."""
LAG_EVERY = 5.0
"""Seconds between looks at the lag."""
ANSWER_TIMEOUT = 5.0
"""Seconds that the broker gets to say where its partitions end."""
STALLED_AFTER = 30.0
"""Seconds without a record from a partition that has some: aiokafka can hang after a broker's restart (#1154)."""


@dataclass(slots=True)
class Watch:
    """Where each partition that has more for us was, and since when it has not moved."""

    since: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)

    def stalled(self, behind: Mapping[TopicPartition, int], now: float) -> bool:
        """Note the positions of the partitions that have more; whether one stood still for too long."""
        self.since = {
            partition: self.since[partition]
            if partition in self.since and self.since[partition][0] == position
            else (position, now)
            for partition, position in behind.items()
        }
        return any(now - since > STALLED_AFTER for _, since in self.since.values())


async def watch(
    polling: "asyncio.Task[None]", consumer: Any, partitions: Partitions, progress: Progress, stop: asyncio.Event
) -> None:
    """Return when `stop` is set, or when the subscription is lost and must be made anew."""
    seen = Watch()
    due = 0.0
    steady_from = time.monotonic() + LAG_EVERY
    while not stop.is_set():
        if time.monotonic() >= due:  # before anything else: the lag of a subscription that fails again and again counts
            due = time.monotonic() + LAG_EVERY
            behind = await _behind(consumer)
            if behind and not progress.in_hand and _stalled(seen, behind, partitions):
                progress.stalled()
                return
            if behind == {} and time.monotonic() > steady_from and not polling.done():
                progress.caught_up()
        if polling.done():
            why = "cancelled from inside the client" if polling.cancelled() else repr(polling.exception())
            log.error("the consume task ended, subscribing again", error=why)
            progress.failed(why)
            return
        if gone := _gone(consumer):
            log.error("the broker has lost our topics, subscribing again", topics=sorted(gone))
            return
        await partitions.flush()
        await _within(TICK, polling, stop)


def _gone(consumer: Any) -> set[str]:
    """Topics that we read and that the broker doesn't have. Where we are in them means nothing once they are back."""
    known: set[str] = consumer._client.cluster.topics()
    return {partition.topic for partition in consumer.assignment()} - known


def _stalled(seen: Watch, behind: Mapping[TopicPartition, int], partitions: Partitions) -> bool:
    waiting = partitions.held()
    if not seen.stalled({each: at for each, at in behind.items() if each not in waiting}, time.monotonic()):
        return False
    log.error("records are there but don't come, subscribing again", partitions=len(behind))
    return True


async def _within(seconds: float, polling: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    """Wait, but no longer than the task or the process goes on."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((polling, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def _behind(consumer: Any) -> dict[TopicPartition, int] | None:
    """Our position in each assigned partition that has more; None when that isn't known. Sets the lag metric."""
    assigned = consumer.assignment()
    if not assigned:
        metrics.CONSUMER_LAG.clear()
        return None
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            ends = await consumer.end_offsets(assigned)
            positions = {partition: await consumer.position(partition) for partition in assigned}
    except (KafkaError, TimeoutError) as error:
        log.info("lag not known", error=repr(error))
        return None
    metrics.CONSUMER_LAG.clear()
    for partition, end in ends.items():
        metrics.CONSUMER_LAG.labels(partition.topic, partition.partition).set(max(0, end - positions[partition]))
    return {partition: positions[partition] for partition, end in ends.items() if end > positions[partition]}
