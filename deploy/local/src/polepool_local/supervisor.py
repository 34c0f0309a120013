"""Starts the plan as fast as its needs allow, keeps every part running, shows what happens, stops it in order."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import groupby

from pydantic import BaseModel

from polepool_local import plan, processes
from polepool_local.plan import Part, Step
from polepool_local.processes import NotStarted, Process

WATCH = 0.1  # seconds between two looks at a running process
FIRST_DELAY, LONGEST_DELAY = 0.2, 30.0  # seconds before a restart; doubled each time
SETTLED = 30.0  # seconds after which a process counts as running well


class Row(BaseModel):
    """What there is to say of one part or step. `since` is in seconds since 1970."""

    name: str
    state: str = "waiting"
    detail: str = ""
    address: str = ""
    process: Process | None = None
    restarts: int = 0
    since: float = 0.0
    took: float | None = None


Tell = Callable[[list[Row], Row], None]
"""Called with all rows and the one that changed."""


class Supervisor:
    """One run of a plan."""

    def __init__(self, items: Sequence[Part | Step], tell: Tell) -> None:
        self._items = items
        self._tell = tell
        self.rows = {item.name: Row(name=item.name, since=time.time()) for item in items}
        self._up: dict[str, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start everything; returns when all of it answers. Raises the first failure, such as NotStarted."""
        self._up = {item.name: asyncio.get_running_loop().create_future() for item in self._items}
        self._tasks = [asyncio.create_task(self._see_to(item)) for item in self._items]
        await asyncio.gather(*self._up.values())

    async def stop(self) -> None:
        """Stop what runs, wave by wave; nothing is left behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        parts = sorted((item for item in self._items if isinstance(item, Part)), key=lambda part: -part.wave)
        ended: list[BaseException | None] = []
        for _, wave in groupby(parts, key=lambda part: part.wave):
            ended += await asyncio.gather(*(self._stop(part) for part in wave), return_exceptions=True)
        for problem in filter(None, ended):  # only now: what can't be stopped mustn't keep the rest running
            raise problem

    async def _stop(self, part: Part) -> None:
        process = self.rows[part.name].process
        if process is not None:
            self._say(part.name, "stopping")
            await plan.stop(process)
            self._say(part.name, "stopped", process=None)

    async def _see_to(self, item: Part | Step) -> None:
        up = self._up[item.name]
        try:
            await asyncio.gather(*(asyncio.shield(self._up[need]) for need in item.needs))
            await self._begin(item)
        except NotStarted as error:
            if self.rows[item.name].state == "starting":  # else it waited for the one that failed
                self._say(item.name, "failed", str(error))
            up.set_exception(error)
            up.exception()  # seen: others may wait for it, or nobody
            return
        up.set_result(None)
        if isinstance(item, Part):
            await self._keep(item)

    async def _begin(self, item: Part | Step) -> None:
        """Start a part or do a step; raises NotStarted, whatever the reason: a full disk too is tried again later."""
        self._say(item.name, "starting")
        began = time.monotonic()
        try:
            done = await (item.run() if isinstance(item, Step) else item.start())
        except NotStarted:
            raise
        except Exception as problem:
            raise NotStarted(f"{type(problem).__name__}: {problem}") from problem
        took = time.monotonic() - began
        if isinstance(done, Process):
            self._say(item.name, "running", process=done, took=took, address=getattr(item, "address", ""))
        else:
            self._say(item.name, "done", done, took=took)

    async def _keep(self, part: Part) -> None:
        """Restart the part whenever it ends, sooner or later."""
        delay = FIRST_DELAY
        while True:
            process = self.rows[part.name].process
            began = time.monotonic()
            if process:
                await processes.gone(process, math.inf, every=WATCH)
            delay = FIRST_DELAY if time.monotonic() - began > SETTLED else min(delay * 2, LONGEST_DELAY)
            row = self.rows[part.name]
            row.restarts += 1
            ended = processes.ending(process) if process else row.detail
            self._say(part.name, "restarting", f"{ended}; again in {delay:.1f} s", process=None)
            await asyncio.sleep(delay)
            try:
                await self._begin(part)
            except NotStarted as error:
                self._say(part.name, "restarting", str(error).partition("\n")[0], process=None)

    def _say(self, name: str, state: str, detail: str = "", **more: object) -> None:
        row = self.rows[name].model_copy(update={"state": state, "detail": detail, "since": time.time(), **more})
        self.rows[name] = row
        # Nobody may be left to tell: a terminal was closed, a pipe broke (rich then raises SystemExit), a disk is full.
        # That mustn't decide what runs.
        with suppress(Exception, SystemExit):
            self._tell(list(self.rows.values()), row)


@asynccontextmanager
async def supervised(items: Sequence[Part | Step], tell: Tell) -> AsyncIterator[Supervisor]:
    """Run a plan while the block runs; raises what kept it from starting."""
    supervisor = Supervisor(items, tell)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await _to_the_end(asyncio.create_task(supervisor.stop()))


async def _to_the_end(task: asyncio.Task[None]) -> None:
    """Wait for a task even if this one is cancelled meanwhile: half stopped would leave processes behind."""
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
