"""The pool and its transactions, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson
import pytest
from pydantic import SecretStr

from chassis import db
from chassis.db import Pool, Tx, UnsafeRole, new_id, open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database


@dataclass(frozen=True)
class Seen:
    """What a scope may see."""

    organisations: tuple[UUID, ...] = ()
    poles: tuple[UUID, ...] = ()
    partner_poles: tuple[UUID, ...] = ()


@pytest.fixture(scope="module")
async def settings(parts: Parts) -> DatabaseSettings:
    """A database with a table of tenants' rows, and one of counters."""
    settings = await fresh_database(parts, "db")
    await as_owner(
        settings,
        """
        CREATE TABLE secret (organisation_id uuid NOT NULL, word text NOT NULL);
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
        ALTER TABLE secret FORCE ROW LEVEL SECURITY;
        CREATE POLICY own ON secret USING (
            nullif(current_setting('polepool.system', true), '') = 'on'
            OR organisation_id = ANY (
                string_to_array(nullif(current_setting('polepool.organisations', true), ''), ',')::uuid[])
        );
        CREATE TABLE counter (id integer PRIMARY KEY, n integer NOT NULL);
        INSERT INTO counter SELECT i, 0 FROM generate_series(1, 3) AS i;
        """,
    )
    return settings


@pytest.fixture
async def pool(settings: DatabaseSettings) -> AsyncIterator[Pool]:
    """The app role's pool."""
    pool = await open_pool(settings)
    yield pool
    await pool.close()


async def as_owner(settings: DatabaseSettings, sql: str) -> None:
    """Run DDL as a migration would."""
    assert settings.owner_url is not None
    owner = await asyncpg.connect(settings.owner_url.get_secret_value())
    await owner.execute(sql)
    await owner.close()


def of(parts: Parts, settings: DatabaseSettings) -> DatabaseSettings:
    """The administrator's address of the same database."""
    name = settings.url.get_secret_value().rpartition("/")[2]
    return DatabaseSettings(url=SecretStr(parts.postgres_admin_url.rpartition("/")[0] + "/" + name))


async def test_a_superuser_is_refused(parts: Parts, settings: DatabaseSettings) -> None:
    with pytest.raises(UnsafeRole, match="superuser"):
        await open_pool(of(parts, settings))


async def test_the_owner_of_the_tables_is_refused(settings: DatabaseSettings) -> None:
    assert settings.owner_url is not None
    with pytest.raises(UnsafeRole, match="owns tables"):
        await open_pool(DatabaseSettings(url=settings.owner_url))


@pytest.mark.parametrize("danger", ["BYPASSRLS", "NOBYPASSRLS IN ROLE {owner}"])
async def test_a_role_that_could_bypass_row_level_security_is_refused(parts: Parts, danger: str) -> None:
    settings = await fresh_database(parts, "unsafe")
    name = settings.url.get_secret_value().rpartition("/")[2]
    admin = await asyncpg.connect(parts.postgres_admin_url)
    attributes = danger.format(owner=f"{name}_owner")
    await admin.execute(f"CREATE ROLE {name}_x LOGIN PASSWORD 'test' {attributes}")
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {name}_x")
    await admin.close()
    with pytest.raises(UnsafeRole):
        await open_pool(DatabaseSettings(url=SecretStr(settings.url.get_secret_value().replace("_app", "_x"))))


async def test_without_a_scope_nothing_is_seen_nor_written(pool: Pool) -> None:
    async with db.transaction(pool) as tx:
        await db.as_system(tx)
        await tx.execute("INSERT INTO secret VALUES ($1, 'hush')", new_id())
    async with db.transaction(pool) as tx:
        # SET LOCAL is over: the setting reads '' now, not null, and must not be read as anybody.
        assert await tx.fetchval("SELECT current_setting('polepool.organisations', true)") in (None, "")
        assert await tx.fetch("SELECT word FROM secret") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute("INSERT INTO secret VALUES ($1, 'x')", new_id())


async def test_a_scope_sees_its_own_organisations_until_its_transaction_ends(pool: Pool) -> None:
    ours, theirs = new_id(), new_id()
    async with db.transaction(pool) as tx:
        await db.as_system(tx)
        await tx.executemany("INSERT INTO secret VALUES ($1, $2)", [(ours, "ours"), (theirs, "theirs")])
    async with db.transaction(pool) as tx:
        await db.set_scope(tx, Seen(organisations=(ours,)))
        assert [row["word"] for row in await tx.fetch("SELECT word FROM secret")] == ["ours"]
        await db.set_scope(tx, Seen())
        assert await tx.fetch("SELECT word FROM secret") == []
    async with db.transaction(pool) as tx:
        assert await tx.fetch("SELECT word FROM secret") == []


