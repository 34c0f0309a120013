"""The territory as a plan sees it, and the plan itself. For the system, unless a scope is asked for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import Retry
from pooling.domain.offers import Asker
from pooling.domain.territory import Slot, Supply, Territory, Wish
from pooling.store import requests, rows
from pooling.store.rows import Row
from schemas.pooling import Kind, Price, Ring

LOCKS = 0x706C616E
"""The class of the advisory locks on parts: "plan"."""


class Overtaken(Retry):
    """Another plan has taken a time of this one meanwhile."""


class Part(NamedTuple):
    """A part of the territory as it was solved last."""

    fingerprint: bytes
    solved_at: datetime


class Told(NamedTuple):
    """What a plan tells of a line: why it has no place (None: it has one), and the rest as JSON."""

    because: str | None
    told: Mapping[str, Any]
    solved_at: datetime


WISHES = """
    SELECT request.version, request.pole_id, request.organisation_id, line.request_id, line.id AS line_id,
        line.kind, line.within, line.minutes, line.features, line.at_least, line.commune, line.place,
        line.latitude, line.longitude, line.max_km, line.max_price_cents, slot.resource_id, slot.period,
        EXISTS (SELECT FROM match WHERE match.line_id = line.id AND match.resource_id = slot.resource_id
            AND match.period = slot.period AND match.status = 'proposed') AS proposed
    FROM request JOIN request_line AS line ON line.request_id = request.id
    LEFT JOIN plan_slot AS slot ON slot.line_id = line.id
    WHERE request.status = 'open' AND line.ends > $1
        AND NOT EXISTS (SELECT FROM booking WHERE booking.line_id = line.id AND status IN ('held', 'confirmed'))
    ORDER BY line.id
