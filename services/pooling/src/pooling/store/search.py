"""Offers for a line, and lines for an offer: what the ring allows, filtered as far as indexes and columns go.

A line that the plan of the territory has given a time on a resource is offered just this time there; what it has given
to other lines isn't free for this one.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from math import cos, radians
from typing import NamedTuple
from uuid import UUID

from chassis.db import Tx
from pooling.domain.offers import Asker, Offer
from pooling.store import requests, rows
from pooling.store.rows import Row
from schemas.pooling import Line, Price, Ring

MOST = 500
"""Offers compared with a line at most, the nearest first."""
DEGREE_M = 110_500
"""Metres in a degree of latitude, at the least."""

_OFFER = """resource.id, resource.version, resource.pole_id, resource.organisation_id, resource.title, resource.commune,
        resource.place, resource.latitude, resource.longitude, resource.ring, resource.fixed_cents, resource.hour_cents,
        resource.features, resource.measures"""
"""What an offer is made of, and no more: a long availability takes longer to read than all the rest."""
_FREE = "coalesce(resource_free.free * planned.own, resource_free.free - planned.others, resource_free.free)"
_PLANNED = """
    CROSS JOIN LATERAL (
        SELECT range_agg(period) FILTER (WHERE line_id = {line}) AS own,
            range_agg(period) FILTER (WHERE line_id <> {line}) AS others
        FROM plan_slot WHERE plan_slot.resource_id = resource.id AND until > now()
    ) AS planned
"""


def _beside_the_plan(line: str, statement: str) -> str:
    """The statement with what a resource has free for a line, by its SQL expression, beside what is planned there."""
    return statement.format(offer=_OFFER, free=_FREE, planned=_PLANNED.format(line=line))


FITTING = _beside_the_plan(
    "$15",
    """
    WITH seen AS (
        SELECT {offer}, resource.availability, {free} * tstzmultirange($4::tstzrange) AS free_within
        FROM resource JOIN resource_free ON resource_free.resource_id = resource.id
        {planned}
        WHERE resource.kind = $3 AND resource.status = 'offered'
            AND (resource.organisation_id = $1 OR resource.ring = 'everyone'
                OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = $2)
                OR (resource.ring = 'partner_poles'
                    AND resource.pole_id IN (SELECT id FROM pole WHERE $2 = ANY(partners))))
            AND resource.latitude BETWEEN $6 - $8::float8 AND $6 + $8::float8
            AND resource_free.free && $4::tstzrange
            AND resource.features @> $9::text[]
            AND NOT EXISTS (SELECT FROM jsonb_each($10) AS need
                WHERE coalesce((resource.measures -> need.key)::bigint, 0) < need.value::bigint)
            AND ($11::bigint IS NULL
                OR resource.fixed_cents + (2 * resource.hour_cents * $12 * 60 + 3600) / 7200 <= $11)
    )
    SELECT {offer}, free_within, availability * tstzmultirange($4::tstzrange) AS offered_within FROM seen AS resource
    WHERE EXISTS (SELECT FROM unnest(free_within) AS span WHERE upper(span) - lower(span) >= $5::interval)
    ORDER BY (latitude - $6) ^ 2 + ((longitude - $7::float8) * $13::float8) ^ 2, id LIMIT $14
""",
)

SEE = _beside_the_plan(
    "pair.line_id",
    """
    SELECT {offer}, pair.line_id, {free} * tstzmultirange(pair.within) AS free_within,
        availability * tstzmultirange(pair.within) AS offered_within
    FROM unnest($1::uuid[], $2::uuid[], $3::tstzrange[]) AS pair (resource_id, line_id, within)
    JOIN resource ON resource.id = pair.resource_id JOIN resource_free ON resource_free.resource_id = resource.id
    {planned}
""",
)

LINES_FOR = _beside_the_plan(
    "line.id",
    """
    SELECT {offer}, resource.kind, request.id AS request_id, request.pole_id AS asker_pole_id,
        request.organisation_id AS asker_organisation_id, line.id AS line_id, line.within, line.minutes,
        line.features AS line_features, line.at_least, line.commune AS line_commune, line.place AS line_place,
        line.latitude AS line_latitude, line.longitude AS line_longitude, line.max_km, line.max_price_cents,
        {free} * tstzmultirange(line.within) AS free_within,
        resource.availability * tstzmultirange(line.within) AS offered_within
    FROM resource
    JOIN resource_free ON resource_free.resource_id = resource.id
    JOIN request_line AS line ON line.kind = resource.kind AND line.ends > $3 AND line.id > $2
        AND resource_free.free && line.within
    JOIN request ON request.id = line.request_id AND request.status = 'open'
    {planned}
    WHERE resource.id = $1 AND resource.status = 'offered' AND resource.features @> line.features
        AND (line.max_km IS NULL
            OR abs(line.latitude - resource.latitude) <= line.max_km * 1000 / $4::float8 + 0.001)
        AND NOT EXISTS (SELECT FROM jsonb_each(line.at_least) AS need
            WHERE coalesce((resource.measures -> need.key)::bigint, 0) < need.value::bigint)
        AND (line.max_price_cents IS NULL OR line.max_price_cents
            >= resource.fixed_cents + (2 * resource.hour_cents * line.minutes * 60 + 3600) / 7200)
        AND (resource.organisation_id = request.organisation_id OR resource.ring = 'everyone'
            OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = request.pole_id)
            OR (resource.ring = 'partner_poles'
                AND EXISTS (SELECT FROM pole
                    WHERE pole.id = resource.pole_id AND request.pole_id = ANY(pole.partners))))
    ORDER BY line.id LIMIT $5
