"""When background work is done: at once while there is some, else every poll interval, until told to stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from chassis.db import Pool, Tx, as_system, in_transaction, is_transient
from chassis.health import Health

log = structlog.get_logger(__name__)

STILL = 120.0
"""Seconds without the end of a round after which the process counts as dead."""
LONGEST_BACKOFF = 10.0
SAVE_AGAIN = (0.1, 0.5, 2.0, 5.0)
"""Seconds between tries to save an outcome: what isn't saved is done again, and whoever it is for gets it twice."""

T = TypeVar("T")


async def forever(
    name: str,
    once: Callable[[], Awaitable[int]],
    poll: float,
    stop: asyncio.Event,
    health: Health,
    *,
    still: float = STILL,
) -> None:
    """Call `once` until `stop` is set; it returns how much it did. Transient faults are waited out; others raise.

    `poll` is the pause in seconds when there was nothing to do; a round longer than `still` counts as dead.
    """
    clock = asyncio.get_running_loop()
    last = clock.time()

    async def alive() -> str | None:
        since = clock.time() - last
        return f"{name} stands still for {since:.0f} s" if since > still else None

    health.live(name, alive)
    faults = 0
    while not stop.is_set():
        try:
            done, faults = await once(), 0
        except Exception as error:
            if not is_transient(error):
                raise
            done, faults = 0, faults + 1
            log.warning("work put off", worker=name, error=type(error).__name__)
        last = clock.time()
        if not done:
            await pause(stop, min(poll * 2 ** min(faults, 8), LONGEST_BACKOFF))


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait about this long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
    except TimeoutError:
        return


async def saved(pool: Pool, save: Callable[[Tx], Awaitable[T]]) -> T:
    """Save an outcome, as the system; again for some seconds while the database is away."""

    async def work(tx: Tx) -> T:
        await as_system(tx)
        return await save(tx)

    for seconds in SAVE_AGAIN:
        try:
            return await in_transaction(pool, work)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("outcome not saved, trying again", error=type(error).__name__)
            await asyncio.sleep(seconds)
    return await in_transaction(pool, work)
