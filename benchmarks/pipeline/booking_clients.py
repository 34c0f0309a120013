"""Those who book, as a process of their own: by bare inserts, by the handler without HTTP, and over HTTP."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from benchmarks.pipeline.programs import Stopwatch, main
from chassis.access import Identity
from chassis.db import Pool, Tx, in_transaction, new_id, open_pool
from chassis.settings import DatabaseSettings
from pooling.handlers import bookings
from pooling.handlers.commands import HoldResource
from pooling.store.projections import load_scope

CLIENTS = 32
POOL = 10
"""Connections of the handler without HTTP: as many as a service has unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to book, and where."""

    database_url: str
    urls: list[str]
    """Of the API's processes: clients take turns."""
    pole: str
    organisations: list[str]
    people: list[str]
    tokens: list[str]
    resources: list[str]
    day: str
    """Midnight before the first slot, in ISO 8601."""
    count: int
    seed: int
    beside: dict[str, int]
    """Pids of processes whose use of the processor is measured too, by name."""

    def slots(self) -> Iterator["Slot"]:
        """Different half hours of all resources, in no order."""
        numbers = list(range(self.count))
        random.Random(self.seed).shuffle(numbers)  # noqa: S311 - repeatable
        day = datetime.fromisoformat(self.day)
        for number in numbers:
            half_hour, resource = divmod(number, len(self.resources))
            start = day + timedelta(minutes=30 * half_hour)
            yield Slot(number % len(self.people), self.resources[resource], start, start + timedelta(minutes=30))


class Slot(NamedTuple):
    """One booking: by which requester, of what, from when to when."""

    requester: int
    resource: str
    start: datetime
    end: datetime


Book = Callable[[Slot], Awaitable[None]]


async def bare(plan: Plan) -> dict[str, float]:
    """Insert into a table with nothing but the exclusion constraint, on a connection for each client."""
    pool = await _pool(plan, CLIENTS)

    @asynccontextmanager
    async def client() -> AsyncIterator[Book]:
        async with pool.acquire() as connection:
            insert = await connection.prepare("INSERT INTO bare_booking (id, resource_id, period) VALUES ($1, $2, $3)")

            async def book(slot: Slot) -> None:
                await insert.fetch(new_id(), UUID(slot.resource), asyncpg.Range(slot.start, slot.end))

            yield book

    return await _all(plan, client)


async def handler(plan: Plan) -> dict[str, float]:
    """Call pooling's handler as the API's edge does, in its transaction and scope, but without HTTP."""
    pool = await _pool(plan, POOL)

    @asynccontextmanager
    async def client() -> AsyncIterator[Book]:
        async def book(slot: Slot) -> None:
            command = HoldResource.model_validate_json(_body(plan, slot))

            async def work(tx: Tx) -> None:
                scope = await load_scope(tx, Identity(UUID(plan.people[slot.requester]), "person"))
                await bookings.hold(tx, scope, command, datetime.now(UTC))

            await in_transaction(pool, work)

        yield book

    return await _all(plan, client)


async def http(plan: Plan) -> dict[str, float]:
    """POST /v1/bookings, each client on a connection of its own."""

    def request(slot: Slot) -> tuple[bytes, bytes]:
        body = _body(plan, slot)
        head = (
            f"POST /v1/bookings HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {plan.tokens[slot.requester]}\r\n"
            f"Idempotency-Key: {new_id()}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body, b"201"

    return await _over_http(plan, request)


async def nothing(plan: Plan) -> dict[str, float]:
    """GET /livez instead: what HTTP alone takes."""
    return await _over_http(plan, lambda _slot: (b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n", b"200"))


async def _over_http(plan: Plan, request: Callable[[Slot], tuple[bytes, bytes]]) -> dict[str, float]:
    addresses = cycle(map(urlsplit, plan.urls))

    @asynccontextmanager
    async def client() -> AsyncIterator[Book]:
        address = next(addresses)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)

        async def book(slot: Slot) -> None:
            said, wanted = request(slot)
            writer.write(said)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            body = await reader.readexactly(length)
            assert head.split(b" ", 2)[1] == wanted, head + body

        yield book
        writer.close()

    return await _all(plan, client)


def _body(plan: Plan, slot: Slot) -> bytes:
    command = {
        "resource_id": slot.resource,
        "resource_version": 1,
        "requester_organisation_id": plan.organisations[slot.requester],
        "requester_pole_id": plan.pole,
        "period": {"start": slot.start.isoformat(), "end": slot.end.isoformat()},
    }
    return json.dumps(command).encode()


async def _all(plan: Plan, client: Callable[[], AbstractAsyncContextManager[Book]]) -> dict[str, float]:
    """Book all slots with all clients; each takes the next when it is done with one."""
    slots, ready = plan.slots(), asyncio.Barrier(CLIENTS + 1)

    async def work() -> None:
        async with client() as book:
            await ready.wait()
            for slot in slots:
                await book(slot)

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(work())
        await ready.wait()
        watch = Stopwatch(plan.beside)
    return watch.read()


async def _pool(plan: Plan, size: int) -> Pool:
    pool = await open_pool(DatabaseSettings.model_validate({"url": plan.database_url, "pool_size": size}))
    async with asyncio.TaskGroup() as group:
        for _ in range(size):
            group.create_task(pool.execute("SELECT pg_sleep(0.05)"))
    return pool


if __name__ == "__main__":
    main({"bare": bare, "handler": handler, "http": http, "nothing": nothing}, Plan)
