"""Parts are started by need, kept running, and stopped in order."""

import asyncio
import os
import pty
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from chassis.testing import eventually
from polepool_local import processes, reaper
from polepool_local.plan import Part, Step
from polepool_local.processes import NotStarted, Process
from polepool_local.supervisor import Row, Supervisor, supervised

Plan = list[Part | Step]
SLEEPS = "import time; time.sleep(600)"
IGNORES = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEPS}"
SUPERVISES = """
import asyncio, os, sys
from functools import partial
from pathlib import Path
from rich.console import Console
from polepool_local import display, plan, processes, supervisor, up

if os.isatty(0):
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # makes it the session's: whoever closes it hangs up

async def start(name):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    return processes.launch(name, [sys.executable, "-c", code], log=Path(sys.argv[1]) / f"{name}.log")

async def main():
    items = [plan.Part(name, (), partial(start, name), wave) for wave, name in enumerate(("broker", "service"))]
    async with supervisor.supervised(items, display.Progress(Console()).tell):
        await asyncio.Event().wait()

asyncio.run(up.unless_asked_to_stop(main()))
"""


class Stage:
    """Plays with small processes, and remembers what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[tuple[str, str]] = []

    def tell(self, _rows: list[Row], row: Row) -> None:
        self.told.append((row.name, row.state))

    def part(self, name: str, *needs: str, code: str = SLEEPS, wave: int = 0) -> Part:
        return Part(name, needs, partial(self.launch, name, code), wave)

    async def launch(self, name: str, code: str) -> Process:
        log = self.folder / f"{name}.log"
        process = processes.launch(name, [sys.executable, "-c", code], log=log)

        async def answers() -> None:
            if code == IGNORES and "deaf" not in log.read_text():
                raise ConnectionError

        await processes.until_answering(process, answers, log=log, patience=20.0)
        await asyncio.sleep(0)
        return process

    def when(self, name: str, state: str) -> int:
        return self.told.index((name, state))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    reaper.tie()
    return Stage(tmp_path)


def process_of(supervisor: Supervisor, name: str) -> Process:
    process = supervisor.rows[name].process
    assert process is not None
    return process


async def test_what_others_need_is_up_before_they_start(stage: Stage) -> None:
    async def migrated() -> str:
        return "3 migrations"

    items: list[Part | Step] = [
        stage.part("service", "step"),
        Step("step", ("database",), migrated),
        stage.part("database"),
    ]
    async with supervised(items, stage.tell) as supervisor:
        assert supervisor.rows["step"].detail == "3 migrations"
    assert stage.when("database", "running") < stage.when("step", "starting")
    assert stage.when("step", "done") < stage.when("service", "starting")


async def test_a_killed_process_is_shown_and_restarted(stage: Stage) -> None:
    async with supervised([stage.part("broker")], stage.tell) as supervisor:
        killed = process_of(supervisor, "broker")
        os.kill(killed.pid, signal.SIGKILL)
        row = await eventually(lambda: supervisor.rows["broker"].restarts == 1 and supervisor.rows["broker"].process)
        assert row
        assert process_of(supervisor, "broker").pid != killed.pid
        assert ("broker", "restarting") in stage.told


async def test_a_process_that_keeps_ending_is_restarted_ever_more_slowly(stage: Stage) -> None:
    said: list[str] = []

    def tell(_rows: list[Row], row: Row) -> None:
        if row.state == "restarting" and "again in" in row.detail:
            said.append(row.detail)

    async with supervised([stage.part("service", code="raise SystemExit(3)")], tell):
        await eventually(lambda: len(said) >= 3, timeout=20)
    assert said[:3] == [f"ended with code 3; again in {delay} s" for delay in (0.4, 0.8, 1.6)]


async def test_a_part_whose_restart_failed_for_whatever_reason_is_tried_again(stage: Stage) -> None:
    refused = [OSError(28, "No space left on device")]

    async def start() -> Process:
        if stage.told.count(("broker", "starting")) == 2:
            raise refused.pop()
        return await stage.launch("broker", SLEEPS)

    async with supervised([Part("broker", (), start, 0)], stage.tell) as supervisor:
        os.kill(process_of(supervisor, "broker").pid, signal.SIGKILL)
        await eventually(lambda: supervisor.rows["broker"].restarts == 2 and supervisor.rows["broker"].process)
        assert supervisor.rows["broker"].state == "running"
    assert refused == []


async def test_a_tale_that_nobody_hears_does_not_decide_what_runs(stage: Stage) -> None:
    def full(_rows: list[Row], _row: Row) -> None:
        raise OSError(28, "No space left on device")

    async with supervised([stage.part("broker")], full) as supervisor:
        killed = process_of(supervisor, "broker")
        os.kill(killed.pid, signal.SIGKILL)
        await eventually(lambda: supervisor.rows["broker"].restarts == 1 and supervisor.rows["broker"].process)
        restarted = process_of(supervisor, "broker")
    assert not processes.alive(restarted)


@pytest.mark.parametrize("output", ["pipe", "terminal"])
async def test_when_the_output_is_gone_everything_is_stopped_all_the_same(stage: Stage, output: str) -> None:
    ours, theirs = os.pipe() if output == "pipe" else pty.openpty()
    command = [sys.executable, "-c", SUPERVISES, str(stage.folder)]
    with os.fdopen(theirs, "wb") as end:
        supervisor = await asyncio.create_subprocess_exec(
            *command, stdin=end, stdout=end, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        )
    logs = [stage.folder / f"{name}.log" for name in ("broker", "service")]
    await eventually(lambda: all(log.exists() and log.read_text().endswith("\n") for log in logs), timeout=30)
    launched = [psutil.Process(int(log.read_text())) for log in logs]
    os.close(ours)
    if output == "pipe":  # as Ctrl-C ends `make demo | tee log`; who closes a terminal sends SIGHUP with that
        supervisor.send_signal(signal.SIGINT)
    await asyncio.wait_for(supervisor.wait(), 30)
    try:
        assert not any(process.is_running() for process in launched)
    finally:
        for process in launched:
            with suppress(psutil.NoSuchProcess):
                process.kill()


async def test_services_stop_before_the_broker_and_the_broker_before_the_database(stage: Stage) -> None:
    items: list[Part | Step] = [
        stage.part("database"),
        stage.part("broker", wave=1),
        stage.part("a", wave=2),
        stage.part("b", wave=2),
    ]
    async with supervised(items, stage.tell) as supervisor:
        running = [process_of(supervisor, name) for name in ("database", "broker", "a", "b")]
    assert max(stage.when("a", "stopped"), stage.when("b", "stopped")) < stage.when("broker", "stopping")
    assert stage.when("broker", "stopped") < stage.when("database", "stopping")
    assert not any(processes.alive(process) for process in running)


async def test_when_one_does_not_start_the_others_are_stopped_and_its_log_is_told(stage: Stage) -> None:
    async def refuses() -> str:
        raise NotStarted("the migration 0007 was changed")

    items: list[Part | Step] = [
        stage.part("database"),
        Step("step", ("database",), refuses),
        stage.part("service", "step"),
    ]
    with pytest.raises(NotStarted, match="0007"):
        async with supervised(items, stage.tell):
            pytest.fail("it must not come up")
    assert ("database", "stopped") in stage.told
    assert ("step", "failed") in stage.told
    assert ("service", "starting") not in stage.told


async def test_a_process_that_does_not_answer_in_time_is_killed(stage: Stage) -> None:
    log = stage.folder / "mute.log"
    process = processes.launch("mute", [sys.executable, "-c", f"print('still loading', flush=True); {SLEEPS}"], log=log)

    async def never() -> None:
        raise ConnectionRefusedError

    with pytest.raises(NotStarted, match=r"(?s)didn't answer within 1 s.*still loading"):
        await processes.until_answering(process, never, log=log, patience=1.0)
    assert not psutil.pid_exists(process.pid)


async def test_a_process_that_ignores_the_request_to_end_is_killed(stage: Stage) -> None:
    process = await stage.launch("deaf", IGNORES)
    await processes.stop(process, patience=0.3)
    assert not processes.alive(process)


async def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(stage: Stage) -> None:
    somebody = await stage.launch("somebody", SLEEPS)
    earlier = replace(somebody, name="gone", started=somebody.started - 3600)
    for remembered in (earlier, replace(somebody, name="gone", boot="another")):
        await processes.stop(remembered)
        await processes.kill(remembered)
        assert processes.alive(somebody)
    await processes.kill(somebody)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process keeps the time at which it started")
async def test_a_process_is_known_again_after_the_clock_was_set(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    running = await stage.launch("broker", SLEEPS)
    written_down = replace(running, name="as another command reads it")
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert processes.alive(written_down)
    await processes.kill(running)
    assert not processes.alive(written_down)


async def test_what_could_not_be_written_down_does_not_run_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[Process] = []

    def full(process: Process) -> None:
        launched.append(process)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes, "listeners", [full])
    with pytest.raises(OSError, match="No space left"):
        processes.launch("broker", [sys.executable, "-c", SLEEPS], log=stage.folder / "broker.log")
    assert not processes.alive(launched[0])
