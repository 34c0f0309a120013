"""The second wall: row-level security, as the app role meets it when the code forgets the scope."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from chassis.access import Identity
from chassis.db import Tx, new_id
from notifications.store.facts import load_scope
from tests.notifications.world import Story, World
from tests.support.sinks import WebhookSink

PROJECTIONS = ["known", "known_pole", "known_organisation", "known_member", "news", "mail"]
TENANTS = ["notification", "webhook", "webhook_delivery"]
HELD = "polepool.pooling.booking_held.v1"


@asynccontextmanager
async def inside(world: World, person: UUID | None) -> AsyncIterator[Tx]:
    """A transaction with a person's scope (or none at all), rolled back at the end."""
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        if person is not None:
            await load_scope(connection, Identity(person, "person"))
        yield connection
        await transaction.rollback()


@pytest.fixture
async def story(world: World, hooks: WebhookSink) -> Story:
    """A hold, told to both sides and to a webhook of each."""
    made = Story()
    await world.learn(*made.facts, *made.joined)
    for manager, organisation_id in (
        (made.owner_manager, made.owner_id),
        (made.requester_manager, made.requester_id),
    ):
        body = {"organisation_id": str(organisation_id), "url": hooks.url("erp"), "event_types": [HELD]}
        assert (await world.send(manager, "POST", "/v1/webhooks", body)).status_code == 201
    await world.learn(made.held())
    return made


async def test_every_table_forces_row_level_security_and_the_app_owns_none(world: World) -> None:
    async with inside(world, None) as tx:
        rows = await tx.fetch(
            """
            SELECT relname, relrowsecurity AND relforcerowsecurity AS forced,
                pg_get_userbyid(relowner) = current_user AS owned
            FROM pg_class WHERE relkind = 'r' AND relname = ANY ($1)
            """,
            PROJECTIONS + TENANTS,
        )
    expected = dict.fromkeys(PROJECTIONS + TENANTS, (True, False))
    assert {row["relname"]: (row["forced"], row["owned"]) for row in rows} == expected


@pytest.mark.parametrize("table", PROJECTIONS + TENANTS)
async def test_without_a_scope_nothing_is_there(world: World, story: Story, table: str) -> None:
    assert await world.rows(f"SELECT 1 FROM {table}")  # noqa: S608
    async with inside(world, None) as tx:
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


@pytest.mark.parametrize("table", PROJECTIONS)
async def test_a_person_sees_nothing_of_the_projections(world: World, story: Story, table: str) -> None:
    async with inside(world, story.owner_manager) as tx:
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_a_person_sees_the_own_notifications_and_the_webhooks_of_the_own_organisation(
    world: World, story: Story
) -> None:
    async with inside(world, story.owner_manager) as tx:
        people = await tx.fetch("SELECT DISTINCT person_id FROM notification")
        assert [row["person_id"] for row in people] == [story.owner_manager]
        for table in ("webhook", "webhook_delivery"):
            rows = await tx.fetch(f"SELECT organisation_id FROM {table}")  # noqa: S608
            assert [row["organisation_id"] for row in rows] == [story.owner_id], table


async def test_nobody_can_write_into_anothers_name(world: World, story: Story) -> None:
    async with inside(world, story.owner_manager) as tx:
        assert await tx.execute("UPDATE webhook SET url = 'x' WHERE organisation_id = $1", story.requester_id) == (
            "UPDATE 0"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute("UPDATE webhook SET organisation_id = $1", story.requester_id)
    async with inside(world, story.owner_manager) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute(
                "INSERT INTO notification (id, event_id, person_id, code, params, created_at)"
                " VALUES ($1, $1, $2, 'x', '{}', now())",
                new_id(),
                story.requester_manager,
            )


async def test_the_scope_does_not_outlive_its_transaction(world: World, story: Story) -> None:
    async with inside(world, story.owner_manager):
        pass
    async with inside(world, None) as tx:
        assert await tx.fetchval("SELECT nullif(current_setting('polepool.subject', true), '')") is None
        assert await tx.fetchval("SELECT count(*) FROM notification") == 0