"""


async def read(tx: Tx, now: datetime) -> Territory:
    """The whole territory from `now` on; consistent in a transaction that is REPEATABLE READ."""
    wishes = await tx.fetch(WISHES, now)
    supplies = await tx.fetch(
        """
        SELECT resource.*, availability * tstzmultirange(tstzrange($1, NULL)) AS available,
            (SELECT range_agg(period) FROM booking WHERE booking.resource_id = resource.id
                AND status IN ('held', 'confirmed') AND upper(period) > $1) AS booked
        FROM resource WHERE status = 'offered' AND upper(availability) > $1 ORDER BY id
        """,
        now,
    )
    partners = await read_partners(tx)
    return Territory(now, tuple(_wish(row) for row in wishes), tuple(_supply(row) for row in supplies), partners)


async def version(tx: Tx) -> str:
    """Which transactions are to be seen: while it is the same, nobody has written anything to this server."""
    seen: str = await tx.fetchval("SELECT pg_current_snapshot()::text")
    return seen


async def read_partners(tx: Tx) -> dict[UUID, frozenset[UUID]]:
    """With which poles each pole shares."""
    return {row["id"]: frozenset(row["partners"]) for row in await tx.fetch("SELECT id, partners FROM pole")}


def _wish(row: Row) -> Wish:
    asker = Asker(pole_id=row["pole_id"], organisation_id=row["organisation_id"])
    return Wish(row["request_id"], row["version"], asker, requests.line(row), _slot(row), row["proposed"])


def _slot(row: Row) -> Slot | None:
    return None if row["resource_id"] is None else Slot(row["resource_id"], rows.period(row["period"]))


def _supply(row: Row) -> Supply:
    return Supply(
        id=row["id"],
        version=row["version"],
        pole_id=row["pole_id"],
        organisation_id=row["organisation_id"],
        title=row["title"],
        kind=Kind(row["kind"]),
        features=frozenset(row["features"]),
        measures=row["measures"],
        at=(row["latitude"], row["longitude"]),
        ring=Ring(row["ring"]),
        price=Price.model_construct(fixed_cents=row["fixed_cents"], hour_cents=row["hour_cents"]),
        available=rows.periods(row["available"]),
        booked=rows.periods(row["booked"] or ()),
    )


async def parts(tx: Tx) -> dict[UUID, Part]:
    """How each part was solved last."""
    found = await tx.fetch("SELECT id, fingerprint, solved_at FROM plan_part")
    return {row["id"]: Part(row["fingerprint"], row["solved_at"]) for row in found}


async def try_lock(connection: Tx, part_id: UUID) -> bool:
    """Lock a part for as long as the connection lives, unless another connection has it."""
    key = int.from_bytes(part_id.bytes[-4:], signed=True)
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", LOCKS, key))


class Heard(NamedTuple):
    """How far the log was read: the last position given, and the last event that has none yet."""

    position: int
    id: int


async def last_heard(tx: Tx) -> Heard:
    """The last events of the log that aren't about matches: when they are others than before, there is news.

    Ids alone would not tell: of two that write at the same time, the one that commits last may have the lower id.
    Whatever commits gets its position after all that had one.
    """
    row = await tx.fetchrow(
        """
        SELECT (SELECT position FROM outbox WHERE topic <> 'polepool.pooling.matches' AND position IS NOT NULL
                ORDER BY position DESC LIMIT 1) AS position,
            (SELECT max(id) FROM outbox WHERE topic <> 'polepool.pooling.matches' AND position IS NULL) AS id
        """
    )
    assert row is not None  # noqa: S101 - it selects from nothing
    return Heard(row["position"] or 0, row["id"] or 0)


async def tidy(tx: Tx, parts: Collection[UUID], before: datetime) -> int:
    """Drop what is planned for lines that need it no more, and parts that are no more; how many slots went.

    `parts` are those that there are, as they were seen at `before`: what was solved since stays.
    """
    await tx.execute("DELETE FROM plan_part WHERE id <> ALL($1) AND solved_at < $2", list(parts), before)
    gone = await tx.fetch(
        """
        WITH over AS (
            SELECT line.id AS line_id FROM plan_line JOIN request_line AS line ON line.id = plan_line.line_id
            JOIN request ON request.id = line.request_id
            WHERE request.status <> 'open' OR line.ends <= $1 OR EXISTS (SELECT FROM booking
                WHERE booking.line_id = line.id AND booking.status IN ('held', 'confirmed'))
        ), told AS (
            DELETE FROM plan_line USING over WHERE plan_line.line_id = over.line_id
        ), slots AS (
            DELETE FROM plan_slot USING over WHERE plan_slot.line_id = over.line_id RETURNING resource_id
        )
        INSERT INTO rematch (resource_id) SELECT resource_id FROM slots RETURNING 1
        """,
        before,
    )
    return len(gone)


async def lock_resources(tx: Tx, resource_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock these resources against change, in order of id: the versions of those that are offered."""
    locked = await tx.fetch(
        "SELECT id, version FROM resource WHERE id = ANY($1) AND status = 'offered' ORDER BY id FOR SHARE",
        sorted(resource_ids),
    )
    return {row["id"]: row["version"] for row in locked}


async def lock_slots(tx: Tx, line_ids: Collection[UUID]) -> dict[UUID, Slot]:
    """Where the plan has these lines, whose requests are locked."""
    found = await tx.fetch("SELECT * FROM plan_slot WHERE line_id = ANY($1) FOR UPDATE", list(line_ids))
    return {row["line_id"]: Slot(row["resource_id"], rows.period(row["period"])) for row in found}


async def in_the_way(tx: Tx, slots: Mapping[UUID, Slot]) -> dict[UUID, UUID]:
    """Proposals of other lines for a time that one of these slots, by line, takes: match id to request id."""
    found = await tx.fetch(
        """
        SELECT match.id, match.request_id
        FROM unnest($1::uuid[], $2::uuid[], $3::tstzrange[]) AS slot (line_id, resource_id, period)
        JOIN match ON match.resource_id = slot.resource_id AND match.status = 'proposed'
            AND match.period && slot.period AND match.line_id <> slot.line_id
        """,
        *_columns(slots),
    )
    return {row["id"]: row["request_id"] for row in found}


