"""notifications with a database of the test's own, built through its own door, and what it speaks to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from chassis.db import open_pool
from chassis.health import Health
from chassis.process import Running
from chassis.process.roles import application
from chassis.settings import DatabaseSettings, KafkaSettings
from chassis.testing import Parts, TokenIssuer, fresh_database
from notifications.app import build
from notifications.settings import NotificationsSettings, WebhookSettings
from notifications.workers.webhook import Sender
from tests.notifications.people import Membership, membership
from tests.notifications.webhooks import sending
from tests.notifications.world import World
from tests.support.sinks import MailSink, WebhookSink, mail_sink, webhook_sink

KEY = SecretStr(Fernet.generate_key().decode())


@pytest.fixture(scope="session")
def tokens() -> TokenIssuer:
    """Who issues tokens here."""
    return TokenIssuer()


@pytest.fixture
async def database(parts: Parts) -> DatabaseSettings:
    """A migrated database of the test's own."""
    return await fresh_database(parts, "notifications", {"notifications": files("notifications") / "migrations"})


@pytest.fixture
async def hooks() -> AsyncIterator[WebhookSink]:
    """A webhook receiver."""
    async with webhook_sink() as sink:
        yield sink


@pytest.fixture
async def mails() -> AsyncIterator[MailSink]:
    """A mail server."""
    async with mail_sink() as sink:
        yield sink


@pytest.fixture
def settings(
    database: DatabaseSettings, parts: Parts, tokens: TokenIssuer, hooks: WebhookSink
) -> NotificationsSettings:
    """Settings as the environment would give them; the receiver of webhooks is an allowed target."""
    return NotificationsSettings(
        database=database,
        kafka=KafkaSettings(bootstrap_servers=parts.kafka_bootstrap),
        access=tokens.settings,
        webhook=WebhookSettings(keys=(KEY,), allowed_targets=(hooks.target,), schedule=(0.05, 0.05, 0.05), lease=5),
        poll_seconds=0.05,
    )


@asynccontextmanager
async def serving(settings: NotificationsSettings, tokens: TokenIssuer) -> AsyncIterator[World]:
    """notifications' API in this process, and its pool."""
    service, pool = replace(build(), verifier=lambda _settings: tokens.verifier()), await open_pool(settings.database)
    running = Running("notifications", settings, pool, Health(), asyncio.Event())
    async with service.compose(running) as built:
        transport = httpx.ASGITransport(application(service, running, built, ["api"]), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifications.test", timeout=30) as http:
            yield World(http, pool, tokens)
    await pool.close()


@pytest.fixture
async def world(settings: NotificationsSettings, tokens: TokenIssuer) -> AsyncIterator[World]:
    """notifications, answering."""
    async with serving(settings, tokens) as answering:
        yield answering


@pytest.fixture
async def sender(world: World, settings: NotificationsSettings) -> AsyncIterator[Sender]:
    """The role webhook."""
    async with sending(world, settings) as ready:
        yield ready


@pytest.fixture
async def people() -> AsyncIterator[Membership]:
    """Membership."""
    async with membership() as here:
        yield here
