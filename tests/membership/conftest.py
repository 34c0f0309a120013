"""membership with a database of its own, answering in this process, built through its own door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from chassis.access import new_key
from chassis.db import Pool, open_pool
from chassis.health import Health
from chassis.process import Running
from chassis.process.roles import application
from chassis.settings import AccessSettings, DatabaseSettings, KafkaSettings
from chassis.testing import Parts, fresh_database
from membership.app import build
from membership.settings import MembershipSettings, SignInSettings
from tests.support.membership import Actor, Json, join, promote, sign_up

CLIENT_SECRET = "a secret of the notifications service"
PATIENT = SignInSettings(per_email_and_address="100000/minute", per_email="100000/minute", per_address="100000/minute")


@dataclass(frozen=True)
class World:
    """A membership that answers, and somebody for each role."""

    http: httpx.AsyncClient
    pool: Pool
    settings: MembershipSettings
    administrator: Actor

    async def person(self) -> Actor:
        """Somebody new."""
        return await sign_up(self.http)

    async def events(self, aggregate_id: str) -> list[tuple[str, Json]]:
        """What the outbox says of an aggregate, in order: each event's type and data."""
        rows = await self.pool.fetch(
            "SELECT type, data::jsonb AS data FROM outbox WHERE key = $1::text::uuid ORDER BY id", aggregate_id
        )
        return [(row["type"].removeprefix("polepool.membership."), row["data"]) for row in rows]

    async def told(self) -> int:
        """How many events there are in all."""
        return int(await self.pool.fetchval("SELECT count(*) FROM outbox"))

    async def pole(self) -> tuple[Json, Actor]:
        """A pole and its coordinator."""
        coordinator = await self.person()
        return await self.administrator.open_pole("Val de Saône Dombes", [coordinator.id]), coordinator

    async def member(self) -> "Membership":
        """An organisation that has joined a pole, its manager, the pole's coordinator."""
        pole, coordinator = await self.pole()
        manager = await self.person()
        organisation = await manager.register()
        member = await join(pole["id"], organisation["id"], manager=manager, coordinator=coordinator)
        return Membership(member, pole, organisation, manager, coordinator)


@dataclass(frozen=True)
class Membership:
    """A member and those around it."""

    member: Json
    pole: Json
    organisation: Json
    manager: Actor
    coordinator: Actor


@pytest.fixture(scope="session")
async def database(parts: Parts) -> DatabaseSettings:
    """A migrated database of this folder's own."""
    return await fresh_database(parts, "membership", {"membership": files("membership") / "migrations"})


@pytest.fixture(scope="session")
def signing_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that signs tokens."""
    file = tmp_path_factory.mktemp("keys") / "signing.pem"
    file.write_text(new_key())
    return file


def settings_for(
    database: DatabaseSettings, parts: Parts, key_file: Path, sign_in: SignInSettings = PATIENT
) -> MembershipSettings:
    """Settings as the environment would give them."""
    return MembershipSettings(
        database=database,
        kafka=KafkaSettings(bootstrap_servers=parts.kafka_bootstrap),
        access=AccessSettings(issuer="https://membership.test", jwks_url="http://127.0.0.1:9/never-asked"),
        signing_key_file=key_file,
        service_clients={"notifications": SecretStr(CLIENT_SECRET)},
        sign_in=sign_in,
    )


@asynccontextmanager
async def serving(settings: MembershipSettings) -> AsyncIterator[tuple[httpx.AsyncClient, Pool]]:
    """membership's API in this process: a client to it, and its pool."""
    service, pool = build(), await open_pool(settings.database)
    running = Running("membership", settings, pool, Health(), asyncio.Event())
    async with service.compose(running) as built:
        transport = httpx.ASGITransport(application(service, running, built, ["api"]), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://membership.test", timeout=30) as http:
            yield http, pool
    await pool.close()


@pytest.fixture(scope="session")
async def world(database: DatabaseSettings, parts: Parts, signing_key_file: Path) -> AsyncIterator[World]:
    """membership, answering, with a network administrator."""
    settings = settings_for(database, parts, signing_key_file)
    async with serving(settings) as (http, pool):
        administrator = await sign_up(http, name="Ada Ministratrice")
        await promote(database, administrator.id)
        yield World(http, pool, settings, administrator)
