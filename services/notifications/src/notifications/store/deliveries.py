"""Deliveries: one row for each event that a webhook is to get, until it got it or the attempts are used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx


class Concern(NamedTuple):
    """An organisation that an event concerns."""

    event_id: UUID
    organisation_id: UUID
    type: str
    received_at: datetime


class Leased(NamedTuple):
    """A delivery taken by this worker; `attempts` counts this one, `body` is a structured CloudEvent."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    url: str
    host: str
    sealed_secret: str
    body: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the attempts at a delivery went so far, as its organisation sees it."""

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


class Outcome(NamedTuple):
    """What an attempt came to: a status (None: no answer), an error in plain words, the start of the answer's body."""

    status: int | None
    error: str | None
    excerpt: str | None


async def add_deliveries(tx: Tx, concerns: Sequence[Concern], now: datetime) -> int:
    """Queue events for the active webhooks of the organisations they concern; return how many were new.

    A webhook gets no event that was received before it was made.
    """
    answer = await tx.execute(
        """
        INSERT INTO webhook_delivery (id, webhook_id, organisation_id, event_id, type, created_at, due_at)
        SELECT uuidv7(), w.id, w.organisation_id, new.event_id, new.type, $5, $5
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
            AS new (event_id, organisation_id, type, received_at)
        JOIN webhook w ON w.organisation_id = new.organisation_id AND w.state = 'active'
            AND new.type = ANY (w.event_types) AND w.created_at <= new.received_at
        ORDER BY new.received_at, new.event_id
        ON CONFLICT (webhook_id, event_id) DO NOTHING
        """,
        [each.event_id for each in concerns],
        [each.organisation_id for each in concerns],
        [each.type for each in concerns],
        [each.received_at for each in concerns],
        now,
    )
    return int(answer.split()[-1])


async def lease_deliveries(tx: Tx, now: datetime, until: datetime, limit: int, per_host: int) -> list[Leased]:
    """Due deliveries that are nobody's, taken until `until`: of each host no more than it has room for.

    Deliveries under way count, whoever has them. Workers that ask at the same time choose the same rows, so what one
    takes the other passes over instead of taking the next.
    """
    rows = await tx.fetch(
        """
        WITH busy AS (
            SELECT w.host, count(*) FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
            WHERE d.state = 'pending' AND d.leased_until > $1 GROUP BY w.host
        ), due AS (
            SELECT d.id, coalesce(busy.count, 0)
                + row_number() OVER (PARTITION BY w.host ORDER BY d.due_at, d.id) AS place
            FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id LEFT JOIN busy ON busy.host = w.host
            WHERE d.state = 'pending' AND d.due_at <= $1 AND (d.leased_until IS NULL OR d.leased_until <= $1)
                AND w.state = 'active' AND (w.paused_until IS NULL OR w.paused_until <= $1)
        ), taken AS (
            SELECT d.id FROM webhook_delivery d JOIN due USING (id)
            WHERE due.place <= $4 AND d.state = 'pending' AND (d.leased_until IS NULL OR d.leased_until <= $1)
            ORDER BY d.due_at, d.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
        )
        UPDATE webhook_delivery d SET leased_until = $2, attempts = d.attempts + 1
        FROM taken, webhook w, news n
        WHERE d.id = taken.id AND w.id = d.webhook_id AND n.event_id = d.event_id
        RETURNING d.id, d.webhook_id, d.event_id, w.url, w.host, w.sealed_secret, n.body, d.attempts, d.created_at
        """,
        now,
        until,
        limit,
        per_host,
    )
    return sorted(Leased(*(row[name] for name in Leased._fields)) for row in rows)


async def record(tx: Tx, leased: Leased, state: str, outcome: Outcome, due_at: datetime, now: datetime) -> bool:
    """Save how an attempt went; False when the delivery isn't this worker's any more."""
    answer = await tx.execute(
        """
        UPDATE webhook_delivery SET state = $3, due_at = $4, leased_until = NULL, attempted_at = $5,
            status = $6, error = $7, excerpt = $8
        WHERE id = $1 AND attempts = $2 AND state = 'pending'
        """,
        leased.id,
        leased.attempts,
        state,
        due_at,
        now,
        outcome.status,
        outcome.error,
        outcome.excerpt,
    )
    return bool(answer == "UPDATE 1")


async def attempts(tx: Tx, scope: Scope, webhook_id: UUID, before: UUID | None, limit: int) -> list[Attempt]:
    """The deliveries of a webhook of the caller's organisations, newest first, those older than `before`.

    Only their own index has the order by webhook and id: by id alone, the planner may go through everybody's.
    """
    rows = await tx.fetch(
        """
        SELECT id, event_id, type, state, attempts, created_at, due_at, attempted_at, status, error, excerpt
        FROM webhook_delivery
        WHERE webhook_id BETWEEN $1 AND $1 AND organisation_id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY webhook_id DESC, id DESC LIMIT $4
        """,
        webhook_id,
        list(scope.organisations),
        before,
        limit,
    )
    return [_attempt(row) for row in rows]


def _attempt(row: Any) -> Attempt:
    return Attempt(**row)


async def oldest_delivery(tx: Tx, now: datetime) -> float:
    """Seconds that the oldest delivery of an active webhook has been due for; 0 when none is."""
    since = await tx.fetchval(
        """
        SELECT min(d.due_at) FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
        WHERE d.state = 'pending' AND d.due_at <= $1 AND w.state = 'active'
            AND (w.paused_until IS NULL OR w.paused_until <= $1)
        """,
        now,
    )
    return float((now - since).total_seconds()) if since else 0.0
