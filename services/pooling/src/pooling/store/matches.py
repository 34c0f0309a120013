"""Matches."""

from collections.abc import Collection, Sequence
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from pooling.store import queue, rows
from pooling.store.rows import Row
from schemas.pooling import Match, MatchStatus


async def save(tx: Tx, matches: Sequence[Match]) -> None:
    """Keep new and changed matches, whose earlier rows are locked; what lost one and is still open is matched anew."""
    await tx.executemany(
        """
        INSERT INTO match (id, version, status, request_id, line_id, requester_pole_id, requester_organisation_id,
            resource_id, owner_pole_id, owner_organisation_id, period, distance_m, price_cents, score, reasons)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, period = excluded.period,
            distance_m = excluded.distance_m, price_cents = excluded.price_cents, score = excluded.score,
            reasons = excluded.reasons
        """,
        [_columns(match) for match in matches],
    )
    if lost := {match.request_id for match in matches if match.status is MatchStatus.WITHDRAWN}:
        await queue.put_requests(tx, lost)


def _columns(match: Match) -> tuple[object, ...]:
    return (
        match.id,
        match.version,
        match.status,
        match.request_id,
        match.line_id,
        match.requester_pole_id,
        match.requester_organisation_id,
        match.resource_id,
        match.owner_pole_id,
        match.owner_organisation_id,
        rows.span(match.period),
        match.distance_m,
        match.price_cents,
        match.score,
        [reason.model_dump(mode="json") for reason in match.reasons],
    )


async def of_request(tx: Tx, scope: Scope, request_id: UUID) -> list[Match]:
    """The matches of a request of the caller's organisations that stand or are taken: by line, best first."""
    found = await tx.fetch(
        """
        SELECT match.* FROM match JOIN request_line AS line ON line.id = match.line_id
        WHERE match.request_id = $1 AND match.requester_organisation_id = ANY($2) AND match.status <> 'withdrawn'
        ORDER BY line.position, match.score DESC, match.price_cents, match.distance_m, match.period, match.resource_id
        """,
        request_id,
        list(scope.organisations),
    )
    return [of(row) for row in found]


async def lock(
    tx: Tx, match_ids: Collection[UUID], resource_ids: Collection[UUID], request_ids: Collection[UUID]
) -> dict[UUID, Match]:
    """Lock these matches and those of these resources or requests that stand or are taken, in order of id."""
    if not (match_ids or resource_ids or request_ids):
        return {}
    found = await tx.fetch(
        """
        SELECT * FROM match
        WHERE id = ANY($1) OR ((resource_id = ANY($2) OR request_id = ANY($3)) AND status <> 'withdrawn')
        ORDER BY id FOR NO KEY UPDATE
        """,
        list(match_ids),
        list(resource_ids),
        list(request_ids),
    )
    return {row["id"]: of(row) for row in found}


async def get(tx: Tx, scope: Scope, match_id: UUID) -> Match:
    """A match of the caller's organisations' requests; raises NotFound."""
    row = await tx.fetchrow(
        "SELECT * FROM match WHERE id = $1 AND requester_organisation_id = ANY($2)", match_id, list(scope.organisations)
    )
    if row is None:
        raise NotFound
    return of(row)


async def proposed_of_line(tx: Tx, line_id: UUID) -> list[Match]:
    """What is proposed for a line, known to be the caller's."""
    return [
        of(row) for row in await tx.fetch("SELECT * FROM match WHERE line_id = $1 AND status = 'proposed'", line_id)
    ]


async def with_resource(tx: Tx, resource_id: UUID, after: UUID, limit: int) -> list[Match]:
    """What is proposed with a resource, by line from `after` on, not locked: to know what to lock. For the system."""
    found = await tx.fetch(
        """
        SELECT * FROM match WHERE resource_id = $1 AND status = 'proposed' AND line_id > $2 ORDER BY line_id LIMIT $3
        """,
        resource_id,
        after,
        limit,
    )
    return [of(row) for row in found]


async def count_proposed(tx: Tx, line_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many matches are proposed for those of these lines that have any; their requests are locked."""
    found = await tx.fetch(
        """
        SELECT line_id, count(*) AS proposed FROM match WHERE line_id = ANY($1) AND status = 'proposed' GROUP BY line_id
        """,
        list(line_ids),
    )
    return {row["line_id"]: row["proposed"] for row in found}


async def lock_pairs(
    tx: Tx, line_ids: Collection[UUID], resource_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], Match]:
    """Lock the matches of these lines with these resources, whatever their status: by (line, resource)."""
    found = await tx.fetch(
        "SELECT * FROM match WHERE line_id = ANY($1) AND resource_id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
        list(line_ids),
        list(resource_ids),
    )
    return {(row["line_id"], row["resource_id"]): of(row) for row in found}


def of(row: Row) -> Match:
    """A row of the table as the match."""
    return Match(
        id=row["id"],
        version=row["version"],
        status=MatchStatus(row["status"]),
        request_id=row["request_id"],
        line_id=row["line_id"],
        requester_pole_id=row["requester_pole_id"],
        requester_organisation_id=row["requester_organisation_id"],
        resource_id=row["resource_id"],
        owner_pole_id=row["owner_pole_id"],
        owner_organisation_id=row["owner_organisation_id"],
        period=rows.period(row["period"]),
        distance_m=row["distance_m"],
        price_cents=row["price_cents"],
        score=row["score"],
        reasons=row["reasons"],
    )
