"""What notifications does: learn from events, tell people and webhooks, answer the API's commands."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.access import Scope
from chassis.consume import Delivery
from chassis.db import Tx, new_id
from chassis.errors import Forbidden
from notifications import domain
from notifications.metrics import NEWS
from notifications.store import deliveries, facts, news, people, webhooks
from schemas.catalogue import event_types
from schemas.event import Event

_STATES = {"delivered": "delivered", "postponed": "pending", "failed": "failed", "gone": "failed"}


@dataclass(frozen=True, slots=True)
class Subscribe:
    """An organisation wants these events at this address; `host` is the address's host and port."""

    organisation_id: UUID
    url: str
    host: str
    event_types: tuple[str, ...]
    sealed_secret: str
    most: int


async def learn(tx: Tx, run: Sequence[Delivery], now: datetime) -> None:
    """Keep what these events say, and tell what can be told at once; what can't waits as a row of `news`.

    Raises Poison when an aggregate is known under another tenant.
    """
    known = await facts.known(tx, [each.event.aggregate.id for each in run])
    newer = domain.newer(known, [each.event for each in run])
    if not newer.events:
        return
    await facts.learn(tx, list(newer.last.values()))
    said = {id(event) for event in newer.events}
    fresh = [each for each in run if id(each.event) in said and now - each.envelope.time < domain.HISTORY]
    NEWS.labels("history").inc(len(newer.events) - len(fresh))
    if fresh:
        rows = [news.News(each.envelope.id, each.envelope.type, cloud_event(each), now) for each in fresh]
        added = await news.add_news(tx, rows)
        moved = {id(event) for event in newer.moved}
        quiet = {each.envelope.id for each in fresh if id(each.event) in moved}
        await tell(tx, [row for row in rows if row.event_id in added - quiet], now)
        await _tell_webhooks_only(tx, [row for row in rows if row.event_id in added & quiet], now)


def cloud_event(delivery: Delivery) -> str:
    """The event as a CloudEvent in structured JSON (CloudEvents 1.0.2, JSON format)."""
    envelope = delivery.envelope.model_dump(mode="json", exclude_none=True)
    data = orjson.loads(delivery.event.data())
    return orjson.dumps(
        {"specversion": "1.0", "datacontenttype": "application/json", **envelope, "data": data}
    ).decode()


def _event(row: news.News) -> Event:
    return event_types()[row.type].model_validate(orjson.loads(row.body)["data"])


async def tell(tx: Tx, rows: Sequence[news.News], now: datetime) -> None:
    """Tell these news to the people and webhooks that they concern, as far as these are known."""
    if not rows:
        return
    events = [_event(row) for row in rows]
    known = await facts.load_facts(tx, _together([domain.needs(event) for event in events]))
    verdicts = [domain.decide(event, known, row.received_at, now) for row, event in zip(rows, events, strict=True)]
    told = [(row.event_id, each) for row, verdict in zip(rows, verdicts, strict=True) for each in verdict.told]
    if told:
        await people.save_told(tx, told, now)
    await _to_webhooks(tx, rows, events, known, now)
    await _settle(tx, rows, verdicts)


async def _tell_webhooks_only(tx: Tx, rows: Sequence[news.News], now: datetime) -> None:
    """What people need no word of: machines follow each change of a match."""
    if not rows:
        return
    await _to_webhooks(tx, rows, [_event(row) for row in rows], domain.Facts(), now)
    await _settle(tx, rows, [domain.Verdict((), None, "nobody") for _ in rows])


async def _to_webhooks(
    tx: Tx, rows: Sequence[news.News], events: Sequence[Event], known: domain.Facts, now: datetime
) -> None:
    concerns = [
        deliveries.Concern(row.event_id, organisation_id, row.type, row.received_at)
        for row, event in zip(rows, events, strict=True)
        for organisation_id in sorted(domain.concerned(event, known))
    ]
    if concerns:
        await deliveries.add_deliveries(tx, concerns, now)


def _together(needs: Sequence[domain.Needs]) -> domain.Needs:
    return domain.Needs(*(frozenset().union(*ids) for ids in zip(*needs, strict=True)))


async def _settle(tx: Tx, rows: Sequence[news.News], verdicts: Sequence[domain.Verdict]) -> None:
    settled = [
        news.Settled(row.event_id, verdict.again, verdict.settled) for row, verdict in zip(rows, verdicts, strict=True)
    ]
    await news.settle(tx, settled)
    for each in settled:
        NEWS.labels(each.state or "waiting").inc()


async def subscribe(tx: Tx, scope: Scope, command: Subscribe, now: datetime) -> webhooks.Webhook:
    """Add an active webhook. Raises NotFound, Forbidden (contributors), WebhookExists, TooManyWebhooks."""
    _may_manage(scope, command.organisation_id)
    new = webhooks.Webhook(
        id=new_id(),
        organisation_id=command.organisation_id,
        url=command.url,
        event_types=list(command.event_types),
        state="active",
        reason=None,
        failures=0,
        created_at=now,
        disabled_at=None,
    )
    await webhooks.add_webhook(tx, scope, new, command.host, command.sealed_secret, command.most)
    return new


async def unsubscribe(tx: Tx, scope: Scope, webhook_id: UUID, _now: datetime) -> None:
    """Remove a webhook with its deliveries. Raises NotFound, Forbidden (contributors)."""
    found = await webhooks.webhook(tx, scope, webhook_id)
    _may_manage(scope, found.organisation_id)
    await webhooks.remove_webhook(tx, scope, webhook_id)


def _may_manage(scope: Scope, organisation_id: UUID) -> None:
    if scope.require_organisation(organisation_id) not in ("manager", "integration"):
        raise Forbidden


async def record_attempt(
    tx: Tx, leased: deliveries.Leased, outcome: deliveries.Outcome, retries: domain.Retries, now: datetime
) -> str:
    """Save what an attempt came to: `delivered`, `postponed`, `failed`, `gone`, or `lost` to another worker.

    Disables the subscription and tells its managers when that is what it came to.
    """
    fate = domain.fate(outcome.status, leased.attempts, retries)
    delay = domain.delay(leased.attempts, retries, luck=random.random())  # noqa: S311 - jitter
    due_at = now + delay if fate == "postponed" else now
    if not await deliveries.record(tx, leased, _STATES[fate], outcome, due_at, now):
        return "lost"
    if fate == "delivered":
        await webhooks.note_success(tx, leased.webhook_id)
        return fate
    pause = min(delay, domain.LONGEST_PAUSE)
    since = await webhooks.note_failure(tx, leased.webhook_id, now, retries.breaker, now + pause)
    reason = domain.why_disable(fate, since, retries, now)
    if reason:
        await give_up_webhook(tx, leased.webhook_id, reason, now)
    return fate


async def give_up_webhook(tx: Tx, webhook_id: UUID, reason: str, now: datetime) -> bool:
    """Disable a webhook and tell the organisation's managers; False when it was no longer active."""
    gone = await webhooks.disable(tx, webhook_id, reason, now)
    if gone is None:
        return False
    params: Mapping[str, Any] = {"url": gone.url, "reason": reason}
    managers = await facts.managers(tx, gone.organisation_id)
    if managers:
        told = [(new_id(), domain.Told(person, "webhook_disabled", dict(params))) for person in managers]
        await people.save_told(tx, told, now)
    return True
