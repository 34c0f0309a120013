"""How a booking begins: what it locks first, and the one statement that takes the slot, keeps it and says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx
from chassis.http.idempotency import Columns, Keeping
from pooling.domain.bookings import Bookable
from pooling.domain.offers import Asker
from pooling.domain.refusals import LineTaken, SlotTaken
from pooling.store import matches, resources, rows
from pooling.store.rows import Row
from schemas.event import Event, Period
from schemas.pooling import Booking, Match, Price, RequestStatus, Resource, ResourceStatus


@dataclass(frozen=True, slots=True)
class Ground:
    """What a hold stands on: the resource, and how the requester is a member (`stay`).

    `waiting` counts the requester's holds that nobody has answered yet; `offered` tells whether the resource would be
    available for the period, were it not booked; `seen` is the resource as it is when it isn't free, nor locked.
    """

    resource: Bookable
    stay: int
    waiting: int
    offered: bool
    seen: Resource | None = None


@dataclass(frozen=True, slots=True)
class MatchGround:
    """What a hold from a match stands on."""

    ground: Ground
    match: Match
    request: RequestStatus


_MATCH = """
    SELECT match.*, member.version AS stay, request.status AS request_status, resource.status AS resource_status,
        resource.version AS resource_version, resource.pole_id, resource.organisation_id, resource.fixed_cents,
        resource.hour_cents, (SELECT count(*) FROM booking WHERE booking.status = 'held'
            AND booking.requester_organisation_id = match.requester_organisation_id) AS waiting,
        resource.availability @> match.period AS offered
    FROM match
    JOIN member ON member.organisation_id = match.requester_organisation_id
        AND member.pole_id = match.requester_pole_id AND member.standing = 'joined'
    JOIN resource ON resource.id = match.resource_id
    JOIN request ON request.id = match.request_id
    WHERE match.id = $1 AND match.requester_organisation_id = ANY($2)
        AND (resource.organisation_id = match.requester_organisation_id OR resource.ring = 'everyone'
            OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = match.requester_pole_id)
            OR (resource.ring = 'partner_poles' AND EXISTS (SELECT FROM pole
                WHERE pole.id = resource.pole_id AND match.requester_pole_id = ANY(pole.partners)))){locked}
"""

SEE_MATCH = _MATCH.format(locked="")
LOCK_MATCH = _MATCH.format(
    locked="""
        AND (SELECT free @> match.period FROM resource_free WHERE resource_free.resource_id = resource.id)
    FOR SHARE OF member FOR NO KEY UPDATE OF resource, request, match
"""
)

_RESOURCE = """
    SELECT resource.id, resource.version, resource.status, member.version AS stay, resource.pole_id,
        resource.organisation_id, resource.fixed_cents, resource.hour_cents,
        (SELECT count(*) FROM booking WHERE status = 'held' AND requester_organisation_id = $2) AS waiting,
        resource.availability @> $4::tstzrange AS offered{more}
    FROM member JOIN resource ON resource.id = $1{beside}
    WHERE member.organisation_id = $2 AND member.pole_id = $3 AND member.standing = 'joined'
        AND (resource.organisation_id = $2 OR resource.ring = 'everyone'
            OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = $3)
            OR (resource.ring = 'partner_poles'
                AND EXISTS (SELECT FROM pole WHERE pole.id = resource.pole_id AND $3 = ANY(pole.partners)))){locked}
"""

# Who books doesn't pay for what a refusal tells, and who finds the slot taken locks nothing.
LOCK_RESOURCE = _RESOURCE.format(
    more="",
    beside="",
    locked="""
        AND (SELECT free @> $4::tstzrange FROM resource_free WHERE resource_free.resource_id = resource.id)
    FOR SHARE OF member FOR NO KEY UPDATE OF resource
