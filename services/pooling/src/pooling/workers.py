"""Loops of pooling's own: holds that lapse, and matches proposed anew when offers, bookings or requests change."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from chassis import outbox
from chassis.db import Pool, Tx, as_system, in_transaction, is_transient
from chassis.process import Running
from pooling.handlers import bookings, matching
from pooling.planning import run as planning
from pooling.settings import PoolingSettings

Once = Callable[[Tx, datetime], Awaitable[int]]

LONGEST_BACKOFF = 10.0
TURN = 0.5
"""Seconds for which one kind of work goes on while another may wait."""
STILL = 120.0
"""Seconds without the end of a round after which the process counts as dead."""

log = structlog.get_logger(__name__)


async def run_once(pool: Pool, once: Once) -> int:
    """One round in a transaction of its own, as the system; how much it did."""

    async def work(tx: Tx) -> int:
        await as_system(tx)
        return await once(tx, datetime.now(UTC))

    done = await in_transaction(pool, work)
    if done:
        outbox.wake(pool)
    return done


async def run(name: str, rounds: list[Once], running: Running[PoolingSettings]) -> None:
    """Play these rounds in turn until told to stop, at once while there is work; wait out faults that pass.

    Each has a turn of the same length: many short rounds aren't held up by as many long ones.
    """
    clock = asyncio.get_running_loop()
    last = clock.time()

    async def alive() -> str | None:
        since = clock.time() - last
        return f"{name} stands still for {since:.0f} s" if since > STILL else None

    running.health.live(name, alive)
    faults = 0
    while not running.stop.is_set():
        try:
            done, faults = sum([await _turn(running, once) for once in rounds]), 0
        except Exception as error:
            if not is_transient(error):
                raise
            done, faults = 0, faults + 1
            log.warning("work put off", worker=name, error=type(error).__name__)
        last = clock.time()
        if not done:
            await _pause(running.stop, min(running.settings.sweep_seconds * 2 ** min(faults, 8), LONGEST_BACKOFF))


async def _turn(running: Running[PoolingSettings], once: Once) -> int:
    """Play this round until there is nothing to do for it, or its turn is over; how much it did."""
    clock = asyncio.get_running_loop()
    ends, done = clock.time() + TURN, 0
    while just_done := await run_once(running.pool, once):
        done += just_done
        if running.stop.is_set() or clock.time() >= ends:
            break
    return done


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
    except TimeoutError:
        return


async def expire(running: Running[PoolingSettings], _built: object) -> None:
    """Let holds lapse that nobody answered in time."""
    await run("expire", [bookings.expire], running)


async def match(running: Running[PoolingSettings], _built: object) -> None:
    """Propose anew what changed offers, ended bookings and reopened requests ask for."""
    await run("match", [matching.rematch_resources, matching.rematch_request], running)


async def matcher(running: Running[PoolingSettings], _built: object) -> None:
    """Plan the whole territory: after changes, and from time to time."""
    await planning.run(running)
