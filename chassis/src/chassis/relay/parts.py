"""What the relay's loops share: their locks, their wake-ups, and sessions that come back after a loss."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from chassis import db
from chassis.db import Connection, Tx
from chassis.outbox import Bell
from chassis.settings import DatabaseSettings, KafkaSettings

log = structlog.get_logger(__name__)

LOCKS = 0x6F757462
"""The class of the relay's advisory locks; below it the numbers of each."""
SEQUENCER, ALIVE, FIRST_SLOT = 0, 1, 16

SLOTS = 4
"""Slots of keys, as the outbox's generated column makes them."""

POSITIONED = "polepool_positioned"
"""NOTIFY channel that tells publishers in other processes of new positions."""

LOOK = 1.0
"""Seconds between two tries to take over a lock."""

ALWAYS_BY_INDEX = {
    # A plan made while the table was small must not scan it when it has grown.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
}


@dataclass(slots=True)
class Relay:
    """One process's relay."""

    database: DatabaseSettings
    kafka: KafkaSettings
    source: str
    stop: asyncio.Event
    bell: Bell
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    positioned: asyncio.Event = field(default_factory=asyncio.Event)
    slots: set[int] = field(default_factory=set)


async def sessions(relay: Relay, settings: Mapping[str, str], work: Callable[[Connection], Awaitable[None]]) -> None:
    """Run `work` on a connection of its own; again on a new one, after a pause, each time the database goes away."""
    pause = 0.1
    while not relay.stop.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await once(relay, settings, work)
        except Exception as error:
            if not db.is_transient(error):
                raise
            if asyncio.get_running_loop().time() - started > 10:
                pause = 0.1
            log.warning("relay lost the database, trying again", error=str(error) or type(error).__name__)
            await nap(relay.stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(pause * 2, 2.0)


async def once(relay: Relay, settings: Mapping[str, str], work: Callable[[Connection], Awaitable[None]]) -> None:
    """Run `work` on a connection of its own. Raises what connecting or the work raises."""
    connection = await db.connect(relay.database, {**ALWAYS_BY_INDEX, **settings})
    try:
        await work(connection)
    finally:
        with suppress(Exception):
            await connection.close(timeout=2)


async def nap(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer than this."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def every(seconds: float, stop: asyncio.Event, work: Callable[[], Awaitable[object]]) -> None:
    """Do this now and then until told to stop; skip it while the database is away."""
    while not stop.is_set():
        try:
            await work()
        except Exception as error:
            if not db.is_transient(error):
                raise
            log.debug("database away, left out", error=str(error))
        await nap(stop, seconds)


async def try_lock(connection: Tx, number: int) -> bool:
    """Take one of the relay's locks for this session, if it is free."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", LOCKS, number))


async def unlock(connection: Tx, number: int) -> None:
    """Leave a lock to others."""
    await connection.fetchval("SELECT pg_advisory_unlock($1, $2)", LOCKS, number)