""",
)

_VISIBLE = """
    SELECT {offer}, resource_free.free * tstzmultirange($4::tstzrange) AS free_within,
        availability * tstzmultirange($4::tstzrange) AS offered_within
    FROM resource JOIN resource_free ON resource_free.resource_id = resource.id
    WHERE resource.kind = $3 AND resource.status = 'offered'
        AND (resource.organisation_id = $1 OR resource.ring = 'everyone'
            OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = $2)
            OR (resource.ring = 'partner_poles'
                AND resource.pole_id IN (SELECT id FROM pole WHERE $2 = ANY(partners))))
    ORDER BY (latitude - $5) ^ 2 + ((longitude - $6::float8) * $7::float8) ^ 2, id LIMIT $8
"""
VISIBLE = _VISIBLE.format(offer=_OFFER)


async def fitting(tx: Tx, asker: Asker, line: Line) -> list[Offer]:
    """The offers that may fit the line: which do, and when, the ranking says. Row-level security narrows it further."""
    reach = 180.0 if line.max_km is None else line.max_km * 1000 / DEGREE_M + 0.001
    found = await tx.fetch(
        FITTING,
        asker.organisation_id,
        asker.pole_id,
        line.kind,
        rows.span(line.window),
        timedelta(minutes=line.minutes),
        line.place.latitude,
        line.place.longitude,
        reach,
        line.features,
        line.at_least,
        line.max_price_cents,
        line.minutes,
        cos(radians(line.place.latitude)),
        MOST,
        line.id,
    )
    return [_offer(row) for row in found]


async def visible(tx: Tx, asker: Asker, line: Line) -> list[Offer]:
    """All offers of the line's kind that the asker may see, the nearest first: to tell what they miss."""
    found = await tx.fetch(
        VISIBLE,
        asker.organisation_id,
        asker.pole_id,
        line.kind,
        rows.span(line.window),
        line.place.latitude,
        line.place.longitude,
        cos(radians(line.place.latitude)),
        MOST,
    )
    return [_offer(row) for row in found]


async def lock_shared(tx: Tx, resource_ids: Collection[UUID]) -> set[UUID]:
    """Lock these resources against change, in order of id; those that are still offered."""
    locked = await tx.fetch(
        "SELECT id FROM resource WHERE id = ANY($1) AND status = 'offered' ORDER BY id FOR SHARE", sorted(resource_ids)
    )
    return {row["id"] for row in locked}


async def see(tx: Tx, pairs: Collection[tuple[UUID, Line]]) -> dict[tuple[UUID, UUID], Offer]:
    """These resources, known to be there and to be seen, as offers in the window of a line: by (line, resource)."""
    found = await tx.fetch(
        SEE,
        [resource_id for resource_id, _ in pairs],
        [line.id for _, line in pairs],
        [rows.span(line.window) for _, line in pairs],
    )
    return {(row["line_id"], row["id"]): _offer(row) for row in found}


class Pair(NamedTuple):
    """A line of somebody's open request beside an offer."""

    request_id: UUID
    asker: Asker
    line: Line
    offer: Offer

    @property
    def line_id(self) -> UUID:
        """The line's id, as a match has it."""
        return self.line.id


async def lines_for(tx: Tx, resource_id: UUID, after: UUID, now: datetime, limit: int) -> list[Pair]:
    """The open requests' lines that the offer, whose row is locked, may fit, by id from `after` on. For the system."""
    found = await tx.fetch(
        LINES_FOR,
        resource_id,
        after,
        now,
        DEGREE_M,
        limit,
    )
    return [_pair(row) for row in found]


def _pair(row: Row) -> Pair:
    line = requests.line(
        {
            "line_id": row["line_id"],
            "kind": row["kind"],
            "within": row["within"],
            "minutes": row["minutes"],
            "features": row["line_features"],
            "at_least": row["at_least"],
            "commune": row["line_commune"],
            "place": row["line_place"],
            "latitude": row["line_latitude"],
            "longitude": row["line_longitude"],
            "max_km": row["max_km"],
            "max_price_cents": row["max_price_cents"],
        }
    )
    asker = Asker(pole_id=row["asker_pole_id"], organisation_id=row["asker_organisation_id"])
    return Pair(row["request_id"], asker, line, _offer(row))


def _offer(row: Row) -> Offer:
    return Offer(
        id=row["id"],
        version=row["version"],
        pole_id=row["pole_id"],
        organisation_id=row["organisation_id"],
        title=row["title"],
        place=rows.place(row),
        ring=Ring(row["ring"]),
        price=Price(fixed_cents=row["fixed_cents"], hour_cents=row["hour_cents"]),
        features=row["features"],
        measures=row["measures"],
        free=rows.periods(row["free_within"]),
        offered=rows.periods(row["offered_within"]),
    )
