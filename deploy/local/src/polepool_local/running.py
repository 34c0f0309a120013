"""One supervisor per folder: runs everything, writes down what it does, and takes over from one that was killed."""

import fcntl
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict

import psutil
import structlog
from pydantic import BaseModel

from polepool_local import plan, processes
from polepool_local.addresses import Addresses, at
from polepool_local.home import Home, write_whole
from polepool_local.processes import Process
from polepool_local.supervisor import Row, Tell, supervised


class AlreadyRunning(Exception):
    """Another supervisor runs what is in this folder."""


class State(BaseModel):
    """What the supervisor last said."""

    supervisor: Process
    ports: dict[str, int]
    ready: bool = False
    rows: list[Row] = []


@asynccontextmanager
async def running(home: Home, tell: Tell) -> AsyncIterator[Addresses]:
    """Run everything while the block runs, and leave no process behind.

    Raises AlreadyRunning, or the first failure (processes.NotStarted with the end of the log).
    """
    with held(home):
        await end_leftovers(home)
        secrets = home.open()
        home.turn_logs()
        ports = home.ports()
        state = State(supervisor=this_process(), ports=ports)

        def say(rows: list[Row], row: Row) -> None:
            state.rows = rows
            try:
                write_whole(home.state, state.model_dump_json(indent=2))
            finally:
                tell(rows, row)

        # Migrations log as they run in services; here they are counted in a row of the display.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        with _remembering(home):
            async with supervised(plan.plan(home, secrets, ports), say) as supervisor:
                state.ready = True
                say(list(supervisor.rows.values()), next(reversed(supervisor.rows.values())))
                yield at(ports)


def state(home: Home) -> State | None:
    """What was last said in this folder, if anything was."""
    return State.model_validate_json(home.state.read_text()) if home.state.exists() else None


def rows(last: State) -> list[Row]:
    """What was last said, except that no process that ended since is said to run: a full disk keeps news from here."""
    return [
        row if row.process is None or processes.alive(row.process) else row.model_copy(update={"state": "ended"})
        for row in last.rows
    ]


def supervisor_of(home: Home) -> Process | None:
    """The supervisor that runs now."""
    last = state(home)
    return last.supervisor if last and processes.alive(last.supervisor) else None


async def stop(home: Home) -> bool:
    """Stop the supervisor, which stops everything, or what a killed one left; says whether anything ran.

    A folder in which nothing has run stays as it is.
    """
    if not home.lock.exists():
        return False
    supervisor = supervisor_of(home)
    if supervisor:
        with suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGTERM)
        await processes.gone(supervisor, 60.0)
    with held(home):
        return await end_leftovers(home) or supervisor is not None


async def end_leftovers(home: Home) -> bool:
    """Stop what a killed supervisor launched and what still runs; says whether there was anything."""
    left = [process for process in _launched(home) if processes.alive(process)]
    for process in sorted(left, key=lambda process: ("postgres", "kafka").count(process.name)):
        await plan.stop(process)
    home.launched.unlink(missing_ok=True)
    return bool(left)


def this_process() -> Process:
    """This very process."""
    return processes.known("supervisor", psutil.Process())


def _launched(home: Home) -> list[Process]:
    if not home.launched.exists():
        return []
    found = []
    for line in home.launched.read_text().splitlines():
        with suppress(ValueError):  # a line that was being written when the supervisor was killed
            found.append(Process(**json.loads(line)))
    return found


@contextmanager
def _remembering(home: Home) -> Iterator[None]:
    def remember(process: Process) -> None:
        with home.launched.open("a") as file:
            file.write(json.dumps(asdict(process)) + "\n")

    processes.listeners.append(remember)
    try:
        yield
    finally:
        processes.listeners.remove(remember)
        home.launched.unlink(missing_ok=True)


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when this process ends, however it ends."""
    home.folder.mkdir(parents=True, exist_ok=True)
    with home.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"Everything in {home.folder} is being run by another process") from None
        yield
