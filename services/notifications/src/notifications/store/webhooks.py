"""Webhook subscriptions: whose, where to, for which events, and how they fare."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound, Refused


class WebhookExists(Refused):
    """Your organisation already has an active webhook to this address."""


class TooManyWebhooks(Refused):
    """Your organisation has as many active webhooks as it may."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription as its organisation sees it; the secret is not in it."""

    id: UUID
    organisation_id: UUID
    url: str
    event_types: list[str]
    state: str
    reason: str | None
    failures: int
    created_at: datetime
    disabled_at: datetime | None


async def add_webhook(tx: Tx, scope: Scope, new: Webhook, host: str, sealed_secret: str, most: int) -> None:
    """Insert an active subscription. Raises `NotFound`, `WebhookExists` (with its id) or `TooManyWebhooks`."""
    scope.require_organisation(new.organisation_id)
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"webhooks of {new.organisation_id}")
    active = await tx.fetch(
        "SELECT id, url FROM webhook WHERE organisation_id = $1 AND state = 'active'", new.organisation_id
    )
    for row in active:
        if row["url"] == new.url:
            raise WebhookExists(webhook_id=str(row["id"]))
    if len(active) >= most:
        raise TooManyWebhooks(most=most)
    await _insert(tx, new, host, sealed_secret)


async def _insert(tx: Tx, new: Webhook, host: str, sealed_secret: str) -> None:
    try:
        await tx.execute(
            """
            INSERT INTO webhook (id, organisation_id, url, host, event_types, sealed_secret, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            new.id,
            new.organisation_id,
            new.url,
            host,
            new.event_types,
            sealed_secret,
            new.created_at,
        )
    except asyncpg.UniqueViolationError:
        raise WebhookExists from None


async def webhooks(tx: Tx, scope: Scope, before: UUID | None, limit: int) -> list[Webhook]:
    """The subscriptions of the caller's organisations, newest first, those older than `before`."""
    rows = await tx.fetch(
        """
        SELECT id, organisation_id, url, event_types, state, reason, failures, created_at, disabled_at
        FROM webhook WHERE organisation_id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,
        list(scope.organisations),
        before,
        limit,
    )
    return [_webhook(row) for row in rows]


async def webhook(tx: Tx, scope: Scope, webhook_id: UUID) -> Webhook:
    """One subscription of the caller's organisations. Raises `NotFound`."""
    row = await tx.fetchrow(
        """
        SELECT id, organisation_id, url, event_types, state, reason, failures, created_at, disabled_at
        FROM webhook WHERE id = $1 AND organisation_id = ANY ($2::uuid[])
        """,
        webhook_id,
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return _webhook(row)


def _webhook(row: Any) -> Webhook:
    return Webhook(**row)


async def sealed_secret(tx: Tx, scope: Scope, webhook_id: UUID) -> str:
    """The sealed secret of a subscription of the caller's organisations. Raises `NotFound`."""
    sealed = await tx.fetchval(
        "SELECT sealed_secret FROM webhook WHERE id = $1 AND organisation_id = ANY ($2::uuid[])",
        webhook_id,
        list(scope.organisations),
    )
    if sealed is None:
        raise NotFound
    return str(sealed)


async def remove_webhook(tx: Tx, scope: Scope, webhook_id: UUID) -> None:
    """Delete a subscription of the caller's organisations with its deliveries. Raises `NotFound`."""
    gone = await tx.fetchval(
        "DELETE FROM webhook WHERE id = $1 AND organisation_id = ANY ($2::uuid[]) RETURNING id",
        webhook_id,
        list(scope.organisations),
    )
    if gone is None:
        raise NotFound


async def note_success(tx: Tx, webhook_id: UUID) -> None:
    """Something got through: the subscription is well."""
    await tx.execute(
        """
        UPDATE webhook SET failures = 0, failing_since = NULL, paused_until = NULL
        WHERE id = $1 AND (failures > 0 OR paused_until IS NOT NULL)
        """,
        webhook_id,
    )


async def note_failure(tx: Tx, webhook_id: UUID, now: datetime, breaker: int, paused_until: datetime) -> datetime:
    """Count a failed attempt; from `breaker` in a row the subscription pauses. Since when nothing got through."""
    since: datetime | None = await tx.fetchval(
        """
        UPDATE webhook SET failures = failures + 1, failing_since = coalesce(failing_since, $2),
            paused_until = CASE WHEN failures + 1 >= $3 THEN $4::timestamptz END
        WHERE id = $1 RETURNING failing_since
        """,
        webhook_id,
        now,
        breaker,
        paused_until,
    )
    return since or now


async def disable(tx: Tx, webhook_id: UUID, reason: str, now: datetime) -> Webhook | None:
    """Disable a subscription and fail what it still had to get; None when it isn't active any more."""
    row = await tx.fetchrow(
        """
        UPDATE webhook SET state = 'disabled', reason = $2, disabled_at = $3 WHERE id = $1 AND state = 'active'
        RETURNING id, organisation_id, url, event_types, state, reason, failures, created_at, disabled_at
        """,
        webhook_id,
        reason,
        now,
    )
    if row is None:
        return None
    await tx.execute(
        """
        UPDATE webhook_delivery SET state = 'failed', error = coalesce(error, 'webhook disabled'), leased_until = NULL
        WHERE webhook_id = $1 AND state = 'pending'
        """,
        webhook_id,
    )
    return _webhook(row)
