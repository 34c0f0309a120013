"""Where memberships are kept: one row per pole and organisation."""

from uuid import UUID

from asyncpg import ForeignKeyViolationError, Record

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import Invalid, NotFound
from membership.domain.members import Member
from schemas.membership import Standing


async def find_members(tx: Tx, scope: Scope, pole_id: UUID | None, after: UUID | None, limit: int) -> list[Member]:
    """Members in order of id from the first after `after`: who has joined the poles that the caller is in, everybody in
    those that they run, and their own."""
    rows = await tx.fetch(
        """
        SELECT id, version, pole_id, organisation_id, standing FROM member
        WHERE ($1::uuid IS NULL OR pole_id = $1) AND ($2::uuid IS NULL OR id > $2)
            AND ($4 OR pole_id = ANY ($5) OR organisation_id = ANY ($6) OR (standing = 'joined' AND pole_id = ANY ($7)))
        ORDER BY id LIMIT $3
        """,
        pole_id,
        after,
        limit,
        scope.administrator,
        list(scope.coordinates),
        list(scope.organisations),
        list(scope.poles),
    )
    return [_member(row) for row in rows]


async def find_member(tx: Tx, scope: Scope, member_id: UUID) -> Member:
    """A member that the caller may see; raises NotFound for any other."""
    row = await tx.fetchrow(
        """
        SELECT id, version, pole_id, organisation_id, standing FROM member
        WHERE id = $1
            AND ($2 OR pole_id = ANY ($3) OR organisation_id = ANY ($4) OR (standing = 'joined' AND pole_id = ANY ($5)))
        """,
        member_id,
        scope.administrator,
        list(scope.coordinates),
        list(scope.organisations),
        list(scope.poles),
    )
    if row is None:
        raise NotFound
    return _member(row)


async def lock_member(tx: Tx, scope: Scope, member_id: UUID) -> Member:
    """A member of a pole that the caller runs, or that they act for, locked; raises NotFound for any other."""
    row = await tx.fetchrow(
        """
        SELECT id, version, pole_id, organisation_id, standing FROM member
        WHERE id = $1 AND (pole_id = ANY ($2) OR organisation_id = ANY ($3)) FOR NO KEY UPDATE
        """,
        member_id,
        list(scope.coordinates),
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return _member(row)


async def add_member(tx: Tx, member: Member) -> bool:
    """Keep a first application; False, and nothing kept, when the pair is known. Raises Invalid: no such pole."""
    try:
        added = await tx.fetchval(
            """
            INSERT INTO member (id, version, pole_id, organisation_id, standing) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT ON CONSTRAINT member_once DO NOTHING RETURNING id
            """,
            member.id,
            member.version,
            member.pole_id,
            member.organisation_id,
            member.standing.value,
        )
    except ForeignKeyViolationError as error:
        raise Invalid(field="pole_id", rule="must be a pole that exists") from error
    return added is not None


async def lock_pair(tx: Tx, scope: Scope, pole_id: UUID, organisation_id: UUID) -> Member | None:
    """The membership of one of the caller's own organisations in a pole, locked, or None."""
    row = await tx.fetchrow(
        """
        SELECT id, version, pole_id, organisation_id, standing FROM member
        WHERE pole_id = $1 AND organisation_id = $2 AND organisation_id = ANY ($3) FOR NO KEY UPDATE
        """,
        pole_id,
        organisation_id,
        list(scope.organisations),
    )
    return None if row is None else _member(row)


async def save_member(tx: Tx, member: Member) -> None:
    """Keep a member's new standing and version."""
    await tx.execute(
        "UPDATE member SET version = $2, standing = $3 WHERE id = $1", member.id, member.version, member.standing.value
    )


def _member(row: Record) -> Member:
    return Member(row["id"], row["version"], row["pole_id"], row["organisation_id"], Standing(row["standing"]))
