"""Outages: something that the services need is away, silent, slow or full for a while, and comes back.

Each is a harm for `attack`; what it measures while it lasts is a finding of its own, beside what the checker says.
"""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from chassis.testing import eventually
from polepool_local import processes
from tests.resilience.attack import Harm, end_sessions, until_answered
from tests.resilience.evidence import connect
from tests.resilience.proxy import Line, Proxy
from tests.resilience.system import System
from tests.resilience.verdict import verdict

DRAINS = 60.0
"""Seconds within which a backlog is published once the broker is back."""
SAID = ("membership", "pooling")


async def broker_away_at_start(system: System, _rng: random.Random) -> None:
    """Everybody starts while there is no broker: what needs none works, the rest joins in once it is there."""
    await system.broker.stop()
    await asyncio.gather(*(system.kill(name) for name in system.roles))
    before = system.answers.done()
    await until_answered(system, 60)
    _accepted(system, "while everybody started without a broker", system.answers.done() - before)
    await system.broker.start()
    await backlog_drains(system, "after a start without a broker")


def broker_away(seconds: float) -> Harm:
    """The broker is away for so long, under load."""

    async def harm(system: System, _rng: random.Random) -> None:
        system.faults[f"broker away for {seconds:g} s"] += 1
        await system.broker.kill()
        before = system.answers.done()
        await asyncio.sleep(seconds)
        _accepted(system, "while the broker was away", system.answers.done() - before)
        await system.broker.start()
        await backlog_drains(system, "after the broker was away")

    return harm


def broker_silent(seconds: float) -> Harm:
    """The broker's process stands still: its connections are there, and nothing comes through."""

    async def harm(system: System, _rng: random.Random) -> None:
        system.faults[f"broker silent for {seconds:g} s"] += 1
        assert system.broker.process
        before = system.answers.done()
        async with _stopped(system.broker.process):
            await asyncio.sleep(seconds)
        _accepted(system, "while the broker was silent", system.answers.done() - before)
        await backlog_drains(system, "after the broker was silent")

    return harm


def database_away(seconds: float) -> Harm:
    """PostgreSQL is away for so long, under load."""

    async def harm(system: System, _rng: random.Random) -> None:
        system.faults["kill postgres"] += 1
        await system.database.kill()
        await asyncio.sleep(seconds)
        await system.database.start()
        await _works_again(system, "once the database is back")

    return harm


def databases_closed(times: int, seconds: float) -> Harm:
    """One service's database takes no sessions for a while, and the others go on; each so many times, in turns."""

    async def harm(system: System, rng: random.Random) -> None:
        for _ in range(times):
            for service in rng.sample(sorted(system.databases), len(system.databases)):
                async with _closed(system, service):
                    await asyncio.sleep(seconds)
        await _works_again(system, "once each database is open again")

    return harm


def bad_line(line: Line, roles: tuple[str, ...], seconds: float) -> Harm:
    """The connections of these roles to their database are slow, silent or cut for so long."""

    async def harm(system: System, _rng: random.Random) -> None:
        database_port = urlsplit(system.database.admin_url).port
        assert database_port
        async with Proxy(database_port) as proxy, _through(system, roles, proxy.port):
            system.faults[f"{line} line of {', '.join(roles)}"] += 1
            proxy.become(line)
            await asyncio.sleep(seconds)
            proxy.become(Line.OPEN)
            await _works_again(system, f"once the {line} line is good again")

    return harm


def consumer_stands_still(role: str, seconds: float) -> Harm:
    """A consumer's process stands still for longer than its session lasts, and goes on as if nothing had been."""

    async def harm(system: System, _rng: random.Random) -> None:
        system.faults[f"{role} stands still for {seconds:g} s"] += 1
        process = system.roles[role].process
        assert process
        async with _stopped(process):
            await asyncio.sleep(seconds)

    return harm


async def receivers_away(system: System, _rng: random.Random) -> None:
    """Nobody takes mails or webhooks for a while."""
    system.faults["mail server and webhook receivers away"] += 1
    await processes.kill(system.products["sinks"])
    await until_answered(system, 100)
    system.start_product("sinks")


async def receivers_misbehave(system: System, _rng: random.Random) -> None:
    """Webhook receivers answer slowly, endlessly, with errors, with redirects to where nobody should go."""
    for manner in ("slow", "endless", "error", "redirect", "garbage", "silent"):
        system.faults[f"webhook receivers: {manner}"] += 1
        await system.let_receivers_be(manner)
        await until_answered(system, 40)
    await system.let_receivers_be("good")


