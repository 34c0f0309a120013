"""pooling with a database of this folder's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from importlib.resources import files

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.types import ASGIApp

from chassis.db import Pool, open_pool
from chassis.health import Health
from chassis.process import Running
from chassis.process.roles import application
from chassis.settings import DatabaseSettings, KafkaSettings
from chassis.testing import Parts, TokenIssuer, fresh_database
from pooling.app import build
from pooling.settings import PoolingSettings
from tests.pooling.world import Member, World
from tests.support.pooling import Pooler


@pytest.fixture(scope="session")
async def database(parts: Parts) -> DatabaseSettings:
    """A migrated database of this folder's own."""
    return await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})


@pytest.fixture(scope="session")
async def pool(database: DatabaseSettings) -> AsyncIterator[Pool]:
    """The app role's pool."""
    opened = await open_pool(database)
    yield opened
    await opened.close()


@pytest.fixture
def world(pool: Pool) -> World:
    """pooling at a moment that the test may move on."""
    return World(pool)


@pytest.fixture(scope="session")
def tokens() -> TokenIssuer:
    """Who issues tokens here."""
    return TokenIssuer()


@pytest.fixture(scope="session")
async def app(database: DatabaseSettings, parts: Parts, tokens: TokenIssuer, pool: Pool) -> AsyncIterator[ASGIApp]:
    """pooling's API, built through its own door."""
    settings = PoolingSettings(
        database=database, kafka=KafkaSettings(bootstrap_servers=parts.kafka_bootstrap), access=tokens.settings
    )
    service = replace(build(), verifier=lambda _settings: tokens.verifier())
    running = Running("pooling", settings, pool, Health(), asyncio.Event())
    async with service.compose(running) as built:
        yield application(service, running, built, ["api"])


@pytest.fixture(scope="session")
async def http(app: ASGIApp) -> AsyncIterator[AsyncClient]:
    """pooling's API in this process."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://pooling.test", timeout=30) as client:
        yield client


@pytest.fixture
def caller(http: AsyncClient, tokens: TokenIssuer) -> Callable[[Member], Pooler]:
    """A member's manager, at the API."""
    return lambda member: Pooler(http, member.person, tokens.token(member.person))
