"""Migrations: each file once, whole or not at all, whoever else migrates."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from chassis.db import open_pool
from chassis.migrate import MigrationError, migrate, pending
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, eventually, fresh_database


@pytest.fixture
async def settings(parts: Parts) -> DatabaseSettings:
    """A provisioned database with the chassis' line applied."""
    return await fresh_database(parts, "migrate")


def line(folder: Path, **files: str) -> Path:
    """A folder of migrations; `_0001_pre_x="..."` becomes 0001_pre_x.sql."""
    folder.mkdir(exist_ok=True)
    for name, sql in files.items():
        (folder / f"{name.lstrip('_')}.sql").write_text(sql)
    return folder


async def relations(settings: DatabaseSettings) -> set[str]:
    """The tables there are."""
    assert settings.owner_url is not None
    owner = await asyncpg.connect(settings.owner_url.get_secret_value())
    rows = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await owner.close()
    return {row["tablename"] for row in rows}


async def test_files_are_applied_once_and_in_order(settings: DatabaseSettings, tmp_path: Path) -> None:
    folder = line(tmp_path / "m", _0002_pre_b="ALTER TABLE a ADD COLUMN b int", _0001_pre_a="CREATE TABLE a (a int)")
    assert await migrate(settings, {"shop": folder}) == ["shop/0001_pre_a.sql", "shop/0002_pre_b.sql"]
    assert await migrate(settings, {"shop": folder}) == []
    assert "a" in await relations(settings)


async def test_lines_number_their_files_apart(settings: DatabaseSettings, tmp_path: Path) -> None:
    one = line(tmp_path / "one", _0001_pre_a="CREATE TABLE one (a int)")
    two = line(tmp_path / "two", _0001_pre_a="CREATE TABLE two (a int)")
    assert len(await migrate(settings, {"one": one, "two": two})) == 2
    assert {"one", "two"} <= await relations(settings)


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(
    settings: DatabaseSettings, tmp_path: Path
) -> None:
    folder = line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (a int)")
    await migrate(settings, {"shop": folder})
    line(folder, _0001_pre_a="CREATE TABLE a (a bigint)", _0002_pre_b="CREATE TABLE b (b int)")
    with pytest.raises(MigrationError, match=r"shop/0001_pre_a\.sql was changed"):
        await migrate(settings, {"shop": folder})
    assert "b" not in await relations(settings)


async def test_line_endings_do_not_change_a_checksum(settings: DatabaseSettings, tmp_path: Path) -> None:
    folder = line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (\n a int\n)")
    await migrate(settings, {"shop": folder})
    (folder / "0001_pre_a.sql").write_bytes(b"CREATE TABLE a (\r\n a int\r\n)")
    assert await migrate(settings, {"shop": folder}) == []


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(
    settings: DatabaseSettings, tmp_path: Path
) -> None:
    folder = line(
        tmp_path / "m", _0001_pre_a="CREATE TABLE a (a int)", _0002_pre_b="CREATE TABLE b (b int); SELECT 1 / 0"
    )
    with pytest.raises(MigrationError, match=r"shop/0002_pre_b\.sql failed: division by zero"):
        await migrate(settings, {"shop": folder})
    assert "a" in await relations(settings)
    assert "b" not in await relations(settings)
    line(folder, _0002_pre_b="CREATE TABLE b (b int)")
    assert await migrate(settings, {"shop": folder}) == ["shop/0002_pre_b.sql"]


