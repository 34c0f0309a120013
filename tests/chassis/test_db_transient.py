"""What may succeed later, what is a mistake, and what the server ends by itself."""

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from chassis import db
from chassis.db import Pool, Tx, open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, eventually, fresh_database


@pytest.fixture(scope="module")
async def settings(parts: Parts) -> DatabaseSettings:
    """A database with the chassis' tables only."""
    return await fresh_database(parts, "db")


@pytest.fixture
async def pool(settings: DatabaseSettings) -> AsyncIterator[Pool]:
    pool = await open_pool(settings)
    yield pool
    await pool.close()


async def test_a_cut_session_is_transient_and_the_pool_goes_on(pool: Pool, parts: Parts) -> None:
    admin = await asyncpg.connect(parts.postgres_admin_url)

    async def cut(tx: Tx) -> None:
        await admin.fetchval("SELECT pg_terminate_backend($1)", await tx.fetchval("SELECT pg_backend_pid()"))
        await tx.fetchval("SELECT 1")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        await db.in_transaction(pool, cut)
    assert db.is_transient(caught.value)
    assert await eventually(lambda: pool.fetchval("SELECT 1"))
    await admin.close()


async def test_a_database_that_is_away_is_transient() -> None:
    nobody = DatabaseSettings(url=SecretStr("postgresql://app:x@127.0.0.1:1/none"))
    with pytest.raises(OSError, match="Connect") as caught:
        await open_pool(nobody, patience=0.1)
    assert db.is_transient(caught.value)


MISTAKES = [
    ValueError(),
    asyncpg.UniqueViolationError(),
    asyncpg.UndefinedTableError(),
    FileNotFoundError("template.html"),
    TimeoutError(),
]
OPERATED_ON = [
    asyncpg.InvalidPasswordError(),
    asyncpg.InvalidCatalogNameError(),
    asyncpg.ReadOnlySQLTransactionError(),
    ConnectionResetError(),
    socket.gaierror(),
]


@pytest.mark.parametrize("error", MISTAKES, ids=repr)
async def test_a_mistake_is_not_transient(error: Exception) -> None:
    assert not db.is_transient(error)


@pytest.mark.parametrize("error", OPERATED_ON, ids=repr)
async def test_what_an_operator_mends_is_transient(error: Exception) -> None:
    assert db.is_transient(error)


async def test_a_statement_that_takes_too_long_is_transient_but_a_limit_of_ones_own_is_not(
    settings: DatabaseSettings,
) -> None:
    pool = await open_pool(settings.model_copy(update={"command_timeout": 0.05}))
    with pytest.raises(TimeoutError) as caught:
        await pool.execute("SELECT pg_sleep(5)")
    assert db.is_transient(caught.value)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.01):
            await pool.execute("SELECT pg_sleep(5)")
    assert not db.is_transient(caught.value)
    await pool.close()


async def test_a_transaction_that_is_left_idle_is_ended_and_its_locks_are_free(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db.SESSION, "idle_in_transaction_session_timeout", "100ms")
    idle, other = await db.connect(settings), await db.connect(settings)
    process = idle.get_server_pid()
    await idle.execute("BEGIN; SELECT pg_advisory_xact_lock(7)")
    await other.fetchval("SELECT pg_advisory_lock(7)", timeout=5)
    assert not await other.fetchval("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", process)
    await other.close()
    idle.terminate()


def test_every_session_has_a_limit_on_idle_transactions() -> None:
    assert db.SESSION["idle_in_transaction_session_timeout"] == "10s"


async def test_a_full_pool_is_transient(settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "ACQUIRE_TIMEOUT", 0.05)
    pool = await open_pool(settings.model_copy(update={"pool_size": 1}))
    async with db.transaction(pool):
        with pytest.raises(TimeoutError) as caught:
            async with db.transaction(pool):
                pass
    assert db.is_transient(caught.value)
    await pool.close()
