"""The role webhook, subscriptions and their logs, for the tests about webhooks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from notifications.hooks import new_poster
from notifications.settings import NotificationsSettings
from notifications.workers.webhook import Sender
from tests.notifications.world import Story, World
from tests.support.sinks import WebhookSink

HELD, CONFIRMED = "polepool.pooling.booking_held.v1", "polepool.pooling.booking_confirmed.v1"


@asynccontextmanager
async def sending(world: World, settings: NotificationsSettings, **changes: Any) -> AsyncIterator[Sender]:
    """What the role webhook has."""
    changed = settings.webhook.model_copy(update=changes)
    poster = new_poster(changed)
    yield Sender(world.pool, changed, poster)
    await poster.close()


async def subscribe(world: World, hooks: WebhookSink, story: Story, name: str = "erp", *types: str) -> UUID:
    """The owner's manager subscribes to a name of the receiver."""
    body = {"organisation_id": str(story.owner_id), "url": hooks.url(name), "event_types": types or (HELD, CONFIRMED)}
    answer = await world.send(story.owner_manager, "POST", "/v1/webhooks", body)
    assert answer.status_code == 201, answer.text
    hooks.secrets[name] = answer.json()["secret"]
    return UUID(answer.json()["id"])


async def log(world: World, story: Story, webhook_id: UUID) -> list[dict[str, Any]]:
    """The delivery log as the manager sees it."""
    page = await world.get(story.owner_manager, f"/v1/webhooks/{webhook_id}/deliveries")
    items: list[dict[str, Any]] = page["items"]
    return items


async def due(world: World) -> None:
    """Every pending delivery is due and nobody's, and no subscription pauses."""
    await world.rows("UPDATE webhook_delivery SET due_at = now(), leased_until = NULL WHERE state = 'pending'")
    await world.rows("UPDATE webhook SET paused_until = NULL")