async def move(tx: Tx, line_ids: Collection[UUID], slots: Mapping[UUID, Slot], until: datetime) -> None:
    """Give these lines these slots in place of those that they had. Raises Overtaken when one is given to another."""
    gone = await tx.fetch("DELETE FROM plan_slot WHERE line_id = ANY($1) RETURNING resource_id", list(line_ids))
    try:
        await tx.execute(
            """
            INSERT INTO plan_slot (line_id, resource_id, period, until)
            SELECT line_id, resource_id, period, $4
            FROM unnest($1::uuid[], $2::uuid[], $3::tstzrange[]) AS slot (line_id, resource_id, period)
            """,
            *_columns(slots),
            until,
        )
    except (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError) as error:
        raise Overtaken("another plan took this time a moment ago") from error
    concerned = {row["resource_id"] for row in gone} | {slot.resource_id for slot in slots.values()}
    await tx.execute("INSERT INTO rematch (resource_id) SELECT unnest($1::uuid[])", sorted(concerned))


def _columns(slots: Mapping[UUID, Slot]) -> tuple[list[UUID], list[UUID], list[rows.Span]]:
    return (
        list(slots),
        [slot.resource_id for slot in slots.values()],
        [rows.span(slot.period) for slot in slots.values()],
    )


async def tell(tx: Tx, wishes: Sequence[Wish], told: Mapping[UUID, Told], until: datetime) -> None:
    """Keep what the plan tells of these lines, and renew their slots."""
    await tx.executemany(
        """
        INSERT INTO plan_line (line_id, request_id, requester_organisation_id, because, told, solved_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (line_id) DO UPDATE SET because = excluded.because, told = excluded.told,
            solved_at = excluded.solved_at
        """,
        [
            (wish.line.id, wish.request_id, wish.asker.organisation_id, *told[wish.line.id])
            for wish in wishes
            if wish.line.id in told
        ],
    )
    await tx.execute(
        "UPDATE plan_slot SET until = $2 WHERE line_id = ANY($1)", [each.line.id for each in wishes], until
    )


async def save_part(tx: Tx, part_id: UUID, part: Part, value_cents: int, bound_cents: int) -> None:
    """Keep how a part was solved."""
    await tx.execute(
        """
        INSERT INTO plan_part (id, fingerprint, value_cents, bound_cents, solved_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, value_cents = excluded.value_cents,
            bound_cents = excluded.bound_cents, solved_at = excluded.solved_at
        """,
        part_id,
        part.fingerprint,
        value_cents,
        bound_cents,
        part.solved_at,
    )


class Measured(NamedTuple):
    """The plan as a whole: value and bound in cents, the lines that have a place, and those that have none by cause."""

    value: int
    bound: int
    placed: int
    unplaced: Mapping[str, int]


async def measure(tx: Tx) -> Measured:
    """How good the plan is."""
    row = await tx.fetchrow(
        """
        SELECT coalesce(sum(value_cents), 0)::bigint AS value, coalesce(sum(bound_cents), 0)::bigint AS bound,
            (SELECT count(*) FROM plan_slot) AS placed
        FROM plan_part
        """
    )
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    causes = await tx.fetch(
        "SELECT because, count(*) AS lines FROM plan_line WHERE because IS NOT NULL GROUP BY because"
    )
    return Measured(row["value"], row["bound"], row["placed"], {each["because"]: each["lines"] for each in causes})


async def of_request(tx: Tx, scope: Scope, request_id: UUID) -> dict[UUID, tuple[Told, Slot | None]]:
    """What the plan tells of the lines of a request of the caller's organisations, with their slots."""
    found = await tx.fetch(
        """
        SELECT plan_line.*, slot.resource_id, slot.period
        FROM plan_line LEFT JOIN plan_slot AS slot ON slot.line_id = plan_line.line_id AND slot.until > now()
        WHERE plan_line.request_id = $1 AND plan_line.requester_organisation_id = ANY($2)
        """,
        request_id,
        list(scope.organisations),
    )
    return {row["line_id"]: (Told(row["because"], row["told"], row["solved_at"]), _slot(row)) for row in found}