async def test_even_the_owner_sees_nothing_without_a_scope(pool: Pool, settings: DatabaseSettings) -> None:
    async with db.transaction(pool) as tx:
        await db.as_system(tx)
        await tx.execute("INSERT INTO secret VALUES ($1, 'hush')", new_id())
    assert settings.owner_url is not None
    owner = await asyncpg.connect(settings.owner_url.get_secret_value())
    assert await owner.fetchval("SELECT count(*) FROM secret") == 0
    await owner.close()


async def test_transactions_that_deadlock_are_run_again_and_both_have_their_effect(pool: Pool) -> None:
    first_steps = asyncio.Barrier(2)
    waited: set[int] = set()

    async def both(tx: Tx, first: int, second: int) -> None:
        await tx.execute("UPDATE counter SET n = n + 1 WHERE id = $1", first)
        if first not in waited:  # only the first time: then each holds what the other wants
            waited.add(first)
            await first_steps.wait()
        await tx.execute("UPDATE counter SET n = n + 1 WHERE id = $1", second)

    before = await pool.fetchval("SELECT sum(n) FROM counter")
    await asyncio.gather(
        db.in_transaction(pool, lambda tx: both(tx, 1, 2)), db.in_transaction(pool, lambda tx: both(tx, 2, 1))
    )
    assert await pool.fetchval("SELECT sum(n) FROM counter") == before + 4


async def test_a_serialization_failure_is_run_again(pool: Pool) -> None:
    rivals = iter([True, False])
    runs = 0

    async def read_then_write(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        n = await tx.fetchval("SELECT n FROM counter WHERE id = 3")
        if next(rivals):
            await pool.execute("UPDATE counter SET n = n + 1 WHERE id = 3")
        await tx.execute("UPDATE counter SET n = $1 WHERE id = 3", n + 10)

    before = await pool.fetchval("SELECT n FROM counter WHERE id = 3")
    await db.in_transaction(pool, read_then_write)
    assert runs == 2
    assert await pool.fetchval("SELECT n FROM counter WHERE id = 3") == before + 11


async def test_what_always_fails_is_given_up_after_some_attempts(pool: Pool) -> None:
    runs = 0

    async def fail(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")

    with pytest.raises(asyncpg.SerializationError):
        await db.in_transaction(pool, fail, attempts=3)
    assert runs == 3


async def test_a_plan_that_ddl_made_stale_is_run_again(settings: DatabaseSettings) -> None:
    await as_owner(settings, "CREATE TABLE shape (a integer); INSERT INTO shape VALUES (1)")
    pool = await open_pool(settings.model_copy(update={"pool_size": 1}))

    async def read(tx: Tx) -> list[str]:
        return list((await tx.fetch("SELECT * FROM shape"))[0].keys())

    assert await db.in_transaction(pool, read) == ["a"]
    await as_owner(settings, "ALTER TABLE shape ADD COLUMN b integer")
    assert await db.in_transaction(pool, read) == ["a", "b"]
    await pool.close()


async def test_an_error_rolls_back_everything(pool: Pool) -> None:
    before = await pool.fetchval("SELECT sum(n) FROM counter")

    async def fail(tx: Tx) -> None:
        await tx.execute("UPDATE counter SET n = n + 1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await db.in_transaction(pool, fail)
    assert await pool.fetchval("SELECT sum(n) FROM counter") == before


async def test_a_read_only_transaction_refuses_to_write(pool: Pool) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with db.transaction(pool, readonly=True) as tx:
            await tx.execute("UPDATE counter SET n = n + 1")


async def test_ids_come_back_as_plain_uuids_and_jsonb_as_python_values(pool: Pool) -> None:
    given, document = new_id(), {"a": [1, None, "é"]}
    row = await pool.fetchrow("SELECT $1::uuid AS id, $2::uuid[] AS ids, $3::jsonb AS doc", given, [given], document)
    assert row is not None
    assert type(row["id"]) is UUID
    assert orjson.loads(orjson.dumps({"id": row["id"], "ids": row["ids"]})) == {"id": str(given), "ids": [str(given)]}
    assert row["doc"] == document


async def test_new_ids_are_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert sorted(ids) == ids
    assert {id_.version for id_ in ids} == {7}
