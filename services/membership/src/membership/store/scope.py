"""What a caller may see and do, from membership's own tables, which are the authority."""

from uuid import UUID

from chassis.access import Identity, Scope
from chassis.db import Tx, as_system, set_scope
from chassis.errors import Unauthenticated
from schemas.membership import Role


async def load_scope(tx: Tx, identity: Identity) -> Scope:
    """The caller's scope, and the settings beyond the chassis's that our row-level security reads.

    Raises Unauthenticated for a person who is gone and for an API key that was revoked or has expired.
    """
    await as_system(tx)
    scope = await _of(tx, identity)
    await tx.execute(
        """
        SELECT set_config('polepool.subject', $1, true), set_config('polepool.coordinates', $2, true),
            set_config('polepool.administrator', $3, true), set_config('polepool.manages', $4, true)
        """,
        str(scope.subject),
        ",".join(map(str, scope.coordinates)),
        "on" if scope.administrator else "",
        ",".join(str(id_) for id_, role in scope.organisations.items() if role == Role.MANAGER),
    )
    await set_scope(tx, scope)
    return scope


async def _of(tx: Tx, identity: Identity) -> Scope:
    if identity.kind == "service":
        return Scope(subject=identity.subject)
    row = await (_person(tx, identity.subject) if identity.kind == "person" else _integration(tx, identity.subject))
    if row is None:
        raise Unauthenticated
    roles, administrator, coordinates = row
    memberships = await tx.fetch(
        "SELECT organisation_id, pole_id FROM member WHERE organisation_id = ANY ($1) AND standing = 'joined'",
        list(roles),
    )
    poles = frozenset(joined["pole_id"] for joined in memberships)
    partners = await tx.fetch("SELECT DISTINCT pole_id FROM pole_partner WHERE partner_id = ANY ($1)", list(poles))
    return Scope(
        subject=identity.subject,
        organisations=roles,
        poles=poles,
        partner_poles=frozenset(partner["pole_id"] for partner in partners),
        coordinates=frozenset(coordinates),
        memberships=frozenset((joined["organisation_id"], joined["pole_id"]) for joined in memberships),
        administrator=administrator,
    )


async def _person(tx: Tx, person_id: UUID) -> tuple[dict[UUID, str], bool, list[UUID]] | None:
    row = await tx.fetchrow(
        """
        SELECT administrator, ARRAY(SELECT pole_id FROM pole_coordinator WHERE person_id = $1) AS coordinates
        FROM person WHERE id = $1
        """,
        person_id,
    )
    if row is None:
        return None
    roles = await tx.fetch("SELECT organisation_id, role FROM organisation_person WHERE person_id = $1", person_id)
    return {right["organisation_id"]: right["role"] for right in roles}, row["administrator"], row["coordinates"]


async def _integration(tx: Tx, client_id: UUID) -> tuple[dict[UUID, str], bool, list[UUID]] | None:
    organisation_id = await tx.fetchval(
        "SELECT organisation_id FROM api_key WHERE client_id = $1 AND expires_at > now()", client_id
    )
    return None if organisation_id is None else ({organisation_id: "integration"}, False, [])
