"""The second wall: row-level security, as the app role meets it when the code forgets the scope."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from chassis.access import Identity
from chassis.db import Tx
from membership.store.scope import load_scope
from tests.membership.conftest import Membership, World
from tests.support.membership import Actor

TENANTS = ["person", "organisation_person", "api_key", "member", "project"]
ALL = [*TENANTS, "organisation", "pole", "pole_coordinator", "pole_partner"]


@pytest.fixture(scope="module")
async def joined(world: World) -> Membership:
    made = await world.member()
    await made.manager.launch(made.pole["id"], made.organisation["id"])
    await made.manager.create_key(made.organisation["id"])
    return made


@asynccontextmanager
async def inside(world: World, actor: Actor | None) -> AsyncIterator[Tx]:
    """A transaction with an actor's scope (or none at all), rolled back at the end."""
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        if actor is not None:
            await load_scope(connection, Identity(actor.id, "person"))
        yield connection
        await transaction.rollback()


async def test_every_table_forces_row_level_security_and_the_app_owns_none(world: World) -> None:
    async with inside(world, None) as tx:
        rows = await tx.fetch(
            """
            SELECT relname, relrowsecurity AND relforcerowsecurity AS forced,
                pg_get_userbyid(relowner) = current_user AS owned
            FROM pg_class WHERE relkind = 'r' AND relname = ANY ($1)
            """,
            ALL,
        )
    assert {row["relname"]: (row["forced"], row["owned"]) for row in rows} == dict.fromkeys(ALL, (True, False))


@pytest.mark.parametrize("table", TENANTS)
async def test_without_a_scope_nothing_of_a_tenant_is_there(world: World, joined: Membership, table: str) -> None:
    async with inside(world, None) as tx:
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_a_stranger_sees_oneself_and_nothing_of_other_tenants(world: World, joined: Membership) -> None:
    eve = await world.person()
    async with inside(world, eve) as tx:
        assert [row["id"] for row in await tx.fetch("SELECT id FROM person")] == [eve.id]
        for table in TENANTS[1:]:
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608


async def test_a_manager_sees_the_rows_of_the_own_organisation_alone(world: World, joined: Membership) -> None:
    await world.member()
    own = UUID(joined.organisation["id"])
    async with inside(world, joined.manager) as tx:
        for table in ("organisation_person", "api_key", "member"):
            rows = await tx.fetch(f"SELECT DISTINCT organisation_id FROM {table}")  # noqa: S608
            assert [row["organisation_id"] for row in rows] == [own], table


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE organisation SET name = 'x'",
        "DELETE FROM organisation_person",
        "UPDATE api_key SET expires_at = now() + interval '9 years'",
        "UPDATE member SET standing = 'joined'",
        "UPDATE pole SET name = 'x'",
        "DELETE FROM pole_coordinator",
        "DELETE FROM project",
    ],
)
async def test_a_change_without_a_where_touches_nothing_of_others(
    world: World, joined: Membership, statement: str
) -> None:
    eve = await world.person()
    async with inside(world, eve) as tx:
        done = await tx.execute(statement)
    assert int(done.rpartition(" ")[2]) == 0


@pytest.mark.parametrize("statement", ["UPDATE person SET administrator = true", "UPDATE person SET version = 9"])
async def test_nobody_writes_what_the_system_keeps_of_them(world: World, statement: str) -> None:
    async with inside(world, await world.person()) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.execute(statement)


async def test_a_contributor_changes_no_right_and_no_key_but_may_go(world: World) -> None:
    made, bob = await world.member(), await world.person()
    await made.manager.grant(made.organisation["id"], bob.id)
    await made.manager.create_key(made.organisation["id"])
    async with inside(world, bob) as tx:
        assert await tx.execute("UPDATE organisation_person SET role = 'manager'") == "UPDATE 0"
        assert await tx.execute("UPDATE api_key SET expires_at = now() + interval '9 years'") == "UPDATE 0"
        assert await tx.execute("DELETE FROM api_key") == "DELETE 0"
        assert await tx.execute("DELETE FROM organisation_person") == "DELETE 1"
        assert [row["person_id"] for row in await tx.fetch("SELECT person_id FROM organisation_person")] == [
            made.manager.id
        ]


async def test_an_applicant_does_not_let_itself_in(world: World) -> None:
    pole, _ = await world.pole()
    manager = await world.person()
    organisation = await manager.register()
    async with inside(world, manager) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.execute(
                "INSERT INTO member VALUES (gen_random_uuid(), 1, $1, $2, 'joined')",
                UUID(pole["id"]),
                UUID(organisation["id"]),
            )
    await manager.apply(pole["id"], organisation["id"])
    async with inside(world, manager) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.execute("UPDATE member SET standing = 'joined'")


async def test_a_contributor_takes_the_own_organisation_out_of_no_pole(world: World, joined: Membership) -> None:
    bob = await world.person()
    await joined.manager.grant(joined.organisation["id"], bob.id)
    async with inside(world, bob) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.execute("UPDATE member SET standing = 'left'")


async def test_members_see_of_others_only_who_has_joined(world: World, joined: Membership) -> None:
    applicant = await world.person()
    organisation = await applicant.register()
    await applicant.apply(joined.pole["id"], organisation["id"])
    query = "SELECT organisation_id FROM member WHERE pole_id = $1"
    seen = {}
    for actor in (joined.manager, joined.coordinator, applicant):
        async with inside(world, actor) as tx:
            seen[actor] = {str(row["organisation_id"]) for row in await tx.fetch(query, UUID(joined.pole["id"]))}
    assert seen == {
        joined.manager: {joined.organisation["id"]},
        joined.coordinator: {joined.organisation["id"], organisation["id"]},
        applicant: {organisation["id"]},
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO organisation_person VALUES ('{organisation}', '{eve}', 'manager')",
        "INSERT INTO pole_coordinator VALUES ('{pole}', '{eve}')",
        "INSERT INTO pole VALUES (gen_random_uuid(), 1, 'x', '01263', 'x', 1, 1)",
        "INSERT INTO member VALUES (gen_random_uuid(), 1, '{pole}', '{organisation}', 'joined')",
        """
        INSERT INTO project VALUES (gen_random_uuid(), 1, '{pole}', '{organisation}', 't', 's', ARRAY['food'],
            '01263', 'x', 1, 1, now())
        """,
    ],
)
async def test_what_is_anothers_cannot_be_written(world: World, joined: Membership, statement: str) -> None:
    eve = await world.person()
    names = {"organisation": joined.organisation["id"], "pole": joined.pole["id"], "eve": eve.id}
    async with inside(world, eve) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await tx.execute(statement.format(**names))


async def test_a_scope_does_not_outlive_its_transaction(world: World, joined: Membership) -> None:
    async with world.pool.acquire() as connection:
        async with connection.transaction():
            await load_scope(connection, Identity(joined.manager.id, "person"))
            assert await connection.fetchval("SELECT count(*) FROM api_key") == 1
        assert await connection.fetchval("SELECT count(*) FROM api_key") == 0
        assert await connection.fetchval("SELECT count(*) FROM person") == 0
