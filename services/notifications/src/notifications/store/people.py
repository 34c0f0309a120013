"""What people are told: the in-app inbox, and the mails that go with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx, new_id
from chassis.errors import NotFound
from notifications.domain import GATHERING, Told


@dataclass(frozen=True, slots=True)
class Notification:
    """A row of somebody's inbox."""

    id: UUID
    event_id: UUID
    code: str
    params: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class Mail(NamedTuple):
    """A mail leased by this worker; `attempts` counts this one, `told` are codes of texts and what fills them."""

    notification_id: UUID
    person_id: UUID
    created_at: datetime
    attempts: int
    told: list[tuple[str, dict[str, Any]]]


async def save_told(tx: Tx, told: Sequence[tuple[UUID, Told]], now: datetime) -> int:
    """Save (event_id, told) pairs as notifications, with the mails to send; return how many were new."""
    ids = [new_id() for _ in told]
    new = await tx.fetchval(
        """
        WITH said AS (
            INSERT INTO notification (id, event_id, person_id, code, params, created_at, mail_id)
            SELECT id, event_id, person_id, code, params, $7, CASE WHEN mailed THEN id END
            FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::boolean[])
                AS new (id, event_id, person_id, code, params, mailed)
            ON CONFLICT (event_id, person_id) DO NOTHING RETURNING id, person_id, mail_id
        ), mailed AS (
            INSERT INTO mail (notification_id, person_id, due_at)
            SELECT mail_id, person_id, $7 FROM said WHERE mail_id IS NOT NULL
        )
        SELECT count(*) FROM said
        """,
        ids,
        [event_id for event_id, _ in told],
        [each.person_id for _, each in told],
        [each.code for _, each in told],
        [each.params for _, each in told],
        [each.mailed and each.gathers is None for _, each in told],
        now,
    )
    gathering = {id_: each.gathers for id_, (_, each) in zip(ids, told, strict=True) if each.gathers}
    if gathering:
        await _gather(tx, gathering, now + GATHERING)
    return int(new)


async def _gather(tx: Tx, gathering: Mapping[UUID, UUID], due_at: datetime) -> None:
    """Put each of these notifications into the mail that gathers for its aggregate and person; make it if need be.

    A mail that a worker has taken gathers no more.
    """
    await tx.execute(
        """
        WITH new AS (
            SELECT n.id, n.person_id, given.gathers
            FROM unnest($1::uuid[], $2::uuid[]) AS given (id, gathers) JOIN notification n USING (id)
        ), gathered AS (
            INSERT INTO mail (notification_id, person_id, gathers, due_at)
            SELECT DISTINCT ON (person_id, gathers) id, person_id, gathers, $3
            FROM new ORDER BY person_id, gathers, id
            ON CONFLICT (person_id, gathers) DO UPDATE SET gathers = excluded.gathers
            RETURNING notification_id, person_id, gathers
        )
        UPDATE notification SET mail_id = gathered.notification_id
        FROM new JOIN gathered USING (person_id, gathers) WHERE notification.id = new.id
        """,
        list(gathering.keys()),
        list(gathering.values()),
        due_at,
    )


async def inbox(tx: Tx, scope: Scope, unread: bool | None, before: UUID | None, limit: int) -> list[Notification]:
    """The caller's notifications, newest first, those older than `before`; `unread` picks unread or read ones.

    Only their own index has the order by person and id: by id alone, the planner may go through everybody's.
    """
    rows = await tx.fetch(
        """
        SELECT id, event_id, code, params, created_at, read_at FROM notification
        WHERE person_id BETWEEN $1 AND $1 AND ($2::boolean IS NULL OR (read_at IS NULL) = $2)
            AND ($3::uuid IS NULL OR id < $3)
        ORDER BY person_id DESC, id DESC LIMIT $4
        """,
        scope.subject,
        unread,
        before,
        limit,
    )
    return [_notification(row) for row in rows]


def _notification(row: Any) -> Notification:
    return Notification(**row)


async def mark_read(tx: Tx, scope: Scope, notification_id: UUID, now: datetime) -> Notification:
    """Mark one of the caller's notifications read; the first time counts. Raises `NotFound`."""
    row = await tx.fetchrow(
        """
        UPDATE notification SET read_at = coalesce(read_at, $3) WHERE id = $1 AND person_id = $2
        RETURNING id, event_id, code, params, created_at, read_at
        """,
        notification_id,
        scope.subject,
        now,
    )
    if row is None:
        raise NotFound
    return _notification(row)


async def lease_mails(tx: Tx, now: datetime, until: datetime, limit: int) -> list[Mail]:
    """Mails that are due and nobody's, taken until `until`; other workers pass them over."""
    rows = await tx.fetch(
        """
        WITH taken AS (
            SELECT notification_id FROM mail
            WHERE state = 'pending' AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        UPDATE mail SET leased_until = $2, attempts = attempts + 1, gathers = NULL
        FROM taken JOIN notification n ON n.id = taken.notification_id
        WHERE mail.notification_id = taken.notification_id
        RETURNING mail.notification_id, mail.person_id, n.created_at, mail.attempts
        """,
        now,
        until,
        limit,
    )
    # A statement of its own, for it must see what was gathered until the lease.
    told = await _told_by(tx, [row["notification_id"] for row in rows])
    return sorted(Mail(**row, told=told[row["notification_id"]]) for row in rows)


async def _told_by(tx: Tx, mails: Sequence[UUID]) -> dict[UUID, list[tuple[str, dict[str, Any]]]]:
    """What each of these mails tells, oldest first."""
    told: dict[UUID, list[tuple[str, dict[str, Any]]]] = {each: [] for each in mails}
    for row in await tx.fetch(
        "SELECT mail_id, code, params FROM notification WHERE mail_id = ANY ($1::uuid[]) ORDER BY id", mails
    ):
        told[row["mail_id"]].append((row["code"], row["params"]))
    return told


async def settle_mail(tx: Tx, mail: Mail, state: str, reason: str | None, now: datetime) -> None:
    """The mail was sent, failed for good, or dropped; nothing when another worker has taken it since."""
    await tx.execute(
        """
        UPDATE mail SET state = $3, reason = $4, settled_at = $5, leased_until = NULL
        WHERE notification_id = $1 AND attempts = $2 AND state = 'pending'
        """,
        mail.notification_id,
        mail.attempts,
        state,
        reason,
        now,
    )


async def postpone_mail(tx: Tx, mail: Mail, reason: str, due_at: datetime, counted: bool) -> None:
    """Try again at `due_at`; an attempt that never reached the mail server isn't `counted`."""
    await tx.execute(
        """
        UPDATE mail SET due_at = $3, reason = $4, leased_until = NULL,
            attempts = CASE WHEN $5 THEN attempts ELSE attempts - 1 END
        WHERE notification_id = $1 AND attempts = $2 AND state = 'pending'
        """,
        mail.notification_id,
        mail.attempts,
        due_at,
        reason,
        counted,
    )


async def oldest_mail(tx: Tx, now: datetime) -> float:
    """Seconds that the oldest mail has been due for; 0 when none is."""
    since = await tx.fetchval("SELECT min(due_at) FROM mail WHERE state = 'pending' AND due_at <= $1", now)
    return float((now - since).total_seconds()) if since else 0.0
