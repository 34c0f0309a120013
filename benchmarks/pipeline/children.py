"""Processes of a measurement: started with a log of their own, waited for, and asked what they used."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

from polepool_local import processes
from polepool_local.processes import Process

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds that a program may take."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a peer or a writer is told, as one JSON argument."""

    bootstrap: str
    topic: str
    count: int
    seed: int
    database_url: str = ""
    rate: float = 0.0
    """Events per second; 0 means as fast as it goes."""
    seconds: float = 0.0
    workers: int = 1
    beside: Mapping[str, int] = field(default_factory=dict)
    """Pids of processes whose use of the processor is measured too, by name."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work."""

    process: Process
    log: Path

    def cpu(self) -> float:
        """User and system seconds that it used until now."""
        return cpu_seconds(self.process.pid)

    def rss(self) -> float:
        """Resident memory now, in MB (10^6 bytes)."""
        with suppress(psutil.Error):
            return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6
        return 0.0

    async def until_started(self) -> None:
        """Wait for a service's own word that it started."""
        await self._until('"event":"started"')

    async def until_subscribed(self) -> None:
        """Wait until a consumer is in its group."""
        await self._until('"event":"subscribed"')

    async def _until(self, word: str) -> None:
        async def said() -> None:
            if word not in self.log.read_text():
                raise AssertionError(word)

        await processes.until_answering(self.process, said, log=self.log, patience=60.0)

    async def answer(self) -> dict[str, Any]:
        """Wait for the program's end; its last line is its answer. Raises NotStarted when it failed."""
        if not await processes.gone(self.process, PATIENCE):
            await processes.kill(self.process)
        lines = self.log.read_text().splitlines()
        try:
            return dict(json.loads(lines[-1]))
        except (IndexError, ValueError):
            said = processes.tail(self.log)
            raise processes.NotStarted(f"{self.process.name} gave no answer:\n{said}") from None

    async def stop(self) -> None:
        """Ask it to end."""
        await processes.stop(self.process)


def start(folder: Path, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
    """Start `python -m <module> <arguments>`."""
    name = "-".join([module.rpartition(".")[2], *arguments[:1]])
    log = folder / f"{name}-{uuid4().hex[:8]}.log"
    full = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(environment or {})}
    process = processes.launch(name, [sys.executable, "-m", module, *arguments], log=log, environment=full, cwd=ROOT)
    return Child(process, log)


async def answer_of(folder: Path, program: str, name: str, spec: "DataclassInstance") -> dict[str, Any]:
    """Run one of our programs (`peers raw_produce`, `writer paced`) to its end and return its answer."""
    child = start(folder, f"benchmarks.pipeline.{program}", name, json.dumps(asdict(spec)))
    try:
        return await child.answer()
    finally:
        await asyncio.shield(child.stop())


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and of its children, those that have ended included."""
    total = 0.0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for each in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
