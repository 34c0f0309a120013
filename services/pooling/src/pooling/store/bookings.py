"""Bookings. How one begins is in `store.holds`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from pooling.store import rows
from pooling.store.rows import Row
from schemas.pooling import Booking, BookingStatus

OWN = """
    SELECT side.* FROM unnest($1::uuid[]) AS own (organisation_id) CROSS JOIN LATERAL (
        (SELECT * FROM booking
        WHERE owner_organisation_id BETWEEN own.organisation_id AND own.organisation_id
            AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR resource_id = $3)
            AND ($5::uuid IS NULL OR id < $5)
        ORDER BY owner_organisation_id DESC, id DESC LIMIT $4)
        UNION ALL
        (SELECT * FROM booking
        WHERE requester_organisation_id BETWEEN own.organisation_id AND own.organisation_id
            AND owner_organisation_id <> ALL($1)
            AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR resource_id = $3)
            AND ($5::uuid IS NULL OR id < $5)
        ORDER BY requester_organisation_id DESC, id DESC LIMIT $4)
    ) AS side
    ORDER BY side.id DESC LIMIT $4
"""
"""An organisation is asked for by a range, and sorted by, so that only its own index has that order: asked for by `=`,
where few own all, the planner thinks that the newest of all are theirs, and goes through everybody's."""


async def get(tx: Tx, scope: Scope, booking_id: UUID) -> Booking:
    """A booking of which the caller is a side; raises NotFound."""
    row = await tx.fetchrow(
        """
        SELECT * FROM booking WHERE id = $1 AND (owner_organisation_id = ANY($2) OR requester_organisation_id = ANY($2))
        """,
        booking_id,
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return _booking(row)


async def own(
    tx: Tx, scope: Scope, status: BookingStatus | None, resource_id: UUID | None, limit: int, after: UUID | None
) -> list[Booking]:
    """The bookings of which the caller is a side, newest first, after the one with the id `after`."""
    found = await tx.fetch(
        OWN,
        list(scope.organisations),
        status,
        resource_id,
        limit,
        after,
    )
    return [_booking(row) for row in found]


async def read(tx: Tx, booking_ids: Collection[UUID]) -> list[Booking]:
    """These bookings as they are, not locked: to know what to lock before them."""
    if not booking_ids:
        return []
    return [_booking(row) for row in await tx.fetch("SELECT * FROM booking WHERE id = ANY($1)", list(booking_ids))]


async def lock(tx: Tx, booking_ids: Collection[UUID]) -> dict[UUID, Booking]:
    """Lock these bookings, in order of id."""
    if not booking_ids:
        return {}
    found = await tx.fetch(
        "SELECT * FROM booking WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", sorted(booking_ids)
    )
    return {row["id"]: _booking(row) for row in found}


async def to_come(tx: Tx, resource_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """The live bookings of these resources that have not begun."""
    if not resource_ids:
        return []
    found = await tx.fetch(
        """
        SELECT id FROM booking
        WHERE resource_id = ANY($1) AND status IN ('held', 'confirmed') AND lower(period) > $2
        """,
        list(resource_ids),
        now,
    )
    return [row["id"] for row in found]


async def ended_by_departures(
    tx: Tx, organisations: Sequence[UUID], poles: Sequence[UUID], versions: Sequence[int], now: datetime
) -> list[UUID]:
    """The live bookings to come that were made under a membership that has a later version since."""
    found = await tx.fetch(
        """
        SELECT booking.id FROM booking
        JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS gone (organisation_id, pole_id, version)
            ON booking.requester_organisation_id = gone.organisation_id AND booking.requester_pole_id = gone.pole_id
        WHERE booking.status IN ('held', 'confirmed') AND booking.stay < gone.version AND lower(booking.period) > $4
        """,
        organisations,
        poles,
        versions,
        now,
    )
    return [row["id"] for row in found]


async def live_of(tx: Tx, request_ids: Collection[UUID]) -> list[UUID]:
    """The live bookings of these requests."""
    found = await tx.fetch(
        """
        SELECT booking.id FROM request_line JOIN booking ON booking.line_id = request_line.id
        WHERE request_line.request_id = ANY($1) AND booking.status IN ('held', 'confirmed')
        """,
        list(request_ids),
    )
    return [row["id"] for row in found]


async def lapsed(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    """Holds whose time has passed, the oldest first, and their resources locked.

    The resource is the first in the lock order, so it is what two sweepers skip when the other has it.
    """
    found = await tx.fetch(
        """
        SELECT booking.id FROM booking JOIN resource ON resource.id = booking.resource_id
        WHERE booking.status = 'held' AND booking.expires_at <= $1 ORDER BY booking.expires_at, booking.id LIMIT $2
        FOR NO KEY UPDATE OF resource SKIP LOCKED
        """,
        now,
        limit,
    )
    return [row["id"] for row in found]


async def save_ended(tx: Tx, bookings: Sequence[Booking]) -> None:
    """Keep the ends of these bookings, whose rows and resources are locked, and give their time back.

    The resource may fit others now, and the request may be met by what nobody looked at while it was held.
    """
    await tx.execute(
        """
        WITH ended AS (
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) AS new (id, version, status, by)
        ), saved AS (
            UPDATE booking SET version = ended.version, status = ended.status, cancelled_by = ended.by,
                expires_at = CASE WHEN ended.status = 'expired' THEN booking.expires_at END
            FROM ended WHERE booking.id = ended.id
        ), back AS (
            SELECT booking.resource_id, range_agg(booking.period) AS periods
            FROM booking JOIN ended USING (id) GROUP BY booking.resource_id
        ), freed AS (
            UPDATE resource_free SET free = resource_free.free + back.periods * resource.availability
            FROM back JOIN resource ON resource.id = back.resource_id WHERE resource_free.resource_id = back.resource_id
        ), asked AS (
            INSERT INTO rematch (request_id)
            SELECT DISTINCT booking.request_id FROM booking JOIN ended USING (id) WHERE booking.request_id IS NOT NULL
        )
        INSERT INTO rematch (resource_id) SELECT resource_id FROM back
        """,
        [booking.id for booking in bookings],
        [booking.version for booking in bookings],
        [booking.status for booking in bookings],
        [booking.cancelled_by for booking in bookings],
    )


async def save_confirmed(tx: Tx, booking: Booking) -> None:
    """Keep a confirmation; the row is locked."""
    await tx.execute(
        "UPDATE booking SET version = $2, status = 'confirmed', expires_at = NULL WHERE id = $1",
        booking.id,
        booking.version,
    )


def _booking(row: Row) -> Booking:
    return Booking(
        id=row["id"],
        version=row["version"],
        status=BookingStatus(row["status"]),
        resource_id=row["resource_id"],
        owner_pole_id=row["owner_pole_id"],
        owner_organisation_id=row["owner_organisation_id"],
        requester_pole_id=row["requester_pole_id"],
        requester_organisation_id=row["requester_organisation_id"],
        request_id=row["request_id"],
        line_id=row["line_id"],
        match_id=row["match_id"],
        period=rows.period(row["period"]),
        price_cents=row["price_cents"],
        expires_at=row["expires_at"],
        cancelled_by=row["cancelled_by"],
    )
