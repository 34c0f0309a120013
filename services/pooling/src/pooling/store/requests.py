"""Requests and their lines."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from pooling.domain.refusals import NotAMember
from pooling.store import rows
from pooling.store.rows import Row
from schemas.pooling import Line, Request, RequestStatus


async def insert(tx: Tx, stay: int | None, request: Request) -> None:
    """Keep a new request with its lines. Raises NotAMember without a membership's version."""
    if stay is None:
        raise NotAMember
    await tx.execute(
        """
        INSERT INTO request (id, version, pole_id, organisation_id, stay, project_id, status, title)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        request.id,
        request.version,
        request.pole_id,
        request.organisation_id,
        stay,
        request.project_id,
        request.status,
        request.title,
    )
    await tx.executemany(
        """
        INSERT INTO request_line (id, request_id, position, kind, within, minutes, features, at_least,
            commune, place, latitude, longitude, max_km, max_price_cents)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """,
        [_line_columns(request.id, position, line) for position, line in enumerate(request.lines)],
    )


def _line_columns(request_id: UUID, position: int, line: Line) -> tuple[object, ...]:
    place = line.place
    return (
        line.id,
        request_id,
        position,
        line.kind,
        rows.span(line.window),
        line.minutes,
        line.features,
        line.at_least,
        place.commune,
        place.name,
        place.latitude,
        place.longitude,
        line.max_km,
        line.max_price_cents,
    )


async def get(tx: Tx, scope: Scope, request_id: UUID) -> Request:
    """A request of the caller's organisations; raises NotFound."""
    found = await tx.fetch(
        """
        SELECT request.*, line.id AS line_id, line.kind, line.within, line.minutes, line.features, line.at_least,
            line.commune, line.place, line.latitude, line.longitude, line.max_km, line.max_price_cents
        FROM request JOIN request_line AS line ON line.request_id = request.id
        WHERE request.id = $1 AND (request.organisation_id = ANY($2) OR $3) ORDER BY line.position
        """,
        request_id,
        list(scope.organisations),
        scope.is_system,
    )
    if not found:
        raise NotFound
    return _request(found)


async def get_line(tx: Tx, scope: Scope, line_id: UUID) -> Line:
    """A line of a request of the caller's organisations; raises NotFound."""
    row = await tx.fetchrow(
        """
        SELECT line.id AS line_id, line.kind, line.within, line.minutes, line.features, line.at_least,
            line.commune, line.place, line.latitude, line.longitude, line.max_km, line.max_price_cents
        FROM request_line AS line JOIN request ON request.id = line.request_id
        WHERE line.id = $1 AND request.organisation_id = ANY($2)
        """,
        line_id,
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return line(row)


async def own(tx: Tx, scope: Scope, status: RequestStatus | None, limit: int, after: UUID | None) -> list[Request]:
    """The requests of the caller's organisations, newest first, after the one with the id `after`.

    Each organisation's are found as their bookings are (`bookings.OWN`).
    """
    found = await tx.fetch(
        """
        WITH page AS (
            SELECT mine.* FROM unnest($1::uuid[]) AS own (organisation_id) CROSS JOIN LATERAL (
                SELECT * FROM request WHERE organisation_id BETWEEN own.organisation_id AND own.organisation_id
                    AND ($2::text IS NULL OR status = $2) AND ($4::uuid IS NULL OR id < $4)
                ORDER BY organisation_id DESC, id DESC LIMIT $3
            ) AS mine
            ORDER BY mine.id DESC LIMIT $3
        )
        SELECT page.*, line.id AS line_id, line.kind, line.within, line.minutes, line.features, line.at_least,
            line.commune, line.place, line.latitude, line.longitude, line.max_km, line.max_price_cents
        FROM page JOIN request_line AS line ON line.request_id = page.id ORDER BY page.id DESC, line.position
        """,
        list(scope.organisations),
        status,
        limit,
        after,
    )
    return [_request(list(lines)) for _, lines in groupby(found, key=lambda row: row["id"])]


async def lock(tx: Tx, scope: Scope, request_ids: Collection[UUID]) -> dict[UUID, Request]:
    """Lock requests of the caller's organisations (all of them for the system), in order of id."""
    if not request_ids:
        return {}
    found = await tx.fetch(
        """
        WITH locked AS MATERIALIZED (
            SELECT * FROM request WHERE id = ANY($1) AND (organisation_id = ANY($2) OR $3)
            ORDER BY id FOR NO KEY UPDATE
        )
        SELECT locked.*, line.id AS line_id, line.kind, line.within, line.minutes, line.features, line.at_least,
            line.commune, line.place, line.latitude, line.longitude, line.max_km, line.max_price_cents
        FROM locked JOIN request_line AS line ON line.request_id = locked.id ORDER BY locked.id, line.position
        """,
        sorted(request_ids),
        list(scope.organisations),
        scope.is_system,
    )
    return {id_: _request(list(lines)) for id_, lines in groupby(found, key=lambda row: row["id"])}


async def save(tx: Tx, requests: Sequence[Request]) -> None:
    """Keep the statuses of these requests, whose rows are locked."""
    await tx.execute(
        """
        UPDATE request SET version = new.version, status = new.status
        FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS new (id, version, status) WHERE request.id = new.id
        """,
        [request.id for request in requests],
        [request.version for request in requests],
        [request.status for request in requests],
    )


async def booked_lines(tx: Tx, request_ids: Collection[UUID]) -> dict[UUID, str]:
    """The lines of these requests that have a live booking, and its status."""
    found = await tx.fetch(
        """
        SELECT booking.line_id, booking.status FROM request_line JOIN booking ON booking.line_id = request_line.id
        WHERE request_line.request_id = ANY($1) AND booking.status IN ('held', 'confirmed')
        """,
        list(request_ids),
    )
    return {row["line_id"]: row["status"] for row in found}


async def ended_by_departures(
    tx: Tx, organisations: Sequence[UUID], poles: Sequence[UUID], versions: Sequence[int]
) -> list[UUID]:
    """The requests made under a membership that has a later version since."""
    found = await tx.fetch(
        """
        SELECT request.id FROM request
        JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS gone (organisation_id, pole_id, version)
            USING (organisation_id, pole_id)
        WHERE request.status <> 'withdrawn' AND request.stay < gone.version
        """,
        organisations,
        poles,
        versions,
    )
    return [row["id"] for row in found]


def line(row: Row | Mapping[str, Any]) -> Line:
    """A row with a line's columns (its id as line_id) as the line."""
    return Line(
        id=row["line_id"],
        kind=row["kind"],
        window=rows.period(row["within"]),
        minutes=row["minutes"],
        features=row["features"],
        at_least=row["at_least"],
        place=rows.place(row),
        max_km=row["max_km"],
        max_price_cents=row["max_price_cents"],
    )


def _request(lines: Sequence[Row]) -> Request:
    row = lines[0]
    return Request(
        id=row["id"],
        version=row["version"],
        pole_id=row["pole_id"],
        organisation_id=row["organisation_id"],
        project_id=row["project_id"],
        status=RequestStatus(row["status"]),
        title=row["title"],
        lines=tuple(line(each) for each in lines),
    )
