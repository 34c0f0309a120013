"""Nothing that a test run started outlives it, however it ends."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.testing import eventually
from polepool_local import processes
from polepool_local.processes import Process

PARENT = """
import signal, sys, time
from pathlib import Path
from polepool_local import processes, reaper
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background would ignore it
folder = Path(sys.argv[1])
reaper.tie(folder)
child = processes.launch("child", [sys.executable, "-c", "import time; time.sleep(600)"], log=folder / "child.log")
print(child.pid, repr(child.started), child.boot, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_what_a_process_launched_ends_with_it_and_its_folder_goes(tmp_path: Path, ending: signal.Signals) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    command = [sys.executable, "-c", PARENT, str(folder)]
    parent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    pid, started, *boot = (await parent.stdout.readline()).decode().split()
    child = Process("child", int(pid), float(started), *boot)
    assert processes.alive(child)
    parent.send_signal(ending)
    await parent.wait()
    await eventually(lambda: not processes.alive(child))
    await eventually(lambda: not folder.exists())
