"""Plain SQL migrations, tracked by (line, version): the chassis and each service number theirs apart.

Files are `NNNN_{pre|post}_what.sql`: pre runs before the new code is deployed, post after the old code is gone.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog

from chassis.db import Connection, Pool
from chassis.settings import DatabaseSettings

Phase = Literal["pre", "post"]
Lines = Mapping[str, Traversable | Path]

log = structlog.get_logger(__name__)

_NAME = re.compile(r"^(\d{4})_(pre|post)_[a-z0-9_]+\.sql$")
_TRANSACTION_CONTROL = re.compile(r"(?im)^\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|END)\b[^;]*;")
_LOCK = 0x6D696772
_DDL_ATTEMPTS = 5


class MigrationError(Exception):
    """The migrations and the database don't fit together; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of a line."""

    line: str
    version: int
    phase: Phase
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal; the same whatever the line endings."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.line}/{self.name}"


def read(lines: Lines) -> list[Migration]:
    """The migrations of these lines, each line in order of version.

    Raises `MigrationError` on a file name that doesn't fit, two files of one version, or transaction control inside.
    """
    found = [migration for line, folder in lines.items() for migration in _line(line, folder)]
    for migration in found:
        if _TRANSACTION_CONTROL.search(re.sub(r"\$(\w*)\$.*?\$\1\$", "", migration.sql, flags=re.DOTALL)):
            raise MigrationError(f"{migration} begins or ends a transaction: each file runs in one")
    return found


def _line(line: str, folder: Traversable | Path) -> list[Migration]:
    by_version: dict[int, Migration] = {}
    for entry in sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name):
        match = _NAME.match(entry.name)
        if match is None:
            raise MigrationError(f"{line}/{entry.name} is not named NNNN_{{pre|post}}_what.sql")
        version = int(match[1])
        if version in by_version:
            raise MigrationError(f"{line}: {by_version[version].name} and {entry.name} have the same version")
        phase: Phase = "pre" if match[2] == "pre" else "post"
        sql = entry.read_text("utf-8").replace("\r\n", "\n")
        by_version[version] = Migration(line, version, phase, entry.name, sql)
    return list(by_version.values())


async def migrate(settings: DatabaseSettings, lines: Lines, phase: Phase | None = None) -> list[str]:
    """Apply what isn't applied yet, as the owner, and return its names; `phase` limits it to pre or post.

    One transaction per file: a file that fails leaves nothing. Migrators that start together take turns.
    Raises `MigrationError` when an applied file was changed since, or `owner_url` is missing.
    """
    if settings.owner_url is None:
        raise MigrationError("database.owner_url is needed to migrate")
    wanted = read(lines)
    owner: Connection = await asyncpg.connect(settings.owner_url.get_secret_value(), timeout=10)
    try:
        await owner.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _ensure_table(owner, unquote(urlsplit(settings.url.get_secret_value()).username or ""))
        todo = _unapplied(wanted, await _applied(owner), phase)
        for migration in todo:
            await _apply(owner, migration)
            log.info("migrated", migration=str(migration))
        return [str(migration) for migration in todo]
    finally:
        await owner.close()


async def pending(pool: Pool, lines: Lines, phase: Phase | None = "pre") -> list[str]:
    """Names of the migrations not applied yet; ready needs none of phase pre. Raises `MigrationError` as `migrate`."""
    if await pool.fetchval("SELECT to_regclass('public.migration') IS NULL"):
        return [str(migration) for migration in _unapplied(read(lines), {}, phase)]
    return [str(migration) for migration in _unapplied(read(lines), await _applied(pool), phase)]


def _unapplied(wanted: list[Migration], applied: dict[tuple[str, int], str], phase: Phase | None) -> list[Migration]:
    for migration in wanted:
        if applied.get((migration.line, migration.version), migration.checksum) != migration.checksum:
            raise MigrationError(f"{migration} was changed after it was applied: write a new migration instead")
    new = [migration for migration in wanted if (migration.line, migration.version) not in applied]
    return [migration for migration in new if phase in (None, migration.phase)]


async def _applied(database: Connection | Pool) -> dict[tuple[str, int], str]:
    rows = await database.fetch("SELECT line, version, checksum FROM migration")
    return {(row["line"], row["version"]): row["checksum"] for row in rows}


async def _ensure_table(owner: Connection, app: str) -> None:
    async with owner.transaction():
        await owner.execute(
            """
            CREATE TABLE IF NOT EXISTS migration (
                line text NOT NULL,
                version integer NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (line, version)
            )
            """
        )
        # Default privileges let the app role write every table; this one it may only read.
        revoke = await owner.fetchval(
            "SELECT format('REVOKE INSERT, UPDATE, DELETE ON migration FROM %I', rolname)"
            " FROM pg_roles WHERE rolname = $1 AND rolname <> current_user",
            app,
        )
        if revoke is not None:
            await owner.execute(revoke)


async def _apply(owner: Connection, migration: Migration) -> None:
    """Run one file; waits for locks in short turns, so that a busy table isn't blocked behind the migration.

    A file that changes several tables may take them in another order than a transaction of the app does: it runs again.
    """
    for attempt in range(1, _DDL_ATTEMPTS + 1):
        try:
            async with owner.transaction():
                await owner.execute("SET LOCAL lock_timeout = '3s'")
                await owner.execute(migration.sql)
                await owner.execute(
                    "INSERT INTO migration (line, version, checksum) VALUES ($1, $2, $3)",
                    migration.line,
                    migration.version,
                    migration.checksum,
                )
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt == _DDL_ATTEMPTS:
                raise
            log.warning("a lock is not to be had, trying again", migration=str(migration))
            await asyncio.sleep(attempt)
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration} failed: {error}") from error
