"""Where poles, their coordinators and their partners are kept."""

from uuid import UUID

from asyncpg import ForeignKeyViolationError, Record

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import Invalid, NotFound
from membership.domain.poles import Pole
from membership.store import place


async def find_poles(tx: Tx, after: UUID | None, limit: int) -> list[Pole]:
    """Poles in order of id from the first after `after`; anybody may see them."""
    rows = await tx.fetch(
        """
        SELECT id, version, name, commune, commune_name, latitude, longitude,
            ARRAY(SELECT person_id FROM pole_coordinator WHERE pole_id = pole.id ORDER BY person_id) AS coordinators,
            ARRAY(SELECT partner_id FROM pole_partner WHERE pole_id = pole.id ORDER BY partner_id) AS partners
        FROM pole WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2
        """,
        after,
        limit,
    )
    return [_pole(row, row["coordinators"], row["partners"]) for row in rows]


async def find_pole(tx: Tx, pole_id: UUID) -> Pole:
    """A pole, which anybody may see; raises NotFound."""
    row = await tx.fetchrow(
        "SELECT id, version, name, commune, commune_name, latitude, longitude FROM pole WHERE id = $1", pole_id
    )
    return await _whole(tx, row)


async def lock_pole(tx: Tx, scope: Scope, pole_id: UUID) -> Pole:
    """A pole that the caller may change, locked; raises NotFound for any other."""
    row = await tx.fetchrow(
        """
        SELECT id, version, name, commune, commune_name, latitude, longitude
        FROM pole WHERE id = $1 AND ($2 OR id = ANY ($3)) FOR NO KEY UPDATE
        """,
        pole_id,
        scope.administrator,
        list(scope.coordinates),
    )
    return await _whole(tx, row)


async def add_pole(tx: Tx, pole: Pole) -> None:
    """Keep a new pole; raises Invalid when a coordinator is unknown."""
    await tx.execute(
        """
        INSERT INTO pole (id, version, name, commune, commune_name, latitude, longitude)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        pole.id,
        pole.version,
        pole.name,
        *place.columns(pole.place),
    )
    await _save_sides(tx, pole)


async def save_pole(tx: Tx, pole: Pole) -> None:
    """Keep a changed pole; raises Invalid when a coordinator or a partner is unknown."""
    await tx.execute("UPDATE pole SET version = $2, name = $3 WHERE id = $1", pole.id, pole.version, pole.name)
    await tx.execute(
        "DELETE FROM pole_coordinator WHERE pole_id = $1 AND person_id <> ALL ($2)", pole.id, list(pole.coordinators)
    )
    await tx.execute(
        "DELETE FROM pole_partner WHERE pole_id = $1 AND partner_id <> ALL ($2)", pole.id, list(pole.partners)
    )
    await _save_sides(tx, pole)


async def _save_sides(tx: Tx, pole: Pole) -> None:
    try:
        await tx.execute(
            "INSERT INTO pole_coordinator (pole_id, person_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
            pole.id,
            list(pole.coordinators),
        )
        await tx.execute(
            "INSERT INTO pole_partner (pole_id, partner_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
            pole.id,
            list(pole.partners),
        )
    except ForeignKeyViolationError as error:
        if error.constraint_name == "pole_coordinator_person_unknown":
            raise Invalid(field="coordinators", rule="must be people with an account") from error
        raise Invalid(field="partners", rule="must be poles that exist") from error


async def _whole(tx: Tx, row: Record | None) -> Pole:
    """The pole of a row with its sides, read by a second statement: after a wait for the lock, the first one's
    subqueries would still see what was there before."""
    if row is None:
        raise NotFound
    (sides,) = await tx.fetch(
        """
        SELECT ARRAY(SELECT person_id FROM pole_coordinator WHERE pole_id = $1 ORDER BY person_id) AS coordinators,
            ARRAY(SELECT partner_id FROM pole_partner WHERE pole_id = $1 ORDER BY partner_id) AS partners
        """,
        row["id"],
    )
    return _pole(row, sides["coordinators"], sides["partners"])


def _pole(row: Record, coordinators: list[UUID], partners: list[UUID]) -> Pole:
    return Pole(row["id"], row["version"], row["name"], place.place(row), tuple(coordinators), tuple(partners))
