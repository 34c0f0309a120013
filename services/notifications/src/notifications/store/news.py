"""News: one row for each event that said something new, until it has been told to all whom it concerns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from chassis.db import Tx


class News(NamedTuple):
    """An event to be told; `body` is a structured CloudEvent in JSON."""

    event_id: UUID
    type: str
    body: str
    received_at: datetime


class Settled(NamedTuple):
    """How an event stands after a look at it: to be looked at `again`, or in a final `state`."""

    event_id: UUID
    again: datetime | None
    state: str | None


async def add_news(tx: Tx, news: Sequence[News]) -> set[UUID]:
    """Insert those that aren't there yet, and return their ids: an event is news once, however often it comes."""
    rows = await tx.fetch(
        """
        INSERT INTO news (event_id, type, body, received_at, due_at)
        SELECT event_id, type, body, received_at, received_at
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS new (event_id, type, body, received_at)
        ON CONFLICT (event_id) DO NOTHING RETURNING event_id
        """,
        *_columns(news),
    )
    return {row["event_id"] for row in rows}


def _columns(news: Sequence[News]) -> tuple[list[UUID], list[str], list[str], list[datetime]]:
    return (
        [each.event_id for each in news],
        [each.type for each in news],
        [each.body for each in news],
        [each.received_at for each in news],
    )


async def lock_waiting(tx: Tx, now: datetime, limit: int) -> list[News]:
    """News to look at again now, locked until the transaction ends; another worker's are left to it."""
    rows = await tx.fetch(
        """
        SELECT event_id, type, body, received_at FROM news
        WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        now,
        limit,
    )
    return [News(row["event_id"], row["type"], row["body"], row["received_at"]) for row in rows]


async def settle(tx: Tx, settled: Sequence[Settled]) -> None:
    """Save how these events stand; a settled one lets its body go unless a webhook's delivery needs it."""
    await tx.execute(
        """
        UPDATE news SET state = coalesce(new.state, 'waiting'), due_at = coalesce(new.again, due_at),
            body = CASE WHEN new.state IS NULL OR EXISTS (
                SELECT FROM webhook_delivery d WHERE d.event_id = news.event_id AND d.state = 'pending'
            ) THEN body END
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS new (event_id, again, state)
        WHERE news.event_id = new.event_id
        """,
        [each.event_id for each in settled],
        [each.again for each in settled],
        [each.state for each in settled],
    )


async def oldest_waiting(tx: Tx, now: datetime) -> float:
    """Seconds that the oldest news has been due for; 0 when none is."""
    since = await tx.fetchval("SELECT min(due_at) FROM news WHERE state = 'waiting' AND due_at <= $1", now)
    return float((now - since).total_seconds()) if since else 0.0


async def remove_old(tx: Tx, now: datetime, news: timedelta, notifications: timedelta, limit: int) -> int:
    """Remove what is past its retention, at most `limit` rows of each kind, and return how many went."""
    deliveries = await tx.execute(
        """
        DELETE FROM webhook_delivery WHERE id IN (
            SELECT d.id FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
            WHERE (d.state <> 'pending' OR w.state <> 'active') AND d.created_at < $1 LIMIT $2)
        """,
        now - news,
        limit,
    )
    events = await tx.execute(
        """
        DELETE FROM news WHERE event_id IN (
            SELECT event_id FROM news n WHERE state <> 'waiting' AND received_at < $1
                AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.event_id = n.event_id) LIMIT $2)
        """,
        now - news,
        limit,
    )
    told = await tx.execute(
        "DELETE FROM notification WHERE id IN (SELECT id FROM notification WHERE created_at < $1 LIMIT $2)",
        now - notifications,
        limit,
    )
    return sum(int(answer.split()[-1]) for answer in (deliveries, events, told))
