"""The subscriber: FastStream consumes in batches; what is done with a batch, and when it counts, is ours to say."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from chassis import inbox
from chassis.consume.delivery import Handlers
from chassis.consume.partitions import Partitions
from chassis.consume.progress import Progress
from chassis.consume.watch import watch
from chassis.consume.worker import Worker
from chassis.db import Pool
from chassis.dead_letters import Sender
from chassis.health import Health
from chassis.record import Record
from chassis.settings import KafkaSettings

log = structlog.get_logger(__name__)

BATCH = 500
"""Records at most in a batch, and so in a transaction."""
POLL_MS = 5
"""FastStream waits this long for records, then sleeps as long before it asks again."""
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
"""Between two tries to subscribe, while the broker is away or lacks a topic."""


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
    worker = Worker(service, handlers, pool, sender, progress)
    started = asyncio.Event()
    health.live("consume", progress.alive)
    health.ready("consume", partial(_assigned, started))
    pruning = asyncio.create_task(_prune(pool, stop))
    try:
        while not stop.is_set():
            subscription = subscribe(service, list(handlers), kafka, worker.take, progress, instance)
            await _consume(subscription, progress, started, stop)
    finally:
        pruning.cancel()
        await sender.close()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer in its group, as FastStream runs it, not started yet."""

    broker: KafkaBroker
    subscriber: Any
    partitions: Partitions


def subscribe(
    group: str,
    topics: Sequence[str],
    kafka: KafkaSettings,
    take: Callable[[Sequence[Record], Partitions], Awaitable[None]],
    progress: Progress,
    instance: str | None = None,
) -> Subscription:
    """Wire one batch subscriber for all the topics: one group, one consumer, manual acknowledgement, raw records."""
    broker = KafkaBroker(
        kafka.bootstrap_servers.split(","),
        logger=None,
        apply_types=False,
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=STOP_TIMEOUT,
        metadata_max_age_ms=METADATA_MS,
    )
    listener = _Moves(progress)
    subscriber = broker.subscriber(
        *topics,
        batch=True,
        group_id=group,
        group_instance_id=instance,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        parser=_wrapped,
        decoder=_raw,
        listener=listener,
        max_records=BATCH,
        batch_timeout_ms=POLL_MS,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        no_reply=True,
    )
    partitions = listener.partitions = Partitions(lambda: subscriber.consumer)

    async def on_batch(records: Any) -> None:  # Any: FastStream builds a validator from the annotation
        await take(records, partitions)

    subscriber(on_batch)
    return Subscription(broker, subscriber, partitions)


async def _wrapped(records: tuple[Any, ...]) -> KafkaMessage:
    """The parser: wraps the raw records as they are. The framework's own loses batches over a null header."""
    return KafkaMessage(raw_message=records, body=records, consumer=FAKE_CONSUMER)


async def _raw(message: KafkaMessage) -> Any:
    """The decoder: what `_wrapped` wrapped."""
    return message.raw_message


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Lets the batch in hand finish before its partitions go to another consumer, if it does so soon."""

    partitions: Partitions

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self._progress.idle_within(HAND_OVER_SECONDS)
            await self.partitions.flush()
        self.partitions.forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions assigned", partitions=len(assigned))


async def _consume(subscription: Subscription, progress: Progress, started: asyncio.Event, stop: asyncio.Event) -> None:
    """Start, consume until `stop` is set or the subscription is lost, and stop in order. Logs what goes wrong."""
    try:
        if await _unless(stop, subscription.broker.start()):
            started.set()
            log.info("subscribed", group=subscription.subscriber.group_id)
            await watch(subscription.subscriber, subscription.partitions, progress, stop)
    except (KafkaError, OSError) as error:
        log.warning("not subscribed, trying again", error=repr(error))
        await _unless(stop, asyncio.sleep(RETRY_SECONDS))
    finally:
        started.clear()
        subscription.partitions.close()
        await _stop(subscription.broker)


async def _stop(broker: KafkaBroker) -> None:
    """Stop, in a task of its own: a cancellation inside aiokafka must not look like one of ours."""
    stopping = asyncio.create_task(broker.stop())
    try:
        await asyncio.wait([stopping], timeout=STOP_TIMEOUT + 2)
    finally:
        stopping.cancel()
    if not stopping.done() or stopping.cancelled():
        log.warning("subscriber not stopped in order", error="cancelled or too slow")
    elif error := stopping.exception():
        log.warning("subscriber not stopped in order", error=repr(error))


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
