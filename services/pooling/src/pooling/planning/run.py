"""When the territory is looked at: a moment after changes, and from time to time."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import structlog

from chassis.db import Tx, as_system, in_transaction, is_transient
from chassis.process import Running
from pooling.planning import metrics
from pooling.planning.planner import Planner
from pooling.planning.solving import COLD, GRACE, Solver, Unsolved
from pooling.settings import PoolingSettings
from pooling.store import plans
from pooling.store.plans import Heard, Overtaken

PATIENCE = 10
"""Changes that go on are waited out for this many times `plan_quiet_seconds` at most."""
LONGEST_BACKOFF = 60.0

log = structlog.get_logger(__name__)


async def run(running: Running[PoolingSettings]) -> None:
    """Plan until told to stop; faults that pass are waited out."""
    settings, loop = running.settings, asyncio.get_running_loop()
    alive_at, once_ready = loop.time(), False
    longest = settings.plan_seconds + 2 * (GRACE + COLD)

    async def alive() -> str | None:
        since = loop.time() - alive_at
        return f"matcher stands still for {since:.0f} s" if since > longest else None

    async def compiled() -> str | None:
        return None if once_ready else "the engine is being compiled"

    running.health.live("matcher", alive)
    running.health.ready("engine", compiled)
    every = timedelta(seconds=settings.plan_every_seconds)
    async with Solver(settings.plan_memory_mb) as solver:
        planner = Planner(running.pool, settings.database, solver, settings.plan_seconds, every)
        moment = Moment(settings.plan_quiet_seconds, settings.plan_every_seconds / 4)
        faults = 0
        while not running.stop.is_set():
            try:
                once_ready = await _unless_stopped(running.stop, _ready(solver))
                if moment.has_come(loop.time(), await _last_heard(running)):
                    more = await _unless_stopped(running.stop, planner.look())
                    moment.looked(loop.time(), more=more)
                faults = 0
            except Exception as error:
                faults += 1
                _put_off(error)
                moment.looked(loop.time(), more=True)
            alive_at = loop.time()
            await _pause(running.stop, min(settings.plan_quiet_seconds / 4 * 2 ** min(faults, 10), LONGEST_BACKOFF))


class Moment:
    """When to look: `quiet` seconds after changes, or amid them if they don't cease; and every `at_least` seconds."""

    def __init__(self, quiet: float, at_least: float) -> None:
        self.quiet, self.at_least = quiet, at_least
        self.seen: Heard | None = None
        self.first = self.last = 0.0
        self.waiting = True
        self.next = 0.0

    def has_come(self, now: float, heard: Heard) -> bool:
        """Whether to look now, the log having been read so far."""
        if heard != self.seen:
            self.first = self.first if self.waiting else now
            self.seen, self.last, self.waiting = heard, now, True
        over = now - self.last >= self.quiet or now - self.first >= PATIENCE * self.quiet
        return now >= self.next or (self.waiting and over)

    def looked(self, now: float, *, more: bool) -> None:
        """A look is over; `more`: there may be more to do, at once."""
        self.waiting = False
        self.next = now if more else now + self.at_least


async def _ready(solver: Solver) -> bool:
    await solver.make_ready()
    return True


async def _last_heard(running: Running[PoolingSettings]) -> Heard:
    async def work(tx: Tx) -> Heard:
        await as_system(tx)
        return await plans.last_heard(tx)

    return await in_transaction(running.pool, work, readonly=True)


async def _unless_stopped(stop: asyncio.Event, looking: Coroutine[Any, Any, bool]) -> bool:
    """Look, and leave it unfinished when the process must end: the solving process is killed then."""
    task = asyncio.create_task(looking)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return False
    return task.result()


def _put_off(error: Exception) -> None:
    """Faults that pass are told; others end the process."""
    if isinstance(error, Unsolved):
        metrics.FAILURES.inc()
        log.error("not planned", error=str(error))
    elif isinstance(error, Overtaken):
        log.info("another plan was first")
    elif is_transient(error):
        log.warning("work put off", worker="matcher", error=type(error).__name__)
    else:
        raise error


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
    except TimeoutError:
        return
