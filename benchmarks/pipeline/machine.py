"""How busy the machine was with other work while it was measured."""

import os
import time

import psutil

from benchmarks.pipeline.children import cpu_seconds


class Machine:
    """Watches the machine's processors from its making on."""

    def __init__(self) -> None:
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return time.monotonic(), idle, cpu_seconds(os.getpid())

    def others(self) -> float:
        """The share of all processors' time that was used by processes that are not ours, 0 to 1."""
        wall, idle, ours = (now - before for now, before in zip(self._now(), self._began, strict=True))
        return max(0.0, 1 - (idle + ours) / (wall * (os.cpu_count() or 1)))
