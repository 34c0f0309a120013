"""A batch of records: in one transaction, or one at a time when anything in it fails."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from aiokafka import TopicPartition

from chassis.consume.delivery import Delivery
from chassis.consume.effects import Effects, NotReady
from chassis.consume.partitions import Partitions, ends, of, starts
from chassis.consume.progress import Progress
from chassis.db import answers, is_transient
from chassis.dead_letters import Failure, Sender
from chassis.errors import Poison, Refused, Retry
from chassis.record import Record
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

ATTEMPTS = 4
"""How often a message is tried whose handler raises what it should not (a bug), before it is dead-lettered."""
TIMEOUTS = 16
"""How often a message is tried whose statement takes too long although the database answers others."""
SHORTEST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between tries."""


class Unsent(Exception):
    """A dead letter is not in its topic; the cause says why."""


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
    """Takes batches for one group. It never raises, so that whoever reads may go on."""

    def __init__(self, group: str, effects: Effects, sender: Sender, progress: Progress) -> None:
        self._group = group
        self._effects = effects
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
                # What nobody thought of: going on after these records would say that they are done.
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
            partitions.done(ends(records))

    async def _all_at_once(self, records: Sequence[Record]) -> None:
        deliveries: list[Delivery] = []
        poisoned: list[tuple[Record, Poison]] = []
        for record in records:
            try:
                delivery = self._effects.read(record)
            except Poison as error:
                poisoned.append((record, error))
            else:
                if delivery is not None:
                    deliveries.append(delivery)
        new = await self._effects.have(deliveries)
        metrics.CONSUMED.labels("effect").inc(new)
        metrics.CONSUMED.labels("seen").inc(len(deliveries) - new)
        for record, poison in poisoned:
            await self._bury(record, poison, Trouble(record.offset, attempts=1))
        metrics.CONSUMED.labels("skipped").inc(len(records) - len(deliveries) - len(poisoned))
        for partition in starts(records):
            self._troubles.pop(partition, None)

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
        partitions.done(done)

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
        which = {**_named(record), "attempts": trouble.attempts}
        if wait := await self._wait(error, trouble):
            log.warning("record waits", **which, error=repr(error))
            return wait
        log.error("record given up", **which, exc_info=None if isinstance(error, Refused | Poison) else error)
        try:
            await self._bury(record, error, trouble)
        except Unsent as unsent:
            log.warning("dead letter not sent", **which, error=repr(unsent))
            return Wait(trouble.delay(), everywhere=True)
        self._troubles.pop(of(record), None)
        return None

    async def _wait(self, error: Exception, trouble: Trouble) -> Wait | None:
        """How long a record waits that failed like this; None when it is to be given up.

        Only what a handler raised, or the database on its account, can ever be the record's fault.
        """
        if isinstance(error, Retry):
            return Wait(error.after, everywhere=False)
        if isinstance(error, NotReady | Unsent):
            return Wait(trouble.delay(), everywhere=True)
        if isinstance(error, Refused | Poison):
            return None
        if is_transient(error):
            timed_out = isinstance(error, TimeoutError) and trouble.attempts >= TIMEOUTS
            given_up = timed_out and await answers(self._effects.pool)
            return None if given_up else Wait(trouble.delay(), everywhere=True)
        # A bug is tried a few times, because "impossible" is sometimes only early.
        return Wait(trouble.delay(), everywhere=False) if trouble.attempts < ATTEMPTS else None

    def _trouble(self, record: Record) -> Trouble:
        trouble = self._troubles.get(of(record))
        if trouble is None or trouble.offset != record.offset:
            trouble = self._troubles[of(record)] = Trouble(record.offset)
        return trouble

    async def _bury(self, record: Record, error: Exception, trouble: Trouble) -> None:
        """Send the record to its dead-letter topic and wait until every replica in sync has it. Raises `Unsent`."""
        try:
            await self._sender.send(record, Failure(self._group, cause_of(error), trouble.attempts, trouble.since))
        except Exception as unsent:
            raise Unsent(repr(unsent)) from unsent
        metrics.CONSUMED.labels("dead_lettered").inc()
        metrics.DEAD_LETTERS.labels(record.topic).inc()


def _named(record: Record) -> dict[str, object]:
    """What a log calls a record: its place, and its event's id as far as it has one."""
    event_id = dict(record.headers).get("ce_id") or b""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": event_id[:36].decode(errors="replace"),
    }


def cause_of(error: Exception) -> str:
    """One line for whoever looks at the dead letter: no values of rows, which later lines of a database error hold."""
    if isinstance(error, Poison):
        return error.cause
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
