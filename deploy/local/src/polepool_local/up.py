"""Everything up, shown as it starts: in this process, joined if it runs already, or handed to one in the background."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from polepool_local import display, processes, running
from polepool_local.addresses import Addresses, at
from polepool_local.home import Home
from polepool_local.processes import Process

LOOK = 0.1  # seconds between two looks at what a supervisor wrote down

T = TypeVar("T")


@asynccontextmanager
async def everything(home: Home, console: Console) -> AsyncIterator[Addresses]:
    """Have everything running while the block runs. If it was up before, it stays up after.

    Raises the first failure (processes.NotStarted with the end of the log).
    """
    if running.supervisor_of(home):
        addresses = await _joined(home)
        console.print("Everything runs already.")
        yield addresses
        return
    shown, began = display.Progress(console), time.monotonic()
    async with AsyncExitStack() as stack:
        with shown.live():
            addresses = await stack.enter_async_context(running.running(home, shown.tell))
        console.print(f"\nEverything runs, after {time.monotonic() - began:.1f} s.")
        yield addresses


async def in_background(home: Home, console: Console) -> None:
    """Start everything in a process of its own, and return once it all runs.

    Raises processes.NotStarted with what that process said.
    """
    command = [sys.executable, "-m", "polepool_local", "up", "--folder", str(home.folder)]
    log = home.log("supervisor")
    child = processes.launch("supervisor", command, log=log)
    shown, began = display.Progress(console), time.monotonic()
    seen: dict[str, str] = {}
    try:
        with shown.live():
            while not _tell(home, child, shown, seen):
                if not processes.alive(child):
                    raise processes.NotStarted(processes.tail(log))
                await asyncio.sleep(LOOK)
        console.print(f"\nEverything runs, after {time.monotonic() - began:.1f} s.")
    except asyncio.CancelledError:
        await processes.stop(child, patience=60.0)
        raise


async def unless_asked_to_stop(work: Coroutine[object, object, T]) -> T | None:
    """Do the work; SIGINT, SIGTERM and SIGHUP cancel it, once, and then there is no result."""
    task = asyncio.ensure_future(work)
    asked = False

    def ask() -> None:
        nonlocal asked
        if not asked:  # a second Ctrl-C must not interrupt the stopping
            asked = True
            task.cancel()

    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sig, ask)
    try:
        return await task
    except asyncio.CancelledError:
        return None


def where(home: Home) -> Table:
    """Where to look, once everything runs."""
    last = running.state(home)
    return display.where(at(last.ports)) if last else Table()


async def _joined(home: Home) -> Addresses:
    """The addresses of what another process runs, once all of it does."""
    while running.supervisor_of(home):
        last = running.state(home)
        if last and last.ready:
            return at(last.ports)
        await asyncio.sleep(LOOK)
    raise processes.NotStarted(f"It was being started, and failed: see {home.log('supervisor')}")


def _tell(home: Home, child: Process, shown: display.Progress, seen: dict[str, str]) -> bool:
    """Show what the process in the background wrote down since; says whether everything runs."""
    last = running.state(home)
    if last is None or last.supervisor.pid != child.pid:
        return False
    for row in last.rows:
        if seen.get(row.name) != row.state:
            seen[row.name] = row.state
            shown.tell(last.rows, row)
    return last.ready
