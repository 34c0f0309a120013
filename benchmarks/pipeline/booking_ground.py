"""What bookings stand on: pooling's database as membership's events leave it, offers, and people with tokens."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web
from joserfc.jwk import OKPKey

from benchmarks.pipeline import children
from benchmarks.pipeline.children import Child
from benchmarks.pipeline.stand import Stand, environment_of, opened
from chassis.access import Identity, issue, jwks, load_keys, new_key
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.settings import AccessSettings, DatabaseSettings
from chassis.testing import eventually, fresh_database
from polepool_local.ports import HOST, free_ports
from pooling.store import projections
from schemas.event import Place
from schemas.membership import Member, Organisation, Pole, Right, Role, Standing

RESOURCES = 64
REQUESTERS = 128
"""More than clients: an organisation has a dozen holds waiting at a time, not hundreds."""
ISSUER = "https://issuer.test"
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=10)
DAYS = 60
"""From DAY on, everything is available for so long."""
PLACE = Place(commune="01263", name="Montmerle-sur-Saône", latitude=46.08, longitude=4.76)


@dataclass(frozen=True, slots=True)
class Ground:
    """Who may book what, where."""

    urls: list[str]
    apis: list[Child]
    database: DatabaseSettings
    pole: UUID
    organisations: list[UUID]
    people: list[UUID]
    tokens: list[str]
    resources: list[UUID]


@asynccontextmanager
async def ground(stand: Stand, apis: int) -> AsyncIterator[Ground]:
    """Run so many `python -m pooling api` on a database that knows a pole, its members and what one of them offers."""
    ids = random.Random(stand.seed)  # noqa: S311 - repeatable
    keys_port, *ports = free_ports(1 + apis)
    keys = load_keys(new_key())
    access = AccessSettings(issuer=ISSUER, jwks_url=f"http://{HOST}:{keys_port}/jwks")
    database = await fresh_database(stand.parts, "pooling", {"pooling": files("pooling") / "migrations"})
    pole, organisations, people = (_new(ids, number) for number in (1, REQUESTERS + 1, REQUESTERS + 1))
    tokens = [issue(Identity(person, "person"), keys[0], access, datetime.now(UTC))[0] for person in people]
    environment = {
        **environment_of(stand.parts),
        "POLEPOOL_DATABASE__URL": database.url.get_secret_value(),
        "POLEPOOL_ACCESS__JWKS_URL": access.jwks_url,
    }
    async with _published(keys, keys_port):
        running = [
            children.start(
                stand.folder, "pooling", "api", environment={**environment, "POLEPOOL_HTTP__PORT": str(port)}
            )
            for port in ports
        ]
        try:
            for api in running:
                await api.until_started()
            urls = [f"http://{HOST}:{port}" for port in ports]
            yield Ground(urls, running, database, pole[0], organisations, people, tokens, [])
        finally:
            for api in running:
                await api.stop()


def _new(ids: random.Random, count: int) -> list[UUID]:
    return [UUID(int=ids.getrandbits(128), version=4) for _ in range(count)]


@asynccontextmanager
async def _published(keys: list[OKPKey], port: int) -> AsyncIterator[None]:
    """The keys at the address where membership would have them."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(jwks(keys))

    app = web.Application()
    app.router.add_get("/jwks", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def settle(pool: Pool, ground: Ground, seed: int) -> None:
    """Know the pole, the organisations with a manager each, and that all have joined, as the consumer would."""
    ids = random.Random(seed)  # noqa: S311 - repeatable
    pairs = list(zip(ground.organisations, ground.people, strict=True))
    members = [
        Member(id=id_, version=2, pole_id=ground.pole, organisation_id=organisation, standing=Standing.JOINED)
        for id_, organisation in zip(_new(ids, len(pairs)), ground.organisations, strict=True)
    ]

    async def work(tx: Tx) -> None:
        await as_system(tx)
        await projections.upsert_poles(
            tx, [Pole(id=ground.pole, version=1, name="Bench", place=PLACE, coordinators=(), partners=())]
        )
        await projections.upsert_organisations(tx, [_organisation(*pair) for pair in pairs])
        await projections.upsert_members(tx, members)

    await in_transaction(pool, work)


async def answer(database: DatabaseSettings) -> None:
    """Let the owner accept all that is held: a requester may have only so many holds waiting."""

    async def work(tx: Tx) -> None:
        await as_system(tx)
        await tx.execute("UPDATE booking SET status = 'confirmed', expires_at = NULL WHERE status = 'held'")

    async with opened(database) as pool:
        await in_transaction(pool, work)


def _organisation(id_: UUID, person: UUID) -> Organisation:
    return Organisation(
        id=id_,
        version=1,
        name="Bench",
        siret="73282932000074",
        place=PLACE,
        activities=(),
        people=(Right(person_id=person, role=Role.MANAGER),),
        integrations=(),
    )


async def offer(ground: Ground, seed: int) -> None:
    """Let the first organisation offer its minibuses, over HTTP."""
    ids = random.Random(seed + 1)  # noqa: S311 - repeatable
    body: dict[str, Any] = {
        "pole_id": str(ground.pole),
        "organisation_id": str(ground.organisations[0]),
        "title": "Minibus",
        "characteristics": {"kind": "vehicle", "seats": 9, "energy": "diesel", "ramp": True},
        "commune": PLACE.commune,
        "ring": "pole",
        "price": {"fixed_cents": 1250, "hour_cents": 500},
        "availability": [{"start": DAY.isoformat(), "end": (DAY + timedelta(days=DAYS)).isoformat()}],
    }
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {ground.tokens[0]}"}) as client:
        for key in _new(ids, RESOURCES):
            headers = {"Idempotency-Key": str(key)}

            async def offered(headers: dict[str, str] = headers) -> UUID:
                async with client.post(f"{ground.urls[0]}/v1/resources", json=body, headers=headers) as answer:
                    assert answer.status == 201, await answer.text()
                    return UUID((await answer.json())["id"])

            ground.resources.append(await eventually(offered))
