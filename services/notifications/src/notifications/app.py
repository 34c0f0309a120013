"""The composition root: the only place that builds things; tests use the same door."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import Any

from chassis.process import Running, Service, run_consumer
from notifications import api, consumer, rebuild
from notifications.contacts import Contacts
from notifications.hooks import Poster, new_poster
from notifications.sealing import Sealer
from notifications.settings import NotificationsSettings, WebhookSettings
from notifications.store.facts import load_scope
from notifications.workers import mail, news, webhook
from notifications.workers.loop import forever


def build() -> Service[NotificationsSettings]:
    """What notifications is made of."""
    return Service(
        settings=NotificationsSettings,
        migrations=files("notifications") / "migrations",
        routers=[api.router],
        load_scope=load_scope,
        handlers=consumer.HANDLERS,
        publishes=False,
        workers={"consume": consume, "mail": send_mail, "webhook": send_webhooks},
        compose=compose,
        commands={"rebuild": rebuild.rebuild},
    )


def subscribing(settings: WebhookSettings) -> api.Subscribing:
    """What the API needs to take subscriptions."""
    sealer = Sealer(settings.keys) if settings.keys else None
    return api.Subscribing(sealer, frozenset(settings.allowed_targets), settings.ports, settings.per_organisation)


@asynccontextmanager
async def compose(running: Running[NotificationsSettings]) -> AsyncIterator[Mapping[str, Any]]:
    """Build the clients of whatever the settings allow; roles say what they miss."""
    settings = running.settings
    async with AsyncExitStack() as stack:
        built: dict[str, Any] = {"subscribing": subscribing(settings.webhook)}
        if settings.membership:
            built["contacts"] = Contacts(settings.membership)
            stack.push_async_callback(built["contacts"].close)
        if settings.webhook.keys:
            built["poster"] = new_poster(settings.webhook)
            stack.push_async_callback(built["poster"].close)
        yield built


async def consume(running: Running[NotificationsSettings], _built: Mapping[str, Any]) -> None:
    """Learn from events, tell whom they concern, and tell later what had to wait for other facts."""
    settings = running.settings

    once = news.rounds(running.pool, settings.retention)
    async with asyncio.TaskGroup() as group:
        group.create_task(run_consumer(consumer.HANDLERS, running))
        group.create_task(forever("news", once, settings.poll_seconds, running.stop, running.health))


async def send_mail(running: Running[NotificationsSettings], built: Mapping[str, Any]) -> None:
    """Send the mails that go with notifications."""
    contacts: Contacts | None = built.get("contacts")
    if running.settings.mail is None or contacts is None:
        raise ValueError("role mail needs POLEPOOL_MAIL__HOST, POLEPOOL_MAIL__SENDER and POLEPOOL_MEMBERSHIP__URL etc.")
    mailer = mail.Mailer(running.pool, running.settings.mail, contacts)
    once = partial(mail.run_once, mailer, running.stop)
    longest = mail.LONGEST_ROUND + mailer.settings.longest
    await forever("mail", once, running.settings.poll_seconds, running.stop, running.health, still=longest)


async def send_webhooks(running: Running[NotificationsSettings], built: Mapping[str, Any]) -> None:
    """Send signed webhooks."""
    poster: Poster | None = built.get("poster")
    if poster is None:
        raise ValueError("role webhook needs POLEPOOL_WEBHOOK__KEYS")
    sender = webhook.Sender(running.pool, running.settings.webhook, poster)
    await webhook.run(sender, running.settings.poll_seconds, running.stop, running.health)
