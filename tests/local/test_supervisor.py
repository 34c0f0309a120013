"""Parts are started by need, kept running, and stopped in order."""

import asyncio
import os
import signal
import sys
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
    remembered = Process("gone", somebody.pid, somebody.started - 3600)
    await processes.stop(remembered)
    await processes.kill(remembered)
    assert processes.alive(somebody)
    await processes.kill(somebody)
