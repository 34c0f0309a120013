"""A run: raise the system, let members work, do harm, let it become quiet, judge."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polepool_local import processes
from tests.resilience import checker
from tests.resilience.cast import cast
from tests.resilience.checker import Verdict
from tests.resilience.clients import LIMIT
from tests.resilience.evidence import Evidence, collect, connect, until_quiet
from tests.resilience.failpoints import FAILPOINTS
from tests.resilience.raising import raised
from tests.resilience.replay import replayed
from tests.resilience.system import System
from tests.resilience.verdict import verdict

Harm = Callable[[System, random.Random], Awaitable[None]]
WARM_UP = 50
"""Answers before the first fault."""
LANES = 4
"""Roles that crash at failpoints at the same time: most of the time each waits until it has something to do again."""
EACH = 20.0
"""Seconds that a role gets for each time that it is to die at a failpoint: some come there seldom."""


@dataclass(slots=True)
class Report:
    """What a run showed."""

    seed: int
    seconds: float
    faults: Counter[str]
    intents: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether no rule found anything wrong."""
        return all(each.holds for each in self.verdicts)

    def __str__(self) -> str:
        head = f"seed {self.seed}, {self.seconds:.0f} s, {self.faults.total()} faults, {dict(self.intents)}"
        return "\n".join([head, *map(str, self.verdicts)])


async def attack(
    folder: Path,
    seed: int,
    harm: Harm,
    *,
    planted: Sequence[str] = (),
    twice: Sequence[str] = (),
    balanced: bool = False,
) -> Report:
    """One run. `harm` does what it likes to the system while members work."""
    rng = random.Random(seed)
    async with raised(folder, seed, planted=planted, twice=twice, balanced=balanced) as system:
        await cast(system)
        began = time.time()
        load, reader = system.start_product("load"), system.start_product("reader")
        await until_answered(system, WARM_UP)
        await harm(system, rng)
        (folder / "stop").touch()
        assert await processes.gone(load, LIMIT + 60, 0.1), (
            f"the load doesn't end:\n{processes.tail(system.folder / 'load.log')}"
        )
        await system.until_ready()
        await processes.kill(reader)
        report = Report(seed, time.time() - began, system.faults)
        report.verdicts.append(await _quiet(system))
        report.verdicts += system.findings
        evidence = await collect(system, began)
        report.intents = _outcomes(evidence)
        report.verdicts += checker.judge(evidence)
        if report.verdicts[0].holds and (report.holds or not planted):  # a bug that was found needs no more
            report.verdicts.append(await replayed(system))
        return report


async def until_answered(system: System, count: int) -> None:
    """Wait until clients were answered this often since now. Raises AssertionError when the load has ended."""
    enough = system.answers.look().total() + count
    async with asyncio.timeout(120):
        while system.answers.look().total() < enough:
            load = system.products["load"]
            assert processes.alive(load), f"the load ended:\n{processes.tail(system.folder / 'load.log')}"
            await asyncio.sleep(0.1)


async def _quiet(system: System) -> Verdict:
    try:
        await until_quiet(system)
    except AssertionError as error:
        return verdict("it becomes quiet", 1, [str(error)])
    return verdict("it becomes quiet", 1, [])


def _outcomes(evidence: Evidence) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in evidence.intents:
        found["done" if each.success else "refused" if each.answers else "never answered"] += 1
        found["first unknown"] += bool(each.unknowns)
    return found


def random_kills(count: int, pause: float = 0.7) -> Harm:
    """kill -9 of any role, of the broker and of PostgreSQL, in an order that the seed decides."""

    async def harm(system: System, rng: random.Random) -> None:
        victims = [*system.roles, "kafka", "postgres"]
        for _ in range(count):
            await system.kill(rng.choice(victims))
            await asyncio.sleep(rng.uniform(0.2, 2 * pause))

    return harm


def sessions_cut(count: int, pause: float = 0.1) -> Harm:
    """PostgreSQL ends the sessions of a service, of one after the other, in an order that the seed decides."""

    async def harm(system: System, rng: random.Random) -> None:
        for _ in range(count):
            await _cut(system, rng.choice(sorted(system.databases)))
            await asyncio.sleep(rng.uniform(0, 2 * pause))

    return harm


async def _cut(system: System, service: str) -> None:
    system.faults[f"cut sessions of {service}"] += 1
    connection = await connect(system, service)
    try:
        await end_sessions(connection)
    finally:
        await connection.close()


async def end_sessions(connection: Any) -> None:
    """End all other sessions of this one's database."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def every_failpoint(times: int, names: Sequence[str] = tuple(FAILPOINTS)) -> Harm:
    """Die at each failpoint so many times, shared among the roles that come there, `LANES` roles at a time.

    Clients try longer (`clients.LIMIT`) than a role dies at one failpoint.
    """

    async def harm(system: System, rng: random.Random) -> None:
        orders = _orders(system, times, names)
        rng.shuffle(orders)
        locks = {role: asyncio.Lock() for _, role, _ in orders}

        async def lane() -> None:
            while orders:
                name, role, count = _take(orders, {role for role, lock in locks.items() if lock.locked()})
                async with locks[role]:
                    await system.crash_at(name, role, count, within=EACH * (1 + count))

        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(lane())

    return harm


def _orders(system: System, times: int, names: Sequence[str]) -> list[tuple[str, str, int]]:
    orders = []
    for name in names:
        roles = [role for role in FAILPOINTS[name].roles if role in system.roles]
        orders += [(name, role, -(-times // len(roles))) for role in roles]
    return orders


def _take(orders: list[tuple[str, str, int]], busy: set[str]) -> tuple[str, str, int]:
    """Of the orders for roles that aren't busy, one of the role that has most to do: so none is left with all of it."""
    left = Counter[str]()
    for _, role, count in orders:
        left[role] += count
    free = [order for order in orders if order[1] not in busy] or orders
    order = max(free, key=lambda order: left[order[1]])
    orders.remove(order)
    return order


def new_folder(base: Path, name: str) -> Path:
    """A new folder for a run."""
    folder = base / name
    folder.mkdir(parents=True)
    return folder
