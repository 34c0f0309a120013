"""What membership said: poles, organisations, members, projects; and what follows for a caller."""

from collections.abc import Sequence
from uuid import UUID

from chassis.access import Identity, Scope
from chassis.db import Tx
from chassis.errors import Poison
from schemas.membership import Member, Organisation, Pole, Project


async def load_scope(tx: Tx, identity: Identity) -> Scope:
    """What the caller may see; lets row-level security see it too: one query for what `set_scope` would need another.

    Partner poles are those that share with a pole of the caller's.
    """
    row = await tx.fetchrow(
        """
        SELECT own.*, near.*, set_config('polepool.system', '', true),
            set_config('polepool.organisations', coalesce(array_to_string(organisations, ','), ''), true),
            set_config('polepool.poles', coalesce(array_to_string(poles, ','), ''), true),
            set_config('polepool.partner_poles', coalesce(array_to_string(partner_poles, ','), ''), true)
        FROM (
            SELECT array_agg(organisation.id) AS organisations, array_agg(rights ->> $1::text) AS roles,
                array_agg(member.pole_id) AS poles
            FROM organisation
            LEFT JOIN member ON member.organisation_id = organisation.id AND member.standing = 'joined'
            WHERE rights ? $1::text
        ) AS own CROSS JOIN LATERAL (
            SELECT array_agg(id) FILTER (WHERE partners && own.poles) AS partner_poles,
                array_agg(id) FILTER (WHERE $1::text::uuid = ANY(coordinators)) AS coordinates
            FROM pole WHERE partners && own.poles OR $1::text::uuid = ANY(coordinators)
        ) AS near
        """,
        str(identity.subject),
    )
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    organisations = row["organisations"] or ()  # with its pole, or None: once for each that it has joined
    memberships = frozenset(each for each in zip(organisations, row["poles"] or (), strict=True) if each[1] is not None)
    return Scope(
        subject=identity.subject,
        organisations=dict(zip(organisations, row["roles"] or (), strict=True)),
        poles=frozenset(pole for _, pole in memberships),
        partner_poles=frozenset(row["partner_poles"] or ()),
        coordinates=frozenset(row["coordinates"] or ()),
        memberships=memberships,
    )


async def upsert_poles(tx: Tx, poles: Sequence[Pole]) -> None:
    """Know these poles as they are now; older versions than known change nothing.

    What a pole offers to its partners is matched anew when these are others than before.
    """
    await tx.executemany(
        """
        WITH changed AS (
            INSERT INTO pole (id, version, coordinators, partners) VALUES ($1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, coordinators = excluded.coordinators,
                partners = excluded.partners
            WHERE excluded.version > pole.version
            RETURNING new.id, new.partners IS DISTINCT FROM old.partners AS partners
        )
        INSERT INTO rematch (resource_id)
        SELECT resource.id FROM resource JOIN changed ON changed.id = resource.pole_id AND changed.partners
        WHERE resource.ring = 'partner_poles' AND resource.status = 'offered'
        """,
        [(pole.id, pole.version, pole.coordinators, pole.partners) for pole in poles],
    )


async def upsert_organisations(tx: Tx, organisations: Sequence[Organisation]) -> None:
    """Know these organisations as they are now; older versions than known change nothing."""
    await tx.executemany(
        """
        INSERT INTO organisation (id, version, rights) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, rights = excluded.rights
        WHERE excluded.version > organisation.version
        """,
        [(each.id, each.version, _rights(each)) for each in organisations],
    )


def _rights(organisation: Organisation) -> dict[str, str]:
    rights = {str(client_id): "integration" for client_id in organisation.integrations}
    return rights | {str(right.person_id): right.role.value for right in organisation.people}


async def upsert_members(tx: Tx, members: Sequence[Member]) -> None:
    """Know these memberships as they are now; older versions change nothing. Raises Poison for another tenant's id."""
    moved = await tx.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM member
            JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new (id, pole_id, organisation_id) USING (id)
            WHERE (member.pole_id, member.organisation_id) <> (new.pole_id, new.organisation_id)
        )
        """,
        [each.id for each in members],
        [each.pole_id for each in members],
        [each.organisation_id for each in members],
    )
    if moved or _told_apart({(each.id, each.pole_id, each.organisation_id) for each in members}):
        raise Poison("another tenant")
    await tx.executemany(
        """
        INSERT INTO member (id, version, pole_id, organisation_id, standing) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, standing = excluded.standing
        WHERE excluded.version > member.version
        """,
        [
            (each.id, each.version, each.pole_id, each.organisation_id, each.standing)
            for each in sorted(members, key=lambda each: (each.id, each.version))  # the lock order
        ],
    )


async def upsert_projects(tx: Tx, projects: Sequence[Project]) -> None:
    """Know these projects as they are now; older versions change nothing. Raises Poison for another tenant's id."""
    moved = await tx.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM project
            JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new (id, pole_id, lead_organisation_id) USING (id)
            WHERE (project.pole_id, project.lead_organisation_id) <> (new.pole_id, new.lead_organisation_id)
        )
        """,
        [each.id for each in projects],
        [each.pole_id for each in projects],
        [each.lead_organisation_id for each in projects],
    )
    if moved or _told_apart({(each.id, each.pole_id, each.lead_organisation_id) for each in projects}):
        raise Poison("another tenant")
    await tx.executemany(
        """
        INSERT INTO project (id, version, pole_id, lead_organisation_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version
        WHERE excluded.version > project.version
        """,
        [(each.id, each.version, each.pole_id, each.lead_organisation_id) for each in projects],
    )


def _told_apart(claims: set[tuple[UUID, UUID, UUID]]) -> bool:
    """Whether the same id is claimed for two tenants."""
    return len({claim[0] for claim in claims}) < len(claims)


async def project_in(tx: Tx, project_id: UUID, pole_id: UUID) -> bool:
    """Whether a pole is known to have this project."""
    return bool(
        await tx.fetchval("SELECT EXISTS (SELECT FROM project WHERE id = $1 AND pole_id = $2)", project_id, pole_id)
    )


async def share_membership(tx: Tx, organisation_id: UUID, pole_id: UUID) -> int | None:
    """The version of a joined membership, which then can't end before this transaction does; None if there is none."""
    version: int | None = await tx.fetchval(
        "SELECT version FROM member WHERE organisation_id = $1 AND pole_id = $2 AND standing = 'joined' FOR SHARE",
        organisation_id,
        pole_id,
    )
    return version


async def forget(tx: Tx) -> None:
    """Empty the projections and the inbox of events, for a rebuild from the topics."""
    await tx.execute("DELETE FROM pole")
    await tx.execute("DELETE FROM organisation")
    await tx.execute("DELETE FROM member")
    await tx.execute("DELETE FROM project")
    await tx.execute("DELETE FROM inbox")