""",
)
SEE_RESOURCE = _RESOURCE.format(
    more=""", resource.title, resource.characteristics, resource.commune, resource.place, resource.latitude,
        resource.longitude, resource.ring, resource.availability, saved.request_hash, saved.status AS saved_status,
        saved.headers, saved.body,
        (SELECT free @> $4::tstzrange FROM resource_free WHERE resource_id = $1) AS is_free""",
    beside="""
    LEFT JOIN idempotency AS saved ON saved.subject = $5 AND saved.key = $6""",
    locked="",
)


async def lock_for_match(tx: Tx, scope: Scope, match_id: UUID) -> MatchGround | None:
    """Lock, in this order, membership, resource, request and match, if the slot is free: others wait for a lock.

    None when it isn't, or one of them is missing, or is not to be seen, or the resource's ring does not reach the
    requester: `see_for_match` tells which.
    """
    row = await tx.fetchrow(LOCK_MATCH, match_id, list(scope.organisations))
    return _match_ground(row) if row else None


async def see_for_match(tx: Tx, scope: Scope, match_id: UUID) -> MatchGround | None:
    """What `lock_for_match` would lock, as it is now and whether the slot is free or not."""
    row = await tx.fetchrow(SEE_MATCH, match_id, list(scope.organisations))
    return _match_ground(row) if row else None


async def lock_resource(tx: Tx, asker: Asker, resource_id: UUID, period: Period, keeping: Keeping) -> Ground | None:
    """Lock membership and resource, if the period is free: others wait for a lock. If it isn't, just look at them.

    Who will be refused is told by the same look whether this is the same request as one that was answered before.
    None when one of them is missing, or the resource's ring does not reach the asker.
    """
    asked = (resource_id, asker.organisation_id, asker.pole_id, rows.span(period))
    row = await tx.fetchrow(LOCK_RESOURCE, *asked)
    if row is not None:
        return _resource_ground(row)
    row = await tx.fetchrow(SEE_RESOURCE, *asked, *keeping.key)
    if row is None:
        return None
    if row["is_free"]:  # but not locked: who had locked it left the row otherwise; what it is now is looked at anew
        return await lock_resource(tx, asker, resource_id, period, keeping)
    keeping.looked((row["request_hash"], row["saved_status"], row["headers"], row["body"]))
    return replace(_resource_ground(row), seen=resources.of(row))


def _resource_ground(row: Row) -> Ground:
    return _ground(row, row["id"], row["version"], row["status"])


def _match_ground(row: Row) -> MatchGround:
    ground = _ground(row, row["resource_id"], row["resource_version"], row["resource_status"])
    return MatchGround(ground, matches.of(row), RequestStatus(row["request_status"]))


def _ground(row: Row, resource_id: UUID, version: int, status: str) -> Ground:
    price = Price.model_construct(fixed_cents=row["fixed_cents"], hour_cents=row["hour_cents"])
    resource = Bookable(resource_id, version, row["pole_id"], row["organisation_id"], ResourceStatus(status), price)
    return Ground(resource, row["stay"], row["waiting"], row["offered"])


async def take(tx: Tx, booking: Booking, stay: int, events: Sequence[Event], answer: Columns) -> bool:
    """Take the slot, keep the booking, mark its match as taken, say so, and keep the answer, in one statement.

    False when the free-time row, the first gate, says no; nothing is written then. The exclusion constraint is the
    guarantee behind it: raises SlotTaken or LineTaken when it or the other unique rule speaks;
    asyncpg.UniqueViolationError when the answer's key has been used.
    """
    try:
        statement = TAKE_DIRECTLY if booking.match_id is None else TAKE_MATCH
        return bool(await tx.fetchval(statement, *_take_columns(booking, stay), *outbox.columns(events), *answer))
    except asyncpg.ExclusionViolationError as error:
        raise SlotTaken(resource_id=booking.resource_id, period=booking.period) from error
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "booking_one_per_line":
            raise LineTaken(line_id=booking.line_id) from error
        raise


_TAKE = """
    WITH gate AS (
        UPDATE resource_free SET free = free - tstzmultirange($12::tstzrange)
        WHERE resource_id = $2 AND free @> $12::tstzrange RETURNING resource_id
    ), kept AS (
        INSERT INTO booking (id, version, status, resource_id, owner_pole_id, owner_organisation_id, requester_pole_id,
            requester_organisation_id, stay, request_id, line_id, match_id, period, price_cents, expires_at)
        SELECT $1, $3, $4, resource_id, $5, $6, $7, $8, $9, $10, $11, $13, $12, $14, $15 FROM gate
    ){taken}, again AS (
        INSERT INTO rematch (resource_id) SELECT resource_id FROM gate
    ), said AS (
        INSERT INTO outbox (event_id, topic, type, key, data, traceparent)
        SELECT event.* FROM gate,
            unnest($16::uuid[], $17::text[], $18::text[], $19::uuid[], $20::text[], $21::text[]) AS event
    ), answered AS (
        INSERT INTO idempotency (subject, key, request_hash, status, headers, body)
        SELECT $22, $23, $24, $25, $26, $27 FROM gate WHERE $23::text IS NOT NULL
    )
    SELECT EXISTS (SELECT FROM gate)
"""

TAKE_DIRECTLY = _TAKE.format(taken="")
TAKE_MATCH = _TAKE.format(
    taken=""", taken AS (
        UPDATE match SET status = 'taken', version = version + 1 FROM gate WHERE id = $13
    )"""
)


def _take_columns(booking: Booking, stay: int) -> tuple[Any, ...]:
    return (
        booking.id,
        booking.resource_id,
        booking.version,
        booking.status,
        booking.owner_pole_id,
        booking.owner_organisation_id,
        booking.requester_pole_id,
        booking.requester_organisation_id,
        stay,
        booking.request_id,
        booking.line_id,
        rows.span(booking.period),
        booking.match_id,
        booking.price_cents,
        booking.expires_at,
    )


async def is_free(tx: Tx, resource_id: UUID, period: Period) -> bool:
    """Whether the free-time row has the whole period."""
    return bool(
        await tx.fetchval(
            "SELECT free @> $2::tstzrange FROM resource_free WHERE resource_id = $1", resource_id, rows.span(period)
        )
    )
