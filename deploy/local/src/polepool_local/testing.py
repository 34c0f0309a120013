"""Real parts for tests: started in a folder that goes away, private brokers and servers that a test may kill."""

import asyncio
import secrets
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from polepool_local import kafka, postgres, processes
from polepool_local.ports import free_ports
from polepool_local.processes import Process

T = TypeVar("T")


@dataclass(slots=True)
class OwnKafka:
    """A broker of one test's own: its port stays the same however often it is stopped, killed and started."""

    broker: kafka.Broker
    process: Process | None = field(default=None)

    @property
    def bootstrap(self) -> str:
        """The address that clients are given."""
        return self.broker.bootstrap

    async def start(self) -> None:
        """Start the broker and wait until it takes requests."""
        self.process = await kafka.start(self.broker)

    async def stop(self) -> None:
        """Stop the broker in order."""
        if self.process:
            await kafka.stop(self.process)

    async def kill(self) -> None:
        """Kill the broker as a crash would (SIGKILL)."""
        if self.process:
            await processes.kill(self.process)

    async def lose(self) -> None:
        """Kill the broker and take its data away; started again, it has no topics and knows no groups."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.broker.folder)


@dataclass(slots=True)
class OwnPostgres:
    """A PostgreSQL server of one test's own, on a stable port."""

    server: postgres.Server
    process: Process | None = field(default=None)

    @property
    def admin_url(self) -> str:
        """The superuser's address."""
        return self.server.admin_url

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = await postgres.start(self.server)

    async def stop(self) -> None:
        """Stop the server; sessions are cut."""
        if self.process:
            await postgres.stop(self.process)

    async def kill(self) -> None:
        """Kill the server as a crash would (SIGKILL); its sessions, processes of their own, notice it and are gone."""
        if self.process:
            sessions = processes.children(self.process)
            await processes.kill(self.process)
            for session in sessions:
                await processes.gone(session, 10.0)


def new_kafka(folder: Path) -> OwnKafka:
    """Lay out a broker in this folder, on free ports; not started yet."""
    port, controller_port = free_ports(2)
    return OwnKafka(kafka.Broker(folder, port, controller_port))


def new_postgres(folder: Path) -> OwnPostgres:
    """Lay out a server in this folder, on a free port; not started yet, and not made to survive a power cut."""
    return OwnPostgres(postgres.Server(folder, free_ports(1)[0], secrets.token_urlsafe(16), durable=False))


async def start(*own: OwnPostgres | OwnKafka) -> None:
    """Start several at once; if one fails, none is left running."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in own:
                group.create_task(part.start())
    except BaseException:
        await stop(*own)
        raise


async def stop(*own: OwnPostgres | OwnKafka) -> None:
    """Stop several at once."""
    await asyncio.gather(*(part.stop() for part in own))


def in_a_loop_of_its_own(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end beside whatever event loop the caller may have."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
