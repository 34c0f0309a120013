"""The example service running for a test: over real HTTP, on a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson

from chassis.db import Pool, open_pool
from chassis.health import Health
from chassis.http import create_app, listen, serve
from chassis.settings import DatabaseSettings, HttpSettings
from chassis.testing import Parts, TokenIssuer, fresh_database
from tests.chassis import example_service


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def broken(self) -> tuple[str, str]:
        """The first field, and the rule that it breaks."""
        error = self.json["errors"][0]
        return error["field"], error["rule"]


@dataclass
class Garden:
    """A running example service, and a gardener who may use it."""

    url: str
    pool: Pool
    settings: DatabaseSettings
    client: aiohttp.ClientSession
    issuer: TokenIssuer
    health: Health
    person: UUID = field(default_factory=uuid4)
    organisation: UUID = field(default_factory=uuid4)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        person: UUID | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request as the gardener; bytes go as they are. Underscores in header names stand for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**self.issuer.headers(person or self.person), **sent}
        if key is not None:
            sent["Idempotency-Key"] = key
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.client.request(method, self.url + path, data=data, headers=sent) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def dig(self, name: str, *, key: str | None = None) -> Answer:
        """Dig a bed."""
        body = {"organisation_id": str(self.organisation), "name": name}
        return await self.send("POST", "/v1/beds", body, key=key or str(uuid4()))

    async def kept(self) -> tuple[int, int, int]:
        """How many beds, events and saved answers this gardener's requests left."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('polepool.system', 'on', true)")
            row = await connection.fetchrow(
                """
                SELECT (SELECT count(*) FROM bed WHERE organisation_id = $1),
                    (SELECT count(*) FROM outbox WHERE data::jsonb #>> '{bed,organisation_id}' = $1::uuid::text),
                    (SELECT count(*) FROM idempotency WHERE subject = $2)
                """,
                self.organisation,
                self.person,
            )
            assert row is not None
            return row[0], row[1], row[2]

    async def employ(self, person: UUID, organisation: UUID) -> None:
        """Let somebody work for an organisation."""
        await self.pool.execute(
            "INSERT INTO gardener (person_id, organisation_id, role) VALUES ($1, $2, 'manager')", person, organisation
        )


@asynccontextmanager
async def open_garden(parts: Parts) -> AsyncIterator[Garden]:
    """The service on a free port, with one gardener employed."""
    settings = await fresh_database(parts, "garden", {"garden": example_service.build().migrations})
    pool = await open_pool(settings)
    issuer, health, stop = TokenIssuer(), Health(), asyncio.Event()
    app = create_app(
        "garden",
        [example_service.router],
        pool=pool,
        verifier=issuer.verifier(),
        load_scope=example_service.load_scope,
        health=health,
    )
    listener = listen(HttpSettings(port=0))
    serving = asyncio.create_task(serve(app, listener, stop))
    async with aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        garden = Garden(url, pool, settings, client, issuer, health)
        await garden.employ(garden.person, garden.organisation)
        yield garden
    stop.set()
    await serving
    await pool.close()
