"""Sending to Kafka until it is acknowledged, however long the broker is away.

aiokafka's idempotent producer keeps one batch per partition in flight and retries it in its place, so batches of a
partition don't overtake each other; what it gives up on is sent again here with a new producer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from chassis.relay.parts import LOOK, Relay, nap
from chassis.relay.records import Entry, batch, hashes

log = structlog.get_logger(__name__)

MAX_BATCH = 512 * 1024
"""Bytes; below the broker's limit of 1 MiB for a batch."""

REQUEST_TIMEOUT = 10_000
"""Milliseconds."""

STUCK = 60.0
"""Seconds after which a producer that neither delivers nor fails is replaced: aiokafka can hang after a restart."""

LAST_PATIENCE = 4.0
"""Seconds that a relay which is told to stop waits for the broker."""

Place = tuple[str, int]
Groups = dict[Place, list[Entry]]
Check = Callable[[], Awaitable[None]]
"""Raises `Outdated` when that is so; asked often."""


class GaveUp(Exception):
    """The process stops and the broker hasn't acknowledged."""


class Outdated(Exception):
    """Earlier events are to be sent before those that the broker hasn't acknowledged: the cursors were set back."""


class Sender:
    """A producer that is replaced when it fails."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._producer: AIOKafkaProducer | None = None
        self._limit: asyncio.Timeout | None = None

    async def hurry_at_stop(self) -> None:
        """When told to stop, let what is being sent take only `LAST_PATIENCE` longer."""
        await self._relay.stop.wait()
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + LAST_PATIENCE)

    async def send(self, entries: Sequence[Entry], check: Check) -> None:
        """Send the entries and wait until the broker has all of them.

        Raises `GaveUp` only at the process's end, and what `check` raises; the caller closes the sender then.
        """
        try:
            async with asyncio.timeout(LAST_PATIENCE if self._relay.stop.is_set() else None) as self._limit:
                await self._until_acknowledged(entries, check)
        except TimeoutError:
            raise GaveUp from None
        finally:
            self._limit = None

    async def _until_acknowledged(self, entries: Sequence[Entry], check: Check) -> None:
        groups: Groups | None = None
        pause = 0.1
        while entries:
            try:
                producer = await self._started()
                groups = await self._grouped(producer, entries)
                while groups:
                    await check()
                    await self._deliver(producer, groups, check)
            except Outdated:
                raise
            except Exception as error:  # whatever it is: an event is never skipped, and operators see its age
                topics = sorted({entry.topic for entry in entries})
                log.warning("relay can't publish, trying again", error=repr(error), topics=topics)
                await self.close()
                await nap(self._relay.stop, pause)
                pause = min(pause * 2, 2.0)
            if groups is not None:
                entries = [entry for group in groups.values() for entry in group]

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._relay.kafka.bootstrap_servers,
                acks="all",
                enable_idempotence=True,
                max_batch_size=MAX_BATCH,
                request_timeout_ms=REQUEST_TIMEOUT,
                metadata_max_age_ms=60_000,
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _grouped(self, producer: AIOKafkaProducer, entries: Sequence[Entry]) -> Groups:
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {entry.topic for entry in entries}}
        groups: Groups = {}
        for entry, hashed in zip(entries, hashes([entry.key for entry in entries]), strict=True):
            groups.setdefault((entry.topic, hashed % counts[entry.topic]), []).append(entry)
        return groups

    async def _deliver(self, producer: AIOKafkaProducer, groups: Groups, check: Check) -> None:
        """Send a batch of each group, and take from `groups` what the broker has; raises what went wrong with others.

        A group's next batch waits for this one: a second in the producer's queue could be given up while the first,
        perhaps written, is still being retried.
        """
        sent: dict[Place, tuple[asyncio.Future[object], int]] = {}
        for place, entries in groups.items():
            built, taken = batch(entries, self._relay.source, producer)
            sent[place] = await producer.send_batch(built, place[0], partition=place[1]), taken
            sent[place][0].add_done_callback(_noted)
        await _answered([future for future, _ in sent.values()], check)
        failures: list[BaseException] = []
        for place, (future, taken) in sent.items():
            if not future.done():
                failures.append(KafkaTimeoutError(f"no answer within {STUCK:g} s"))
            elif (error := future.exception()) is not None:
                failures.append(error)
            elif taken < len(groups[place]):
                groups[place] = groups[place][taken:]
            else:
                del groups[place]
        if failures:
            raise failures[0]

    async def close(self) -> None:
        """Leave the broker, and make sure that nothing is sent any more."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # In a task of its own, since aiokafka lets the cancellation of its sender out to whoever stops the producer.
        closing = asyncio.create_task(_close(producer))
        await asyncio.wait([closing], timeout=2)
        closing.cancel()


async def _answered(futures: Sequence[asyncio.Future[object]], check: Check) -> None:
    """Wait until the broker has answered to all, but no longer than `STUCK`, and only while `check` lets us."""
    clock = asyncio.get_running_loop().time
    until, pending = clock() + STUCK, set(futures)
    while pending and (left := until - clock()) > 0:
        _, pending = await asyncio.wait(pending, timeout=min(left, LOOK))
        if pending:
            await check()


async def _close(producer: AIOKafkaProducer) -> None:
    # Its own stop would first wait for the broker, and a batch sent late would come after its successors.
    if producer._sender.sender_task is not None:
        producer._sender.sender_task.cancel()
    producer._message_accumulator.fail_all(KafkaError("the producer was given up"))
    with suppress(Exception, asyncio.CancelledError):
        await producer.stop()
    with suppress(Exception):
        await producer.client.close()


def _noted(future: asyncio.Future[object]) -> None:
    """Look at the error, so that nobody reports it as overlooked when it is no longer waited for."""
    if not future.cancelled():
        future.exception()
