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
"""Seconds between looks at the consume task."""
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


async def watch(subscriber: Any, partitions: Partitions, progress: Progress, stop: asyncio.Event) -> None:
    """Return when `stop` is set, or when the subscription is lost and must be made anew."""
    seen = Watch()
    due = 0.0
    while not await _set_within(stop, TICK):
        if any(task.done() for task in subscriber.tasks):
            log.warning("the consume task ended, subscribing again", errors=_errors(subscriber.tasks))
            return
        await partitions.flush()
        if time.monotonic() < due:
            continue
        due = time.monotonic() + LAG_EVERY
        behind = await _behind(subscriber.consumer)
        if behind is None or progress.in_hand:
            continue
        waiting = partitions.held()
        if seen.stalled({each: at for each, at in behind.items() if each not in waiting}, time.monotonic()):
            log.error("records are there but don't come, subscribing again", partitions=len(behind))
            progress.stalled()
            return


async def _set_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _behind(consumer: Any) -> dict[TopicPartition, int] | None:
    """Our position in each assigned partition that has more; None when the broker doesn't say. Sets the lag metric."""
    assigned = consumer.assignment()
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            ends = await consumer.end_offsets(assigned) if assigned else {}
            positions = {partition: await consumer.position(partition) for partition in assigned}
    except (KafkaError, TimeoutError) as error:
        log.info("lag not known", error=repr(error))
        return None
    metrics.CONSUMER_LAG.clear()
    for partition, end in ends.items():
        metrics.CONSUMER_LAG.labels(partition.topic, partition.partition).set(max(0, end - positions[partition]))
    return {partition: positions[partition] for partition, end in ends.items() if end > positions[partition]}


def _errors(tasks: list["asyncio.Task[Any]"]) -> list[str]:
    return [repr(task.exception()) for task in tasks if task.done() and not task.cancelled() and task.exception()]
