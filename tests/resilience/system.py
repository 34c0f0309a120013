"""The system under attack: real processes, a role each, on a PostgreSQL and a Kafka of their own.

    async with raised(folder, seed) as system:
        await system.kill("pooling-consume")      # whoever dies is started again at once, as a supervisor would
        await system.crash_at("relay.moved", "pooling-relay", times=3)

Sinks, tap and reader are processes too (`tests.resilience.sinks`, `.tap`, `.reader`), with ledgers of their own.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from chassis.settings import DatabaseSettings
from chassis.testing import Parts
from polepool_local import processes, testing
from polepool_local.ports import HOST
from tests.resilience.ledger import Answers
from tests.resilience.roles import Role
from tests.resilience.verdict import Verdict

PATIENCE = 60.0
"""Seconds that a process may take until it is ready."""


@dataclass
class System:
    """Everything that runs."""

    folder: Path
    seed: int
    database: testing.OwnPostgres
    broker: testing.OwnKafka
    clients: int = 8
    """Members who work at the same time."""
    databases: dict[str, DatabaseSettings] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    findings: list[Verdict] = field(default_factory=list)
    """What was measured while harm was done."""
    products: dict[str, processes.Process] = field(default_factory=dict)
    """The harness's own processes."""
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self.answers = Answers(self.ledger("load"))

    @property
    def parts(self) -> Parts:
        """The addresses of the parts."""
        return Parts(self.database.admin_url, self.broker.bootstrap)

    def ledger(self, name: str) -> Path:
        """Where a ledger is kept."""
        return self.folder / f"{name}.ledger"

    async def kill(self, name: str) -> None:
        """kill -9 a role, the broker or PostgreSQL; the latter two are started again here, the roles by themselves."""
        self.faults[f"kill {name}"] += 1
        if name == "kafka":
            await self.broker.kill()
            await self.broker.start()
        elif name == "postgres":
            await self.database.kill()
            await self.database.start()
        else:
            await self.roles[name].kill()

    def start_product(self, name: str, *more: str) -> processes.Process:
        """Start one of the harness's own processes, with `more` arguments than it has anyway."""
        arguments = {
            "sinks": (str(self.ports["smtp"]), str(self.ports["hooks"]), str(self.folder)),
            "tap": (self.broker.bootstrap, str(self.folder)),
            "load": (str(self.folder), str(self.seed), str(self.clients), self.broker.bootstrap),
            "reader": (str(self.folder), str(self.seed)),
            "racers": (str(self.folder), str(self.seed)),
        }
        command = [sys.executable, "-m", f"tests.resilience.{name}", *arguments[name], *more]
        process = processes.launch(name, command, log=self.folder / f"{name}.log", cwd=Path.cwd())
        self.products[name] = process
        return process

    async def let_receivers_be(self, manner: str) -> None:
        """Let the webhook receivers answer in this manner from now on."""
        async with httpx.AsyncClient() as http:
            told = await http.post(f"http://{HOST}:{self.ports['hooks']}/manner", json={"manner": manner})
            told.raise_for_status()

    async def crash_at(self, failpoint: str, role: str, times: int, within: float = 60.0) -> int:
        """Let a role die `times` at a failpoint while the load goes on; how often it did `within` so many seconds."""
        here, before = self.roles[role], self.roles[role].deaths
        here.orders = [f"{failpoint}:1"] * times
        await here.kill()  # this death is ours; the next start is armed
        target = before + 1 + times
        try:
            async with asyncio.timeout(within):
                while here.deaths < target:  # noqa: ASYNC110 - another process's
                    await asyncio.sleep(0.05)
        except TimeoutError:
            here.orders = []
        crashed = max(0, min(here.deaths - before - 1, times))
        if here.deaths < target:
            await here.kill()  # whatever is still armed goes
        self.faults[f"crash at {failpoint}"] += crashed
        return crashed

    @asynccontextmanager
    async def resting(self, *names: str) -> AsyncIterator[None]:
        """These roles end in order, and start again after it."""
        roles = [self.roles[name] for name in names]
        for role in roles:
            role.asked = True
        await asyncio.gather(*(processes.stop(role.process, patience=15) for role in roles if role.process))
        yield
        for role in roles:
            await role.start()
            role.asked = False
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until every role is ready. Raises TimeoutError naming those that aren't."""
        waiting = set(self.roles)
        try:
            async with asyncio.timeout(PATIENCE):
                while waiting:
                    ready = await asyncio.gather(*(self.roles[name].ready() for name in sorted(waiting)))
                    waiting -= {name for name, is_ready in zip(sorted(waiting), ready, strict=True) if is_ready}
                    await asyncio.sleep(0.05)
        except TimeoutError:
            tails = "\n".join(f"{name}:\n{processes.tail(self.roles[name].log)}" for name in sorted(waiting))
            raise TimeoutError(f"not ready within {PATIENCE:g} s:\n{tails}") from None
