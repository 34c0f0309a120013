"""The subscriber: aiokafka's consumer in its group, made anew whenever it is lost; one batch after the other.

When a record counts, and what happens to one that can't be read or handled, is ours to say: see decision 9.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from chassis import inbox
from chassis.consume.delivery import Handlers
from chassis.consume.effects import Effects
from chassis.consume.partitions import Partitions
from chassis.consume.progress import Progress
from chassis.consume.reader import Reader
from chassis.consume.watch import watch
from chassis.consume.worker import Worker
from chassis.db import Pool
from chassis.dead_letters import Sender
from chassis.health import Health
from chassis.record import Record
from chassis.settings import KafkaSettings

log = structlog.get_logger(__name__)

Take = Callable[[Sequence[Record], Partitions], Awaitable[None]]
"""What is done with a batch; it never raises."""

FETCH_WAIT_MS = 100
"""How long the broker holds a fetch without records; a partition that resumes may have to wait for it to end."""
METADATA_MS = 10_000
"""How soon a partition added to a topic is noticed."""
STOP_TIMEOUT = 8.0
"""Seconds that a batch in hand gets to finish when the process stops."""
HAND_OVER_SECONDS = 5.0
"""How long a batch in hand may delay a rebalance."""
PRUNE_SECONDS = 3600.0
RETRY_SECONDS = 1.0
"""Between two tries to subscribe."""


async def run(
    service: str,
    handlers: Handlers,
    pool: Pool,
    kafka: KafkaSettings,
    stop: asyncio.Event,
    health: Health,
    *,
    instance: str | None = None,
) -> None:
    """Consume as the group `service` until `stop` is set; subscribe again whenever the subscription is lost.

    `instance` names this process within its group for ever (static membership): a restart within the session's
    timeout then moves no partitions. No two processes may have the same.
    """
    progress = Progress()
    sender = Sender(kafka)
    worker = Worker(service, Effects(handlers, pool, progress.step), sender, progress)
    started = asyncio.Event()
    health.live("consume", progress.alive)
    health.ready("consume", partial(_assigned, started))
    pruning = asyncio.create_task(_prune(pool, stop))
    try:
        while not stop.is_set():
            subscription = subscribe(service, list(handlers), kafka, progress, instance)
            await _consume(subscription, worker.take, progress, started, stop)
    finally:
        pruning.cancel()
        await sender.close()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer in its group, not started yet."""

    consumer: Any
    partitions: Partitions


def subscribe(
    group: str, topics: Sequence[str], kafka: KafkaSettings, progress: Progress, instance: str | None = None
) -> Subscription:
    """One consumer for all the topics: two of one group would split their partitions. Only we commit offsets."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        metadata_max_age_ms=METADATA_MS,
    )
    partitions = Partitions(consumer)
    consumer.subscribe(topics, listener=_Moves(progress, partitions))
    return Subscription(consumer, partitions)


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Lets the batch in hand finish before its partitions go to another consumer, if it does so soon."""

    def __init__(self, progress: Progress, partitions: Partitions) -> None:
        self._progress = progress
        self._partitions = partitions

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self._progress.idle_within(HAND_OVER_SECONDS)
            await self._partitions.flush()
        self._partitions.forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions assigned", partitions=len(assigned))


async def _consume(
    subscription: Subscription, take: Take, progress: Progress, started: asyncio.Event, stop: asyncio.Event
) -> None:
    """Start, consume until `stop` is set or the subscription is lost, and stop in order. Logs what goes wrong."""
    consumer, partitions = subscription.consumer, subscription.partitions
    try:
        if await _unless(stop, consumer.start()):
            started.set()
            log.info("subscribed", partitions=len(consumer.assignment()))
            ending = asyncio.Event()
            polling = asyncio.create_task(_poll(subscription, take, ending))
            try:
                await watch(polling, consumer, partitions, progress, stop)
            finally:
                ending.set()
                await _end(polling, progress)
                await partitions.flush()
    except (KafkaError, OSError) as error:
        log.warning("not subscribed, trying again", error=repr(error))
    finally:
        started.clear()
        partitions.close()
        await _stop(consumer)
    await _unless(stop, asyncio.sleep(RETRY_SECONDS))


async def _poll(subscription: Subscription, take: Take, ending: asyncio.Event) -> None:
    """One batch after the other. What this raises ends the subscription before anything else is taken or committed."""
    reader = Reader(subscription.consumer, subscription.partitions)
    while not ending.is_set():
        if records := await reader.batch():
            subscription.partitions.taken()
            await take(records, subscription.partitions)


async def _end(polling: "asyncio.Task[None]", progress: Progress) -> None:
    """Let the batch in hand finish, if it does so in time."""
    if progress.in_hand:
        await asyncio.wait([polling], timeout=STOP_TIMEOUT)
    polling.cancel()
    await asyncio.wait([polling], timeout=1)


async def _stop(consumer: Any) -> None:
    """Stop, in a task of its own: a cancellation inside aiokafka must not look like one of ours."""
    stopping = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait([stopping], timeout=STOP_TIMEOUT + 2)
    finally:
        stopping.cancel()
    if not stopping.done() or stopping.cancelled():
        log.warning("consumer not stopped in order", error="cancelled or too slow")
    elif error := stopping.exception():
        log.warning("consumer not stopped in order", error=repr(error))


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Await `work`, or give it up as soon as `stop` is set; whether it was done."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if task.cancelled():
            raise KafkaError("cancelled from inside the client")  # not by us: else the role would end unnoticed
        if task.done():
            await task
            return True
        return False
    finally:
        stopping.cancel()
        task.cancel()
        await asyncio.wait((task, stopping))


async def _assigned(started: asyncio.Event) -> str | None:
    return None if started.is_set() else "not subscribed yet"


async def _prune(pool: Pool, stop: asyncio.Event) -> None:
    """Forget old ids of the inbox now and then."""
    while not stop.is_set():
        try:
            await inbox.prune(pool)
        except Exception as error:
            log.warning("inbox not pruned", error=repr(error))
        await asyncio.sleep(PRUNE_SECONDS)