async def test_migrators_that_start_together_apply_each_file_once(settings: DatabaseSettings, tmp_path: Path) -> None:
    files = {f"_{n:04}_pre_t": f"CREATE TABLE t{n} (a int); SELECT pg_sleep(0.02)" for n in range(1, 6)}
    folder = line(tmp_path / "m", **files)
    applied = await asyncio.gather(*(migrate(settings, {"shop": folder}) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, 5]


@pytest.mark.parametrize("name", ["1_pre_a", "0001_a", "0001_mid_a", "0001_pre_A"])
async def test_a_file_with_an_unfit_name_is_refused(settings: DatabaseSettings, tmp_path: Path, name: str) -> None:
    with pytest.raises(MigrationError, match="not named NNNN"):
        await migrate(settings, {"shop": line(tmp_path / "m", **{name: "SELECT 1"})})


async def test_two_files_of_one_version_are_refused(settings: DatabaseSettings, tmp_path: Path) -> None:
    folder = line(tmp_path / "m", _0001_pre_a="SELECT 1", _0001_post_b="SELECT 1")
    with pytest.raises(MigrationError, match="the same version"):
        await migrate(settings, {"shop": folder})


@pytest.mark.parametrize("sql", ["COMMIT;", "select 1;\n  commit ;", "BEGIN;", "START TRANSACTION;"])
async def test_a_file_that_ends_its_transaction_is_refused(
    settings: DatabaseSettings, tmp_path: Path, sql: str
) -> None:
    with pytest.raises(MigrationError, match="begins or ends a transaction"):
        await migrate(settings, {"shop": line(tmp_path / "m", _0001_pre_a=sql)})


async def test_a_function_body_may_say_begin_and_end(settings: DatabaseSettings, tmp_path: Path) -> None:
    sql = "CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1;\nEND;\n$$;"
    assert await migrate(settings, {"shop": line(tmp_path / "m", _0001_pre_f=sql)}) == ["shop/0001_pre_f.sql"]


async def test_post_files_wait_for_their_phase_and_do_not_make_a_process_unready(
    settings: DatabaseSettings, tmp_path: Path
) -> None:
    lines = {"shop": line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (a int)", _0002_post_b="DROP TABLE a")}
    pool = await open_pool(settings)
    assert await pending(pool, lines) == ["shop/0001_pre_a.sql"]
    assert await migrate(settings, lines, "pre") == ["shop/0001_pre_a.sql"]
    assert await pending(pool, lines) == []
    assert await pending(pool, lines, None) == ["shop/0002_post_b.sql"]
    assert await migrate(settings, lines) == ["shop/0002_post_b.sql"]
    await pool.close()


async def test_older_code_starts_on_a_newer_database(settings: DatabaseSettings, tmp_path: Path) -> None:
    folder = line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (a int)", _0002_pre_b="CREATE TABLE b (a int)")
    await migrate(settings, {"shop": folder})
    (folder / "0002_pre_b.sql").unlink()
    assert await migrate(settings, {"shop": folder}) == []
    pool = await open_pool(settings)
    assert await pending(pool, {"shop": folder}) == []
    await pool.close()


async def test_a_busy_table_is_waited_for_in_turns(settings: DatabaseSettings, tmp_path: Path) -> None:
    await migrate(settings, {"shop": line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (a int)")})
    pool = await open_pool(settings)
    async with pool.acquire() as busy, busy.transaction():
        await busy.execute("INSERT INTO a VALUES (1)")
        line(tmp_path / "m", _0002_pre_b="ALTER TABLE a ADD COLUMN b int")
        migrating = asyncio.create_task(migrate(settings, {"shop": tmp_path / "m"}))
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock')"
        await eventually(lambda: pool.fetchval(waits))
        # Other writers queue behind the migration; it must give up its place before they have waited for long.
        await asyncio.wait_for(pool.execute("INSERT INTO a VALUES (2)"), 10)
    assert await migrating == ["shop/0002_pre_b.sql"]
    await pool.close()


async def test_a_file_that_loses_a_deadlock_is_run_again(settings: DatabaseSettings, tmp_path: Path) -> None:
    folder = line(tmp_path / "m", _0001_pre_a="CREATE TABLE a (); CREATE TABLE b ()")
    await migrate(settings, {"shop": folder})
    busy = await asyncpg.connect(_in_database_of(settings), server_settings={"deadlock_timeout": "60s"})
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass)"
    async with busy.transaction():
        await busy.execute("LOCK a IN ACCESS SHARE MODE")
        line(tmp_path / "m", _0002_pre_c="ALTER TABLE b ADD COLUMN c int; ALTER TABLE a ADD COLUMN c int")
        migrating = asyncio.create_task(migrate(settings, {"shop": folder}))
        await eventually(lambda: busy.fetchval(waits))
        await busy.fetch("SELECT FROM b")  # each waits for the other now
    await busy.close()
    assert await migrating == ["shop/0002_pre_c.sql"]


def _in_database_of(settings: DatabaseSettings) -> str:
    assert settings.admin_url is not None
    admin, service = settings.admin_url.get_secret_value(), settings.url.get_secret_value()
    return admin.rpartition("/")[0] + "/" + service.rpartition("/")[2]


async def test_the_app_role_can_not_change_what_was_migrated(settings: DatabaseSettings) -> None:
    pool = await open_pool(settings)
    assert await pool.fetchval("SELECT count(*) FROM migration") >= 3
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("DELETE FROM migration")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("CREATE TABLE mine (a int)")
    await pool.close()


async def test_the_tables_of_the_chassis_need_no_extension(settings: DatabaseSettings) -> None:
    pool = await open_pool(settings)
    assert [row["extname"] for row in await pool.fetch("SELECT extname FROM pg_extension")] == ["plpgsql"]
    await pool.close()
