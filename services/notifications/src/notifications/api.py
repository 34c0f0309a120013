"""HTTP in: the caller's inbox, and webhooks of the caller's organisations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import Invalid, NotFound, Refused
from chassis.http import Command, Creates, Edge, Page, Reads, Router, Windowed
from notifications import handlers
from notifications.sealing import Sealer
from notifications.store import deliveries, people, webhooks
from notifications.targets import MAX_URL, check_target, host_and_port
from notifications.texts import LANGUAGES, Language, render
from schemas.catalogue import event_types

router = Router(prefix="/v1")


class WebhooksNotConfigured(Refused):
    """This installation keeps no webhooks: its operator has to set POLEPOOL_WEBHOOK__KEYS."""

    status = 503


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What subscribing needs of the settings; no sealer without keys."""

    sealer: Sealer | None
    allowed: frozenset[str]
    ports: frozenset[int]
    most: int


class WordsView(BaseModel):
    """Plain text: escape it for HTML. The body's paragraphs are separated by empty lines."""

    subject: str
    body: str


class NotificationView(BaseModel):
    """Something that the caller was told."""

    id: UUID
    event_id: UUID
    code: str
    params: dict[str, Any]
    text: dict[Language, WordsView]
    created_at: datetime
    read_at: datetime | None


class SubscribeWebhook(Command):
    """Get an organisation's events at an address, signed as Standard Webhooks says."""

    organisation_id: UUID
    url: Annotated[str, Field(min_length=1, max_length=MAX_URL)]
    event_types: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=100)]


class WebhookView(BaseModel):
    """A webhook subscription; `failures` counts the failed attempts since something got through."""

    id: UUID
    organisation_id: UUID
    url: str
    event_types: list[str]
    state: str
    reason: str | None
    failures: int
    created_at: datetime
    disabled_at: datetime | None


class NewWebhookView(WebhookView):
    """A new subscription with its signing secret, which is not shown again."""

    secret: str


class DeliveryView(BaseModel):
    """How the attempts to deliver an event went. `excerpt` is what the receiver answered: escape it."""

    id: UUID
    event_id: UUID
    type: str
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    attempted_at: datetime | None
    status: int | None
    error: str | None
    excerpt: str | None


@router.get("/inbox", tags=["inbox"])
async def inbox(
    window: Windowed,
    edge: Reads,
    unread: Annotated[bool | None, Query(description="Only unread ones, or only read ones.")] = None,
) -> Page[NotificationView]:
    """What the caller was told, newest first, in each language."""
    found = await edge.read(people.inbox, unread, window.after, window.fetch)
    return window.page([_notification(each) for each in found])


@router.post("/inbox/{notification_id}/read", response_model=NotificationView, tags=["inbox"])
async def read(notification_id: UUID, edge: Reads) -> Response:
    """Mark a notification read; again changes nothing."""
    return await edge.act(_mark_read, notification_id)


async def _mark_read(tx: Tx, scope: Scope, notification_id: UUID, now: datetime) -> NotificationView:
    return _notification(await people.mark_read(tx, scope, notification_id, now))


def _notification(found: people.Notification) -> NotificationView:
    text = {}
    for language in LANGUAGES:
        words = render(found.code, found.params, language)
        text[language] = WordsView(subject=words.subject, body=words.body)
    return NotificationView(
        id=found.id,
        event_id=found.event_id,
        code=found.code,
        params=found.params,
        text=text,
        created_at=found.created_at,
        read_at=found.read_at,
    )


@router.post("/webhooks", status_code=201, response_model=NewWebhookView, tags=["webhooks"])
async def subscribe(command: SubscribeWebhook, edge: Creates, request: Request) -> Response:
    """Subscribe an organisation to events that concern it. For its managers and integrations."""
    subscribing: Subscribing = request.app.state.subscribing
    if subscribing.sealer is None:
        raise WebhooksNotConfigured
    url = check_target(command.url, subscribing.allowed, subscribing.ports)
    wanted = handlers.Subscribe(
        organisation_id=command.organisation_id,
        url=str(url),
        host=host_and_port(url),
        event_types=_known_types(command.event_types),
        sealed_secret=subscribing.sealer.new(),
        most=subscribing.most,
    )
    return await _with_secret(await edge.create(handlers.subscribe, wanted), edge, subscribing.sealer)


def _known_types(types: Sequence[str]) -> tuple[str, ...]:
    for place, name in enumerate(types):
        if name not in event_types():
            raise Invalid(field=f"event_types.{place}", rule="must be a type of the catalogue, like " + _EXAMPLE)
    return tuple(sorted(set(types)))


_EXAMPLE = "polepool.pooling.booking_confirmed.v1"


async def _with_secret(answer: Response, edge: Edge, sealer: Sealer) -> Response:
    """The answer with the secret in it: added here, so that the answer kept for repeated requests doesn't hold it."""
    body = orjson.loads(answer.body)
    try:
        sealed = await edge.read(webhooks.sealed_secret, UUID(body["id"]))
    except NotFound:  # a repeated request for a webhook that is gone
        return answer
    headers = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    content = orjson.dumps(body | {"secret": sealer.open(sealed)})
    return Response(content, answer.status_code, headers, "application/json")


@router.get("/webhooks", tags=["webhooks"])
async def subscriptions(window: Windowed, edge: Reads) -> Page[WebhookView]:
    """The webhooks of the caller's organisations, newest first."""
    found = await edge.read(webhooks.webhooks, window.after, window.fetch)
    return window.page([WebhookView.model_validate(each, from_attributes=True) for each in found])


@router.get("/webhooks/{webhook_id}", tags=["webhooks"])
async def subscription(webhook_id: UUID, edge: Reads) -> WebhookView:
    """One webhook of the caller's organisations."""
    return WebhookView.model_validate(await edge.read(webhooks.webhook, webhook_id), from_attributes=True)


@router.delete("/webhooks/{webhook_id}", status_code=204, tags=["webhooks"])
async def unsubscribe(webhook_id: UUID, edge: Reads) -> Response:
    """Remove a webhook and its deliveries. For managers and integrations."""
    return await edge.act(handlers.unsubscribe, webhook_id)


@router.get("/webhooks/{webhook_id}/deliveries", tags=["webhooks"])
async def attempts(webhook_id: UUID, window: Windowed, edge: Reads) -> Page[DeliveryView]:
    """What a webhook got or is to get, newest first. Order of delivery is not promised."""
    await edge.read(webhooks.webhook, webhook_id)
    found = await edge.read(deliveries.attempts, webhook_id, window.after, window.fetch)
    return window.page([DeliveryView.model_validate(each, from_attributes=True) for each in found])
