"""Start and stop processes so that only what was started here is ever signalled, and nothing stays behind."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL = 0.02  # seconds between two looks at a process
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the system knows it: a pid alone may long belong to somebody else.

    `started` is in seconds since the `boot`, however often the clock is set; where no boot is told, by the clock.
    """

    name: str
    pid: int
    started: float
    boot: str = ""


_children: dict[Process, subprocess.Popen[bytes]] = {}
_endings: dict[Process, int] = {}
listeners: list[Callable[[Process], None]] = []
"""Told of every process launched; see reaper.py."""


class NotStarted(Exception):
    """A process ended, or didn't answer in time, while it was being started."""


def launch(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> Process:
    """Start a command in a session and process group of its own, with its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - the commands are ours
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=cwd,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )
    try:
        process = known(name, psutil.Process(child.pid))
        for listener in listeners:
            listener(process)
    except BaseException:  # nobody would know of it
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    _children[process] = child
    return process


def known(name: str, found: psutil.Process) -> Process:
    """The process that the system has there now, to be known again."""
    if _BOOT.exists():
        return Process(name, found.pid, found.create_time() - psutil.boot_time(), _BOOT.read_text().strip())
    return Process(name, found.pid, found.create_time())


def alive(process: Process) -> bool:
    """Whether this very process (same pid and same start) still runs."""
    child = _children.get(process)
    if child is None:
        return _find(process) is not None
    if child.poll() is None:  # a killed JVM is a zombie for a moment while its threads still hold its ports
        return True
    _endings[process] = child.returncode
    del _children[process]
    return False


def ending(process: Process) -> str:
    """How a process that was launched here ended, in words."""
    code = _endings.get(process)
    if code is None:
        return "ended"
    return f"ended with code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _find(process: Process) -> psutil.Process | None:
    with suppress(psutil.Error):
        found = psutil.Process(process.pid)
        now = known(process.name, found)
        same = now.boot == process.boot and abs(now.started - process.started) < 1.0
        if same and found.status() != psutil.STATUS_ZOMBIE:
            return found
    return None


def children(process: Process) -> list[Process]:
    """The processes that it started and that still run."""
    found = []
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.Error):
                found.append(known(child.name(), child))
    return found


async def stop(process: Process, *, sig: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """Ask a process to end, and kill its whole group if it hasn't after `patience` seconds."""
    if not alive(process):
        return
    with suppress(ProcessLookupError):
        os.kill(process.pid, sig)
    if await gone(process, patience):
        return
    await kill(process)


async def kill(process: Process) -> None:
    """Kill a process with its group, without asking."""
    if not alive(process):
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await gone(process, 10.0)


async def gone(process: Process, patience: float, every: float = POLL) -> bool:
    """Wait until a process has ended, looking `every` so many seconds; False if it still runs after `patience`."""
    end = time.monotonic() + patience
    while alive(process):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True


async def until_answering(
    process: Process, answers: Callable[[], Awaitable[object]], *, log: Path, patience: float
) -> None:
    """Wait until a process really answers; kill it if it doesn't, or if the waiting is cancelled.

    Raises NotStarted, with the end of its log, if it ends before or doesn't answer within `patience` seconds.
    """
    try:
        async with asyncio.timeout(patience):
            await _answering(process, answers, log)
    except TimeoutError:
        await kill(process)
        raise NotStarted(f"{process.name} didn't answer within {patience:.0f} s:\n{tail(log)}") from None
    except BaseException:
        await kill(process)
        raise


async def _answering(process: Process, answers: Callable[[], Awaitable[object]], log: Path) -> None:
    while alive(process):
        try:
            await answers()
        except Exception:
            await asyncio.sleep(POLL)
        else:
            return
    raise NotStarted(f"{process.name} ended while starting:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
