"""pooling as a process: membership's events in, bookings out, on real Kafka; what it says of itself."""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import httpx
import pytest
from aiohttp import web

from chassis.access import jwks
from chassis.testing import Parts, TokenIssuer, eventually, fresh_topics, produce_events, read_topic
from pooling.consumer import HANDLERS
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event
from tests.pooling.world import DAY, PLACE, organisation
from tests.support.pooling import Pooler, need, period

ROLES = ("api", "consume", "relay", "expire", "match")
OUT = [p.ResourceEvent.TOPIC, p.RequestEvent.TOPIC, p.MatchEvent.TOPIC, p.BookingEvent.TOPIC]
DAYTIME = period(DAY + timedelta(hours=8), DAY + timedelta(hours=18))


@dataclass
class Somebody:
    """A manager of an organisation that membership's events tell of."""

    pole: UUID
    id: UUID
    person: UUID
    member: m.Member

    @classmethod
    def of(cls, pole: UUID) -> "Somebody":
        """Somebody new."""
        id_ = uuid4()
        member = m.Member(id=uuid4(), version=2, pole_id=pole, organisation_id=id_, standing=m.Standing.JOINED)
        return cls(pole, id_, uuid4(), member)

    def events(self) -> list[Event]:
        """What membership says; the membership before the organisation."""
        return [
            m.MemberJoined(member=self.member),
            m.OrganisationRegistered(organisation=organisation(self.id, self.person)),
        ]


def environment(parts: Parts, keys_url: str) -> dict[str, str]:
    """The environment of a pooling with a new database and any free port."""
    name = f"pooling_{secrets.token_hex(4)}"
    admin = urlsplit(parts.postgres_admin_url)
    host = admin.netloc.rpartition("@")[2]

    def address(role: str) -> str:
        return urlunsplit(admin._replace(netloc=f"{role}:test@{host}", path=f"/{name}"))

    return {
        "PATH": os.environ["PATH"],
        "POLEPOOL_DATABASE__URL": address(f"{name}_app"),
        "POLEPOOL_DATABASE__OWNER_URL": address(f"{name}_owner"),
        "POLEPOOL_DATABASE__ADMIN_URL": parts.postgres_admin_url,
        "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": parts.kafka_bootstrap,
        "POLEPOOL_HTTP__PORT": "0",
        "POLEPOOL_ACCESS__ISSUER": "https://issuer.test",
        "POLEPOOL_ACCESS__JWKS_URL": keys_url,
        "POLEPOOL_HOLD_HOURS": "0.0008",
        "POLEPOOL_SWEEP_SECONDS": "0.05",
    }


@asynccontextmanager
async def keys_of(issuer: TokenIssuer) -> AsyncIterator[str]:
    """Where pooling fetches the keys that tokens are verified with."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(jwks(issuer._keys))

    app = web.Application()
    app.router.add_get("/jwks.json", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
    finally:
        await runner.cleanup()


async def start(env: Mapping[str, str], *arguments: str) -> Process:
    """Run pooling."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pooling", *arguments, env=env, stdout=PIPE, stderr=PIPE, limit=2**20
    )


async def command(env: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Run it to its end: its exit code, and what it printed."""
    process = await start(env, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


@asynccontextmanager
async def running(env: Mapping[str, str]) -> AsyncIterator[str]:
    """Its address, while it plays all roles; at the end it must stop in order when asked to."""
    process = await start(env, *ROLES)
    assert process.stdout is not None
    reading = None
    try:
        started = await asyncio.wait_for(_started(process), 60)
        reading = asyncio.create_task(process.stdout.read())
        yield f"http://{started['host']}:{started['port']}"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if reading is not None:
            await reading


async def _started(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    async for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["event"] == "started":
            return said
    raise AssertionError("ended before it started")


@pytest.fixture
async def env(parts: Parts, tokens: TokenIssuer) -> AsyncIterator[dict[str, str]]:
    """A provisioned and migrated pooling with fresh topics."""
    async with keys_of(tokens) as keys_url:
        made = environment(parts, keys_url)
        code, printed = await command(made, "provision", "migrate")
        assert code == 0, printed
        await fresh_topics(parts, *HANDLERS, *OUT)
        yield made


async def told(parts: Parts, topic: str, aggregate_id: str) -> list[str]:
    """The types of the events of an aggregate, as they are in the topic."""
    records = [each for each in await read_topic(parts, topic) if each.key == aggregate_id.encode()]
    return [each.header("ce_type").removeprefix("polepool.pooling.") for each in records]


async def test_from_members_that_joined_to_a_hold_that_lapses_on_real_kafka(
    parts: Parts, tokens: TokenIssuer, env: dict[str, str]
) -> None:
    pole = m.Pole(id=uuid4(), version=1, name="Val de Saône", place=PLACE, coordinators=(), partners=())
    owner, asker = Somebody.of(pole.id), Somebody.of(pole.id)
    async with running(env) as address, httpx.AsyncClient(base_url=address, timeout=30) as http:
        await produce_events(parts, [*owner.events(), *asker.events(), m.PoleOpened(pole=pole)])
        anne, bob = (Pooler(http, each.person, tokens.token(each.person)) for each in (owner, asker))
        resource = await eventually(lambda: anne.offer(pole.id, owner.id, [DAYTIME]), 30)
        request = await eventually(lambda: bob.request(pole.id, asker.id, [need(DAYTIME, minutes=120)]), 30)
        (match,) = await bob.matches(request)
        booking = await bob.hold(match)
        bookings = p.BookingEvent.TOPIC
        lapsed = ["booking_held.v1", "booking_expired.v1"]
        await eventually(lambda: _are(told(parts, bookings, booking["id"]), lapsed), 30)
        assert (await bob.get(f"/v1/bookings/{booking['id']}"))["status"] == "expired"
        assert len(await bob.free(resource["id"])) == 1
        await produce_events(parts, [_left(owner)])
        gone = ["resource_offered.v1", "resource_withdrawn.v1"]
        await eventually(lambda: _are(told(parts, p.ResourceEvent.TOPIC, resource["id"]), gone), 30)
        assert (await http.get("/readyz")).status_code == 200
        assert 'polepool_consumed_total{result="effect"' in (await http.get("/metrics")).text


async def _are(asked: Any, expected: list[str]) -> bool:
    return bool(await asked == expected)


def _left(owner: Somebody) -> m.MemberLeft:
    return m.MemberLeft(member=owner.member.model_copy(update={"version": 3, "standing": m.Standing.LEFT}))


async def test_it_names_its_roles_and_the_settings_that_are_missing() -> None:
    env = {"PATH": os.environ["PATH"]}
    code, printed = await command(env, "--help")
    assert code == 0
    assert all(role in printed for role in (*ROLES, "migrate", "provision"))
    code, printed = await command(env, "api")
    assert code == 2
    assert "POLEPOOL_DATABASE__URL" in printed
