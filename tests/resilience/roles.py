"""The processes of the services, a role each."""

import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from polepool_local import processes
from tests.resilience import failpoints, plants, release
from tests.resilience.balancer import is_ready

ROLES = {
    "membership": ("api", "relay"),
    "pooling": ("api", "consume", "relay", "expire", "match", "matcher"),
    "notifications": ("api", "consume", "mail", "webhook"),
}


@dataclass
class Role:
    """A process of a service with a role; started again whenever it dies."""

    name: str
    command: tuple[str, ...]
    settings: dict[str, str]
    url: str
    log: Path
    orders: list[str] = field(default_factory=list)
    """Failpoints for the next starts, one each."""
    plants: tuple[str, ...] = ()
    process: processes.Process | None = None
    deaths: int = 0
    asked: bool = False
    """Whether it is down on purpose."""
    tree: Path | None = None
    """The release that it is of, when it isn't the checkout's."""

    async def start(self) -> None:
        """Start it and wait until it is ready, or dead: a failpoint may end it before."""
        order = self.orders.pop(0) if self.orders else ""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([*([release.path(self.tree)] if self.tree else []), str(Path.cwd())]),
            release.VARIABLE: str(self.tree or ""),
            failpoints.VARIABLE: order,
            plants.VARIABLE: " ".join(self.plants),
            **{f"POLEPOOL_{name}": value for name, value in self.settings.items()},
        }
        command = [sys.executable, "-m", "tests.resilience.launch", *self.command]
        self.process = processes.launch(self.name, command, log=self.log, environment=environment)

    async def ready(self) -> bool:
        """Whether it answers that it is ready."""
        return await is_ready(self.url)

    async def kill(self) -> None:
        """Let it die without a word."""
        if self.process:
            await processes.kill(self.process)

    async def keep(self) -> None:
        """Start it again whenever it has died, until cancelled."""
        while True:
            if self.process and not self.asked and not processes.alive(self.process):
                self.deaths += 1
                await self.start()
            await asyncio.sleep(0.02)
