"""The projection: what is known of poles, organisations, members, projects, resources, requests, matches, bookings."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chassis.access import Identity, Scope
from chassis.db import Tx, as_system, set_scope
from notifications.domain import Facts, Known, Needs, Organisation, Pole, proposed, tenants, title
from schemas.event import Event
from schemas.membership import MemberEvent, OrganisationEvent, PoleEvent, Role


async def known(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Known]:
    """The last versions and the tenants of those of these aggregates that are known, locked."""
    rows = await tx.fetch(
        "SELECT id, version, tenants, proposed FROM known WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE",
        sorted(set(ids)),
    )
    return {row["id"]: Known(row["version"], tuple(row["tenants"]), row["proposed"]) for row in rows}


async def learn(tx: Tx, events: Sequence[Event]) -> None:
    """Keep the state that these events carry, one event for each aggregate, where it is newer than what is known."""
    states = [event.aggregate for event in events]
    rows = await tx.fetch(
        """
        INSERT INTO known (id, topic, version, tenants, title, proposed)
        SELECT id, topic, version,
            coalesce(string_to_array(nullif(tenants, ''), ',')::uuid[], '{}'), title, proposed
        FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::boolean[])
            AS new (id, topic, version, tenants, title, proposed)
        ORDER BY id
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title, proposed = excluded.proposed
        WHERE excluded.version > known.version
        RETURNING id
        """,
        [state.id for state in states],
        [event.TOPIC for event in events],
        [state.version for state in states],
        [",".join(map(str, tenants(event))) for event in events],
        [title(event) for event in events],
        [proposed(event) for event in events],
    )
    advanced = {row["id"] for row in rows}
    newer = [event for event in events if event.aggregate.id in advanced]
    await _learn_poles(tx, [event for event in newer if isinstance(event, PoleEvent)])
    await _learn_organisations(tx, [event for event in newer if isinstance(event, OrganisationEvent)])
    await _learn_members(tx, [event for event in newer if isinstance(event, MemberEvent)])


async def _learn_poles(tx: Tx, events: Sequence[PoleEvent]) -> None:
    if events:
        await tx.executemany(
            """
            INSERT INTO known_pole (id, coordinators) VALUES ($1, $2)
            ON CONFLICT (id) DO UPDATE SET coordinators = excluded.coordinators
            """,
            [(event.pole.id, list(event.pole.coordinators)) for event in events],
        )


async def _learn_organisations(tx: Tx, events: Sequence[OrganisationEvent]) -> None:
    if events:
        await tx.executemany(
            """
            INSERT INTO known_organisation (id, managers, contributors, integrations, activities)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (id) DO UPDATE SET managers = excluded.managers, contributors = excluded.contributors,
                integrations = excluded.integrations, activities = excluded.activities
            """,
            [_organisation_row(event) for event in events],
        )


def _organisation_row(event: OrganisationEvent) -> tuple[UUID, list[UUID], list[UUID], list[UUID], list[str]]:
    state = event.organisation
    by_role = {role: [right.person_id for right in state.people if right.role is role] for role in Role}
    integrations, activities = list(state.integrations), list(state.activities)
    return state.id, by_role[Role.MANAGER], by_role[Role.CONTRIBUTOR], integrations, activities


async def _learn_members(tx: Tx, events: Sequence[MemberEvent]) -> None:
    if events:
        await tx.executemany(
            """
            INSERT INTO known_member (id, pole_id, organisation_id, standing) VALUES ($1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE SET standing = excluded.standing
            """,
            [(e.member.id, e.member.pole_id, e.member.organisation_id, e.member.standing.value) for e in events],
        )


async def load_facts(tx: Tx, needs: Needs) -> Facts:
    """What is known of what is needed; of poles in `joined` also the organisations that have joined them."""
    joined = await _joined(tx, needs.joined) if needs.joined else {}
    organisations = needs.organisations.union(*joined.values())
    return Facts(
        poles=await _poles(tx, needs.poles) if needs.poles else {},
        organisations=await _organisations(tx, organisations) if organisations else {},
        titles=await _titles(tx, needs.titles) if needs.titles else {},
        joined=joined,
    )


async def _poles(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Pole]:
    rows = await tx.fetch(
        "SELECT id, title, coordinators FROM known JOIN known_pole USING (id) WHERE id = ANY ($1::uuid[])", list(ids)
    )
    return {row["id"]: Pole(row["title"], frozenset(row["coordinators"])) for row in rows}


async def _organisations(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Organisation]:
    rows = await tx.fetch(
        """
        SELECT id, title, managers || contributors AS people, activities
        FROM known JOIN known_organisation USING (id) WHERE id = ANY ($1::uuid[])
        """,
        list(ids),
    )
    return {
        row["id"]: Organisation(row["title"], frozenset(row["people"]), frozenset(row["activities"])) for row in rows
    }


async def _titles(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = await tx.fetch("SELECT id, title FROM known WHERE id = ANY ($1::uuid[]) AND title IS NOT NULL", list(ids))
    return {row["id"]: row["title"] for row in rows}


async def _joined(tx: Tx, poles: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    rows = await tx.fetch(
        """
        SELECT pole_id, array_agg(organisation_id) AS organisations
        FROM known_member WHERE pole_id = ANY ($1::uuid[]) AND standing = 'joined' GROUP BY pole_id
        """,
        list(poles),
    )
    return {row["pole_id"]: frozenset(row["organisations"]) for row in rows}


async def managers(tx: Tx, organisation_id: UUID) -> list[UUID]:
    """The people who manage an organisation; none when it isn't known."""
    return list(await tx.fetchval("SELECT managers FROM known_organisation WHERE id = $1", organisation_id) or ())


async def load_scope(tx: Tx, identity: Identity) -> Scope:
    """What the caller may see by what is known; also names them to row-level security (`polepool.subject`)."""
    await as_system(tx)
    await tx.execute("SELECT set_config('polepool.subject', $1, true)", str(identity.subject))
    scope = Scope(subject=identity.subject) if identity.kind == "service" else await _scope(tx, identity)
    await set_scope(tx, scope)
    return scope


async def _scope(tx: Tx, identity: Identity) -> Scope:
    rows = await tx.fetch(
        """
        SELECT id, CASE WHEN managers @> ARRAY[$1::uuid] THEN 'manager'
            WHEN contributors @> ARRAY[$1::uuid] THEN 'contributor' ELSE 'integration' END AS role
        FROM known_organisation
        WHERE managers @> ARRAY[$1::uuid] OR contributors @> ARRAY[$1::uuid] OR integrations @> ARRAY[$1::uuid]
        """,
        identity.subject,
    )
    memberships = await tx.fetch(
        """
        SELECT organisation_id, pole_id FROM known_member
        WHERE organisation_id = ANY ($1::uuid[]) AND standing = 'joined'
        """,
        [row["id"] for row in rows],
    )
    coordinates = await tx.fetch("SELECT id FROM known_pole WHERE coordinators @> ARRAY[$1::uuid]", identity.subject)
    return Scope(
        subject=identity.subject,
        organisations={row["id"]: row["role"] for row in rows},
        poles=frozenset(row["pole_id"] for row in memberships),
        coordinates=frozenset(row["id"] for row in coordinates),
        memberships=frozenset((row["organisation_id"], row["pole_id"]) for row in memberships),
    )


async def forget(tx: Tx) -> None:
    """Empty the projection and the inbox of events, for a rebuild from the topics; what was told stays told."""
    await tx.execute("DELETE FROM known")
    await tx.execute("DELETE FROM inbox")
