"""Where organisations, the people who act for them and their API keys are kept."""

from datetime import datetime
from uuid import UUID

from asyncpg import ForeignKeyViolationError, Record, UniqueViolationError

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from membership.domain.activities import Activity
from membership.domain.organisations import ApiKey, Organisation, SiretKnown
from membership.store import place
from schemas.membership import Role


async def find_organisation(tx: Tx, organisation_id: UUID) -> Organisation:
    """An organisation; its people and keys are there only for who acts for it. Raises NotFound."""
    row = await tx.fetchrow(
        """
        SELECT id, version, name, siret, commune, commune_name, latitude, longitude, activities
        FROM organisation WHERE id = $1
        """,
        organisation_id,
    )
    return await _whole(tx, row)


async def lock_organisation(tx: Tx, scope: Scope, organisation_id: UUID) -> Organisation:
    """One of the caller's own organisations, locked; raises NotFound for any other."""
    row = await tx.fetchrow(
        """
        SELECT id, version, name, siret, commune, commune_name, latitude, longitude, activities
        FROM organisation WHERE id = $1 AND id = ANY ($2) FOR NO KEY UPDATE
        """,
        organisation_id,
        list(scope.organisations),
    )
    return await _whole(tx, row)


async def add_organisation(tx: Tx, organisation: Organisation) -> None:
    """Keep a new organisation, which the caller manages from here on; raises SiretKnown."""
    await tx.execute(
        """
        SELECT set_config('polepool.organisations',
                concat_ws(',', nullif(current_setting('polepool.organisations', true), ''), $1::text), true),
            set_config('polepool.manages',
                concat_ws(',', nullif(current_setting('polepool.manages', true), ''), $1::text), true)
        """,
        str(organisation.id),
    )
    try:
        await tx.execute(
            """
            INSERT INTO organisation
                (id, version, name, siret, commune, commune_name, latitude, longitude, activities)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            organisation.id,
            organisation.version,
            organisation.name,
            organisation.siret,
            *place.columns(organisation.place),
            [activity.value for activity in organisation.activities],
        )
    except UniqueViolationError as error:
        raise SiretKnown from error
    await _save_people(tx, organisation)


async def save_people(tx: Tx, organisation: Organisation) -> None:
    """Keep who acts for an organisation, and its new version; raises NotFound for an unknown person."""
    await _save_version(tx, organisation)
    await tx.execute(
        "DELETE FROM organisation_person WHERE organisation_id = $1 AND person_id <> ALL ($2)",
        organisation.id,
        list(organisation.people),
    )
    await _save_people(tx, organisation)


async def save_keys(tx: Tx, organisation: Organisation) -> None:
    """Keep the new version of an organisation, and of its keys only those that it still has."""
    await _save_version(tx, organisation)
    await tx.execute(
        "DELETE FROM api_key WHERE organisation_id = $1 AND client_id <> ALL ($2)",
        organisation.id,
        [key.client_id for key in organisation.keys],
    )


async def add_key(tx: Tx, organisation: Organisation, key: ApiKey, secret_hash: bytes, now: datetime) -> None:
    """Keep a new API key with the SHA-256 of its secret."""
    await tx.execute(
        """
        INSERT INTO api_key (client_id, organisation_id, name, secret_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        key.client_id,
        organisation.id,
        key.name,
        secret_hash,
        now,
        key.expires_at,
    )


async def find_secret(tx: Tx, client_id: UUID, now: datetime) -> bytes | None:
    """The SHA-256 of the secret of a live API key, or None. As the system."""
    found: bytes | None = await tx.fetchval(
        "SELECT secret_hash FROM api_key WHERE client_id = $1 AND expires_at > $2", client_id, now
    )
    return found


async def _save_version(tx: Tx, organisation: Organisation) -> None:
    await tx.execute("UPDATE organisation SET version = $2 WHERE id = $1", organisation.id, organisation.version)


async def _save_people(tx: Tx, organisation: Organisation) -> None:
    try:
        await tx.execute(
            """
            INSERT INTO organisation_person (organisation_id, person_id, role)
            SELECT $1::uuid, person_id, role FROM unnest($2::uuid[], $3::text[]) AS given (person_id, role)
            EXCEPT SELECT organisation_id, person_id, role FROM organisation_person WHERE organisation_id = $1
            ON CONFLICT (organisation_id, person_id) DO UPDATE SET role = excluded.role
            """,
            organisation.id,
            list(organisation.people),
            [role.value for role in organisation.people.values()],
        )
    except ForeignKeyViolationError as error:
        raise NotFound from error


async def _whole(tx: Tx, row: Record | None) -> Organisation:
    """The organisation of a row with its people and keys, read by further statements: after a wait for the lock,
    the first one's subqueries would still see what was there before."""
    if row is None:
        raise NotFound
    people = await tx.fetch("SELECT person_id, role FROM organisation_person WHERE organisation_id = $1", row["id"])
    keys = await tx.fetch(
        "SELECT client_id, name, expires_at FROM api_key WHERE organisation_id = $1 ORDER BY client_id", row["id"]
    )
    return Organisation(
        id=row["id"],
        version=row["version"],
        name=row["name"],
        siret=row["siret"],
        place=place.place(row),
        activities=tuple(Activity(code) for code in row["activities"]),
        people={right["person_id"]: Role(right["role"]) for right in people},
        keys=tuple(ApiKey(key["client_id"], key["name"], key["expires_at"]) for key in keys),
    )
