"""Runs each method on each case in a process of its own, and gathers what they found and used."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.matching.cases import OURS, Case

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv" / "peers" / "bin" / "python"
OR_TOOLS = {"CP-SAT": "cp-sat", "flow": "flow"}
PATIENCE, CHECKING = 20.0, 1_200.0
"""A process may take so many times its budget, and two minutes, before it is ended; the checker, which looks at each
line on each resource, so many seconds more."""
GRACE = 1.5
"""A peer that has no answer after so many times its budget, and ten seconds, is ended: it has no plan."""
LATE = signal.SIGALRM
"""How a process is ended; who runs out of memory gets another signal."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a method found: cents or None, seconds from its input in memory to its plan, and what is wrong with it.

    `memory` is the process's highest resident size in MB (10⁶ bytes), `warm` the seconds of a first tiny problem,
    `first` the seconds until the first plan was told.
    """

    case: Case
    method: str
    value: int | None
    bound: int | None
    seconds: float
    cpu: float
    memory: float
    wrong: list[str]
    rounds: int | None = None
    warm: float | None = None
    first: float | None = None


class Failed(Exception):
    """A process of the benchmark ended badly."""


def run(case: Case, say: Callable[[str], None]) -> list[Found]:
    """All methods on one case, one after the other. Raises Failed when a process does."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if not case.alone:
            say(f"{case.title}: the model")
            _process(case.title, folder, _step("model", case, folder), _patience(case))
        memory = dict(_methods(case, folder, say))
        say(f"{case.title}: checking")
        _process(case.title, folder, _step("check", case, folder), _patience(case) + CHECKING)
        return [
            _found(case, method, mb, json.loads((folder / f"{method}.json").read_text()))
            for method, mb in memory.items()
        ]


def _methods(case: Case, folder: Path, say: Callable[[str], None]) -> Iterator[tuple[str, float]]:
    """Each method that can run here, with the memory of its process."""
    for method in case.methods:
        if method in OR_TOOLS and not PEERS.exists():
            say("OR-Tools is not here; `make .venv/peers/.installed` brings it")
            continue
        say(f"{case.title}: {method}")
        if method == OURS:
            yield method, _process(case.title, folder, _command(method, case, folder), _patience(case))
        else:
            yield method, _peer(method, case, folder)


def _peer(method: str, case: Case, folder: Path) -> float:
    """Run a peer, no longer than its grace; returns its process's highest resident size in MB."""
    grace, answer = 10 + GRACE * case.seconds, folder / f"{method}.json"
    command = _command(method, case, folder)
    code, used = _ended(folder, command, grace)
    if code == -LATE:
        cpu = used.ru_utime + used.ru_stime
        answer.write_text(json.dumps({"chosen": None, "bound": None, "seconds": grace, "cpu": cpu}))
    elif code:
        raise _failed(case.title, folder, command)
    return _megabytes(used)


def _patience(case: Case) -> float:
    return 120 + PATIENCE * case.seconds


def _command(method: str, case: Case, folder: Path) -> list[str]:
    if method not in OR_TOOLS:
        return _step(method, case, folder)
    script, files = Path(__file__).parent / "peers" / "or_tools.py", (folder / "model.npz", folder / f"{method}.json")
    return [str(PEERS), str(script), OR_TOOLS[method], *map(str, files), str(case.seconds)]


def _step(step: str, case: Case, folder: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.matching.work", step, json.dumps(asdict(case)), str(folder)]


def joined(lines: int, seed: int) -> dict[str, float]:
    """The candidates beside a bare grid join; see `joining`. Raises Failed when the process does."""
    return measured("joining", lines, seed)


def measured(module: str, *arguments: str | int) -> dict[str, float]:
    """What another module of this package measures, in a process of its own. Raises Failed when the process does."""
    with TemporaryDirectory() as name:
        answer = Path(name) / "answer.json"
        command = [sys.executable, "-m", f"benchmarks.matching.{module}", *map(str, arguments), str(answer)]
        _process(module, Path(name), command, 600.0)
        return dict(json.loads(answer.read_text()))


def _process(title: str, folder: Path, command: list[str], patience: float) -> float:
    """Run a program to its end; returns its highest resident size in MB."""
    code, used = _ended(folder, command, patience)
    if code:
        raise _failed(title, folder, command)
    return _megabytes(used)


def _ended(folder: Path, command: list[str], patience: float) -> tuple[int, resource.struct_rusage]:
    """Run a program to its end, or so many seconds; its exit code and what it used. Hashes are seeded by chance."""
    with (folder / "log").open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)  # noqa: S603 - ours
        until = time.monotonic() + patience
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > until:
                process.send_signal(LATE)
            time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used


def _failed(title: str, folder: Path, command: list[str]) -> Failed:
    return Failed(f"{' '.join(command[1:4])} for {title}:\n{(folder / 'log').read_text()[-2_000:]}")


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)


def _found(case: Case, method: str, memory: float, told: dict[str, Any]) -> Found:
    return Found(
        case, method, told.get("value"), told.get("bound"), told["seconds"], told["cpu"], memory, told["wrong"],
        told.get("rounds"), told.get("warm"), told.get("first"),
    )  # fmt: skip


def bound_of(results: list[Found]) -> int | None:
    """The lowest bound that a method proved for a case."""
    return min((each.bound for each in results if each.bound is not None), default=None)


def gap(value: int | None, bound: int | None) -> float | None:
    """How far a plan can be from the best, relative to the bound."""
    return None if value is None or bound is None else (bound - value) / max(1, abs(bound))


def own_gap(results: list[Found]) -> float | None:
    """Our gap to our own bound."""
    return next((gap(each.value, each.bound) for each in results if each.method == OURS), None)