async def disk_full(system: System, _rng: random.Random) -> None:
    """The database's disk, a small one, is full for a while. See `small_disk`."""
    system.faults["database's disk full"] += 1
    ballast = system.folder / "postgres" / "ballast"
    await asyncio.to_thread(_fill, ballast)
    await asyncio.sleep(10)
    ballast.unlink()
    if system.database.process and not processes.alive(system.database.process):  # it ends itself without a disk
        system.faults["kill postgres"] += 1
        await system.database.start()
    await _works_again(system, "once the disk has room again")


def _fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65536)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Put a small tmpfs where a run in `folder` will have its database; whether mounting was allowed."""
    where = folder / "postgres"
    where.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(where)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603 - ours
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)  # noqa: S603, S607 - ours


def one_after_the_other(*harms: Harm) -> Harm:
    """All of these, with some work in between."""

    async def harm(system: System, rng: random.Random) -> None:
        for each in harms:
            await each(system, rng)
            await system.until_ready()
            await until_answered(system, 30)

    return harm


def outages(long: float = 60.0) -> Harm:
    """Every outage that needs no mount, one after the other; the broker's lasts `long` seconds."""
    lines = [
        bad_line(line, ("pooling-api", "pooling-consume", "pooling-relay"), 8)
        for line in (Line.SLOW, Line.SILENT, Line.CUT)
    ]
    return one_after_the_other(
        broker_away_at_start,
        broker_away(long),
        broker_silent(20),
        database_away(10),
        databases_closed(2, 5),
        *lines,
        consumer_stands_still("pooling-consume", 50),
        receivers_away,
        receivers_misbehave,
    )


@asynccontextmanager
async def _closed(system: System, service: str) -> AsyncIterator[None]:
    system.faults[f"closed database of {service}"] += 1
    inside = await connect(system, service)
    name = await inside.fetchval("SELECT quote_ident(current_database())")
    try:
        await inside.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")  # a superuser still comes in
        await end_sessions(inside)
        yield
    finally:
        await inside.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        await inside.close()


@asynccontextmanager
async def _stopped(process: processes.Process) -> AsyncIterator[None]:
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGCONT)


@asynccontextmanager
async def _through(system: System, roles: tuple[str, ...], port: int) -> AsyncIterator[None]:
    """Let roles reach their database through this port, then directly again; they are started anew for it."""
    own = {name: system.roles[name].settings["DATABASE__URL"] for name in roles}
    try:
        for name, url in own.items():
            address = urlsplit(url)
            netloc = address.netloc.replace(f":{address.port}", f":{port}")
            system.roles[name].settings["DATABASE__URL"] = urlunsplit(address._replace(netloc=netloc))
            await system.kill(name)
        await system.until_ready()
        yield
    finally:
        for name, url in own.items():
            system.roles[name].settings["DATABASE__URL"] = url
            await system.kill(name)


def _accepted(system: System, when: str, count: int) -> None:
    wrong = [] if count >= 10 else [f"only {count} commands were done"]
    system.findings.append(verdict(f"the APIs take commands {when}", count, wrong))


async def _works_again(system: System, when: str) -> None:
    before, began = system.answers.done(), time.monotonic()

    async def works() -> bool:
        return system.answers.done() >= before + 20

    await eventually(works, DRAINS, 0.1)
    rule = f"commands are done again {when}, in {time.monotonic() - began:.1f} s"
    system.findings.append(verdict(rule, system.answers.done() - before, []))


async def backlog_drains(system: System, when: str, within: float = DRAINS) -> None:
    """All that was committed until now is published within so many seconds."""
    began = time.monotonic()
    last = {service: await _last(system, service) for service in SAID}
    first = sum([await _unpublished(system, service, last[service]) for service in SAID])
    left = first
    while left and time.monotonic() < began + within:
        await asyncio.sleep(0.2)
        left = sum([await _unpublished(system, service, last[service]) for service in SAID])
    rule = f"the backlog drains within {within:g} s {when}"
    system.findings.append(verdict(rule, first, [f"{left} of {first} events are left"] if left else []))


async def _last(system: System, service: str) -> int:
    connection = await connect(system, service)
    try:
        return int(await connection.fetchval("SELECT coalesce(max(id), 0) FROM outbox"))
    finally:
        await connection.close()


async def _unpublished(system: System, service: str, last: int) -> int:
    connection = await connect(system, service)
    try:
        waiting = """
            SELECT count(*) FROM outbox JOIN outbox_cursor AS cursor USING (slot)
            WHERE id <= $1 AND (outbox.position IS NULL OR outbox.position > cursor.position)
        """
        return int(await connection.fetchval(waiting, last))
    finally:
        await connection.close()
