"""How the small programs of the benchmark run: on uvloop, as the services do, with one line of JSON as their answer."""

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import psutil
import uvloop

from benchmarks.pipeline.children import cpu_seconds

G = TypeVar("G", contravariant=True)


class Program(Protocol[G]):
    """Does what it is given and answers with figures."""

    def __call__(self, spec: G, /) -> Coroutine[Any, Any, Mapping[str, Any]]: ...


class Stopwatch:
    """Wall and processor time since it was made; other processes' too, by name and pid."""

    def __init__(self, others: Mapping[str, int] | None = None) -> None:
        self._others = others or {}
        self._began = self._times()

    def _times(self) -> dict[str, float]:
        others = {name: cpu_seconds(pid) for name, pid in self._others.items()}
        return {**others, "cpu": time.process_time(), "seconds": time.perf_counter()}

    def read(self) -> dict[str, float]:
        """Seconds by name (`cpu` is this process), and this process's resident memory now in MB."""
        spent = {name: now - self._began[name] for name, now in self._times().items()}
        return {**spent, "rss": psutil.Process().memory_info().rss / 1e6}


def main(programs: Mapping[str, Program[G]], given: type[G]) -> None:
    """Run the program that the first argument names with what the second says, as JSON."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer = runner.run(programs[sys.argv[1]](given(**json.loads(sys.argv[2]))))
    print(json.dumps(answer), flush=True)
