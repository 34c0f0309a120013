"""Ends what a process started when that process is gone, however it went: `kill -9` and a second Ctrl-C included.

The reaper reads lines from a pipe that only its parent holds: `process PID STARTED` or `folder PATH`. When the pipe
closes, the parent is gone: the named processes are killed with their groups, then the named folders are removed.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from polepool_local import processes

_pipe: IO[bytes] | None = None


def tie(*folders: Path) -> None:
    """From now on, nothing that this process launches, and none of these folders, outlives it."""
    global _pipe  # noqa: PLW0603 - one reaper per process
    if _pipe is None:
        command = [sys.executable, "-m", "polepool_local.reaper"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - ours
        _pipe = child.stdin
        processes.listeners.append(lambda process: _say(f"process {process.pid} {process.started!r} {process.boot}"))
    for folder in folders:
        _say(f"folder {folder}")


def _say(line: str) -> None:
    if _pipe:
        _pipe.write(f"{line}\n".encode())
        _pipe.flush()


def main() -> None:
    """Wait for the parent's end, then clean up after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = [line.strip().split(" ", 1) for line in sys.stdin]
    for what, which in said:
        if what == "process":
            pid, started, *boot = which.split()
            asyncio.run(processes.kill(processes.Process("orphan", int(pid), float(started), *boot)))
    for what, which in said:
        if what == "folder":
            shutil.rmtree(which, ignore_errors=True)


if __name__ == "__main__":
    main()
