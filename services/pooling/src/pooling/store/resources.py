"""Resources and their free time."""

from collections.abc import Collection, Sequence
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from pooling.domain import needs
from pooling.domain.refusals import NotAMember
from pooling.store import rows
from pooling.store.rows import Row
from schemas.event import Period
from schemas.pooling import Kind, Price, Resource, ResourceStatus


async def insert(tx: Tx, stay: int | None, resource: Resource) -> None:
    """Keep a new resource, free whenever it is available. Raises NotAMember without a membership's version."""
    if stay is None:
        raise NotAMember
    place, what = resource.place, resource.characteristics
    await tx.execute(
        """
        INSERT INTO resource (id, version, pole_id, organisation_id, stay, status, title, kind, characteristics,
            features, measures, commune, place, latitude, longitude, ring, fixed_cents, hour_cents, availability)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        """,
        resource.id,
        resource.version,
        resource.pole_id,
        resource.organisation_id,
        stay,
        resource.status,
        resource.title,
        what.kind,
        what.model_dump(mode="json"),
        needs.features(what),
        needs.measures(what),
        place.commune,
        place.name,
        place.latitude,
        place.longitude,
        resource.ring,
        resource.price.fixed_cents,
        resource.price.hour_cents,
        rows.spans(resource.availability),
    )
    # A statement of its own: row-level security must see the resource to let its free time in.
    await tx.execute(
        """
        WITH free AS (
            INSERT INTO resource_free (resource_id, free) SELECT id, availability FROM resource WHERE id = $1
        )
        INSERT INTO rematch (resource_id) VALUES ($1)
        """,
        resource.id,
    )


async def save(tx: Tx, resource: Resource) -> None:
    """Keep a changed resource, whose row is locked, and count its free time anew from its live bookings."""
    place, what = resource.place, resource.characteristics
    await tx.execute(
        """
        WITH changed AS (
            UPDATE resource SET version = $2, status = $3, title = $4, kind = $5, characteristics = $6, features = $7,
                measures = $8, commune = $9, place = $10, latitude = $11, longitude = $12, ring = $13,
                fixed_cents = $14, hour_cents = $15, availability = $16
            WHERE id = $1
        ), free AS (
            UPDATE resource_free SET free = $16::tstzmultirange - coalesce(
                (SELECT range_agg(period) FROM booking
                    WHERE resource_id = $1 AND status IN ('held', 'confirmed')), '{}')
            WHERE resource_id = $1
        )
        INSERT INTO rematch (resource_id) VALUES ($1)
        """,
        resource.id,
        resource.version,
        resource.status,
        resource.title,
        what.kind,
        what.model_dump(mode="json"),
        needs.features(what),
        needs.measures(what),
        place.commune,
        place.name,
        place.latitude,
        place.longitude,
        resource.ring,
        resource.price.fixed_cents,
        resource.price.hour_cents,
        rows.spans(resource.availability),
    )


async def save_withdrawn(tx: Tx, resources: Sequence[Resource]) -> None:
    """Keep the end of these offers, whose rows are locked."""
    await tx.execute(
        """
        UPDATE resource SET version = new.version, status = 'withdrawn'
        FROM unnest($1::uuid[], $2::bigint[]) AS new (id, version) WHERE resource.id = new.id
        """,
        [resource.id for resource in resources],
        [resource.version for resource in resources],
    )


async def get(tx: Tx, scope: Scope, resource_id: UUID) -> Resource:
    """A resource that the caller may see; raises NotFound."""
    row = await tx.fetchrow(
        """
        SELECT * FROM resource WHERE id = $1 AND (organisation_id = ANY($2) OR (status = 'offered' AND (
            (ring = 'everyone' AND cardinality($3::uuid[]) > 0)
            OR (ring IN ('pole', 'partner_poles') AND pole_id = ANY($3))
            OR (ring = 'partner_poles' AND pole_id = ANY($4)))))
        """,
        resource_id,
        list(scope.organisations),
        scope.poles,
        scope.partner_poles,
    )
    if row is None:
        raise NotFound
    return of(row)


async def read(tx: Tx, resource_id: UUID) -> Resource:
    """A resource that is known to be there and to be seen."""
    row = await tx.fetchrow("SELECT * FROM resource WHERE id = $1", resource_id)
    assert row is not None  # noqa: S101 - see above
    return of(row)


async def visible(
    tx: Tx,
    scope: Scope,
    kind: Kind | None,
    organisation_id: UUID | None,
    pole_id: UUID | None,
    limit: int,
    after: UUID | None,
) -> list[Resource]:
    """The resources that the caller may see, newest first, after the one with the id `after`."""
    found = await tx.fetch(
        """
        SELECT * FROM resource WHERE (organisation_id = ANY($1) OR (status = 'offered' AND (
                (ring = 'everyone' AND cardinality($2::uuid[]) > 0)
                OR (ring IN ('pole', 'partner_poles') AND pole_id = ANY($2))
                OR (ring = 'partner_poles' AND pole_id = ANY($3)))))
            AND ($4::text IS NULL OR kind = $4) AND ($5::uuid IS NULL OR organisation_id = $5)
            AND ($6::uuid IS NULL OR pole_id = $6) AND ($8::uuid IS NULL OR id < $8)
        ORDER BY id DESC LIMIT $7
        """,
        list(scope.organisations),
        scope.poles,
        scope.partner_poles,
        kind,
        organisation_id,
        pole_id,
        limit,
        after,
    )
    return [of(row) for row in found]


async def free(tx: Tx, resource_id: UUID) -> tuple[Period, ...]:
    """When a resource, known to be visible, is free."""
    return rows.periods(await tx.fetchval("SELECT free FROM resource_free WHERE resource_id = $1", resource_id) or ())


async def lock(tx: Tx, scope: Scope, resource_ids: Collection[UUID]) -> dict[UUID, Resource]:
    """Lock resources of the caller's own organisations (all of them for the system), in order of id."""
    if not resource_ids:
        return {}
    found = await tx.fetch(
        """
        SELECT * FROM resource WHERE id = ANY($1) AND (organisation_id = ANY($2) OR $3)
        ORDER BY id FOR NO KEY UPDATE
        """,
        sorted(resource_ids),
        list(scope.organisations),
        scope.is_system,
    )
    return {row["id"]: of(row) for row in found}


async def ended_by_departures(
    tx: Tx, organisations: Sequence[UUID], poles: Sequence[UUID], versions: Sequence[int]
) -> list[UUID]:
    """The offers made under a membership that has a later version since."""
    found = await tx.fetch(
        """
        SELECT resource.id FROM resource
        JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS gone (organisation_id, pole_id, version)
            USING (organisation_id, pole_id)
        WHERE resource.status = 'offered' AND resource.stay < gone.version
        """,
        organisations,
        poles,
        versions,
    )
    return [row["id"] for row in found]


def of(row: Row) -> Resource:
    """A row's resource."""
    return Resource(
        id=row["id"],
        version=row["version"],
        pole_id=row["pole_id"],
        organisation_id=row["organisation_id"],
        status=ResourceStatus(row["status"]),
        title=row["title"],
        characteristics=row["characteristics"],
        place=rows.place(row),
        ring=row["ring"],
        price=Price(fixed_cents=row["fixed_cents"], hour_cents=row["hour_cents"]),
        availability=rows.periods(row["availability"]),
    )
