"""A batch of records: in one transaction, or one at a time when anything in it fails."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis import inbox, outbox
from chassis.consume.decode import decode
from chassis.consume.delivery import Delivery, Handler, Handlers
from chassis.consume.partitions import Partitions, ends, of, starts
from chassis.consume.progress import Progress
from chassis.db import Pool, Tx, as_system, in_transaction, is_transient
from chassis.dead_letters import Failure, Sender
from chassis.errors import Poison, Refused, Retry
from chassis.record import Record
from chassis.telemetry import continued, metrics

log = structlog.get_logger(__name__)

ATTEMPTS = 4
"""How often a message is tried whose handler raises what it should not (a bug), before it is dead-lettered."""
SHORTEST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between tries."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A record must wait; `everywhere` when what it waits for is needed by every partition."""

    seconds: float
    everywhere: bool


@dataclass(slots=True)
class Trouble:
    """A message that failed: how often, and since when."""

    offset: int
    attempts: int = 0
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def delay(self) -> float:
        """Seconds until the next try: doubled each time up to a limit, with jitter."""
        longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2.0 ** min(self.attempts, 10))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - jitter


class Worker:
    """Takes batches for one group. It never raises, so that nothing is left to the framework to decide."""

    def __init__(self, group: str, handlers: Handlers, pool: Pool, sender: Sender, progress: Progress) -> None:
        self._group = group
        self._handlers = {
            (topic, model.TYPE): handler for topic, table in handlers.items() for model, handler in table.items()
        }
        self._models = {topic: {model.TYPE: model for model in table} for topic, table in handlers.items()}
        self._pool = pool
        self._sender = sender
        self._progress = progress
        self._troubles: dict[TopicPartition, Trouble] = {}

    async def take(self, records: Sequence[Record], partitions: Partitions) -> None:
        """Handle the records, dead-letter those that can't be, commit their offsets; or hold their partitions."""
        metrics.BATCH_SIZE.observe(len(records))
        with self._progress.busy():
            try:
                await self._take(records, partitions)
            except Exception:
                # What nobody thought of: the framework would go on after these records as if they were done.
                log.exception("batch not handled")
                for partition, offset in starts(records).items():
                    partitions.hold(partition, offset, LONGEST_DELAY)

    async def _take(self, records: Sequence[Record], partitions: Partitions) -> None:
        try:
            await self._all_at_once(records)
        except Exception as error:
            log.warning("batch rolled back, taking one at a time", records=len(records), error=repr(error))
            await self._one_by_one(records, partitions)
        else:
            await partitions.commit(ends(records))

    async def _all_at_once(self, records: Sequence[Record]) -> None:
        deliveries: list[Delivery] = []
        poisoned: list[tuple[Record, Poison]] = []
        for record in records:
            try:
                delivery = decode(record, self._models[record.topic])
            except Poison as error:
                poisoned.append((record, error))
            else:
                if delivery is not None:
                    deliveries.append(delivery)
        await self._effects(deliveries)
        for record, poison in poisoned:
            await self._bury(record, poison, Trouble(record.offset, attempts=1))
        metrics.CONSUMED.labels("skipped").inc(len(records) - len(deliveries) - len(poisoned))
        for partition in starts(records):
            self._troubles.pop(partition, None)

    async def _effects(self, deliveries: Sequence[Delivery]) -> None:
        """All the deliveries' effects in one transaction, or none."""
        if not deliveries:
            return
        new = await in_transaction(self._pool, partial(self._apply, deliveries))
        metrics.CONSUMED.labels("effect").inc(new)
        metrics.CONSUMED.labels("seen").inc(len(deliveries) - new)
        if new:
            outbox.wake(self._pool)  # asking whether the handlers said anything costs more than a ring

    async def _apply(self, deliveries: Sequence[Delivery], tx: Tx) -> int:
        await as_system(tx)
        # By topic, for each handler one run where batches mix topics: so what it locks, it locks in one order.
        # Nothing is out of order by that: order holds within a key, and a key has one topic.
        new = sorted(await inbox.claim(tx, deliveries), key=lambda delivery: delivery.topic)
        for handler, run in groupby(new, key=self._handler_of):
            await _handle(tx, handler, list(run))
            self._progress.step()
        return len(new)

    def _handler_of(self, delivery: Delivery) -> Handler:
        return self._handlers[delivery.topic, delivery.envelope.type]

    async def _one_by_one(self, records: Sequence[Record], partitions: Partitions) -> None:
        """Each record in a transaction of its own. A partition whose record must wait is held there."""
        done: dict[TopicPartition, int] = {}
        held: set[TopicPartition] = set()
        wait: Wait | None = None
        for record in records:
            partition = of(record)
            if partition in held:
                continue
            if not (wait and wait.everywhere):
                self._progress.step()
                wait = await self._one(record)
            if wait is None:
                done[partition] = record.offset + 1
            else:
                held.add(partition)
                partitions.hold(partition, record.offset, wait.seconds)
        await partitions.commit(done)

    async def _one(self, record: Record) -> Wait | None:
        try:
            await self._all_at_once([record])
        except Exception as error:
            return await self._failed(record, error)
        return None

    async def _failed(self, record: Record, error: Exception) -> Wait | None:
        """Count the try; give the record up, or say how long it waits."""
        trouble = self._trouble(record)
        trouble.attempts += 1
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        if _may_pass(error) or (_is_bug(error) and trouble.attempts < ATTEMPTS):
            log.warning("record waits", **where, attempts=trouble.attempts, error=repr(error))
            return Wait(trouble.delay(), everywhere=not isinstance(error, Retry) and not _is_bug(error))
        log.error("record given up", **where, attempts=trouble.attempts, exc_info=error if _is_bug(error) else None)
        try:
            await self._bury(record, error, trouble)
        except Exception as unsent:
            log.warning("dead letter not sent", **where, error=repr(unsent))
            return Wait(trouble.delay(), everywhere=True)
        self._troubles.pop(of(record), None)
        return None

    def _trouble(self, record: Record) -> Trouble:
        trouble = self._troubles.get(of(record))
        if trouble is None or trouble.offset != record.offset:
            trouble = self._troubles[of(record)] = Trouble(record.offset)
        return trouble

    async def _bury(self, record: Record, error: Exception, trouble: Trouble) -> None:
        """Send the record to its dead-letter topic and wait until every replica in sync has it."""
        await self._sender.send(record, Failure(self._group, _cause(error), trouble.attempts, trouble.since))
        metrics.CONSUMED.labels("dead_lettered").inc()
        metrics.DEAD_LETTERS.labels(record.topic).inc()


async def _handle(tx: Tx, handler: Handler, run: Sequence[Delivery]) -> None:
    """Call the handler within the trace of the run's events, if they are of one."""
    traces = {delivery.envelope.traceparent for delivery in run}
    name = getattr(handler, "__qualname__", type(handler).__name__)
    with metrics.HANDLER_SECONDS.labels(name).time(), continued(traces.pop() if len(traces) == 1 else None, name):
        await handler(tx, run)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, Retry | KafkaError) or is_transient(error)


def _is_bug(error: Exception) -> bool:
    """What a handler should not raise: tried a few times, because "impossible" is sometimes only early."""
    return not isinstance(error, Refused | Poison) and not _may_pass(error)


def _cause(error: Exception) -> str:
    """One line for whoever looks at the dead letter: no values of rows, which later lines of a database error hold."""
    if isinstance(error, Poison):
        return error.cause
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
