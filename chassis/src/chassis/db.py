"""PostgreSQL: the pool, transactions, their re-runs, and the scope that row-level security reads."""

import asyncio
import random
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import orjson
import structlog
import uuid_utils.compat
from asyncpg.pool import PoolConnectionProxy

from chassis.settings import DatabaseSettings

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Tx: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:  # asyncpg's classes are generic in their stubs only
    Connection, Pool, Tx = asyncpg.Connection, asyncpg.Pool, asyncpg.Connection | PoolConnectionProxy
T = TypeVar("T")

log = structlog.get_logger(__name__)

ACQUIRE_TIMEOUT = 5.0
"""Seconds that a transaction waits for a connection of the pool."""

SESSION = {
    "TimeZone": "UTC",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10s",
    # A vanished client's session, and the locks it holds, are gone within about half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_RERUN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
_TRANSIENT_CLASSES = ("08", "28", "3D", "53", "57P", "58")
"""Among them what an operator mends: a password that was changed (28), a database that isn't there yet (3D)."""
_TRANSIENT_CODES = ("25006", "25P03", "40001", "40P01", "55P03", "57014")
"""Among them 25006, a database that only reads, as after a failover."""


class UnsafeRole(Exception):
    """The database role could bypass row-level security; the process must not start with it."""


class Scoped(Protocol):
    """What row-level security needs of a `chassis.access.Scope`."""

    @property
    def organisations(self) -> Iterable[UUID]: ...
    @property
    def poles(self) -> Iterable[UUID]: ...
    @property
    def partner_poles(self) -> Iterable[UUID]: ...


def new_id() -> UUID:
    """A new uuid7: random, and ordered by time."""
    return uuid_utils.compat.uuid7()


async def connect(settings: DatabaseSettings, session: Mapping[str, str] | None = None) -> Connection:
    """A connection of its own, for locks and LISTEN, with further `session` settings; the caller closes it."""
    return await asyncpg.connect(
        settings.url.get_secret_value(),
        server_settings={**SESSION, **(session or {})},
        command_timeout=settings.command_timeout,
        timeout=ACQUIRE_TIMEOUT,
        max_cached_statement_lifetime=0,
    )


async def open_pool(settings: DatabaseSettings, patience: float = 60.0) -> Pool:
    """The pool of the app role; waits up to `patience` seconds for a database that is away.

    Raises `UnsafeRole` when the role is a superuser, has BYPASSRLS, or owns (or may become the owner of) a table.
    """
    pool = await _connected(settings, asyncio.get_running_loop().time() + patience)
    try:
        await _refuse_unsafe(pool)
    except BaseException:
        await pool.close()
        raise
    return pool


async def _connected(settings: DatabaseSettings, deadline: float) -> Pool:
    while True:
        try:
            return await asyncpg.create_pool(
                settings.url.get_secret_value(),
                min_size=1,
                max_size=settings.pool_size,
                command_timeout=settings.command_timeout,
                timeout=ACQUIRE_TIMEOUT,
                max_cached_statement_lifetime=0,
                server_settings=SESSION,
                init=_codecs,
                reset=_leave,
            )
        except Exception as error:
            if not is_transient(error) or asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("database away, trying again", error=str(error) or type(error).__name__)
            await asyncio.sleep(0.5)


async def _codecs(connection: Tx) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )
    await connection.set_type_codec("json", schema="pg_catalog", format="binary", encoder=orjson.dumps, decoder=_loads)
    # asyncpg's own UUID is a subclass that orjson refuses.
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", format="binary", encoder=_encode_uuid, decoder=_decode_uuid
    )


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + orjson.dumps(value)


def _decode_jsonb(value: bytes) -> Any:
    return orjson.loads(value[1:])


def _loads(value: bytes) -> Any:
    return orjson.loads(value)


def _encode_uuid(value: UUID | str) -> bytes:
    return value.bytes if isinstance(value, UUID) else UUID(value).bytes


def _decode_uuid(value: bytes) -> UUID:
    return UUID(bytes=bytes(value))


async def _leave(connection: Tx) -> None:
    """Nothing to reset: all that we set is local to a transaction, and a round trip per transaction is dear."""


async def _refuse_unsafe(pool: Pool) -> None:
    row = await pool.fetchrow(
        """
        SELECT current_user AS name,
            EXISTS (SELECT FROM pg_roles r
                WHERE (r.rolsuper OR r.rolbypassrls) AND pg_has_role(current_user, r.oid, 'MEMBER')) AS bypasses,
            EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                    AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns
        """
    )
    if row is None:
        raise UnsafeRole("the database role is unknown to its own database")
    if row["bypasses"]:
        raise UnsafeRole(f"database role {row['name']} is a superuser or has BYPASSRLS: use the app role of provision")
    if row["owns"]:
        raise UnsafeRole(f"database role {row['name']} owns tables: migrate as the owner, run as the app role")


@asynccontextmanager
async def transaction(pool: Pool, *, readonly: bool = False) -> AsyncIterator[Tx]:
    """A connection of the pool inside a READ COMMITTED transaction: committed at the end, rolled back on an error."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection, connection.transaction(readonly=readonly):
        yield connection


async def in_transaction(
    pool: Pool, work: Callable[[Tx], Awaitable[T]], *, attempts: int = 5, readonly: bool = False
) -> T:
    """Run `work` in a transaction; run it again on a deadlock, a serialization failure, or a plan that DDL made stale.

    Raises what the last of `attempts` raised. `work` must have no effect outside the transaction.
    """
    for attempt in range(attempts - 1):
        try:
            async with transaction(pool, readonly=readonly) as tx:
                return await work(tx)
        except _RERUN:
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter
    async with transaction(pool, readonly=readonly) as tx:
        return await work(tx)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: the database is away, busy or restarting; nothing is wrong with it.

    Timeouts and failures of the system count only when the database's client raised them: elsewhere they are bugs.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_CODES
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in ("closed", "closing", "released", "terminated"))
    if isinstance(error, ConnectionError | socket.gaierror | asyncpg.InternalClientError):
        return True
    return isinstance(error, OSError | TimeoutError) and _of_the_client(error)


def _of_the_client(error: BaseException) -> bool:
    """Whether asyncpg raised it: connecting, waiting for a connection, or waiting for an answer."""
    return any(
        frame.f_globals.get("__name__", "").partition(".")[0] == "asyncpg"
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )


async def answers(pool: Pool) -> bool:
    """Whether the database answers at all, now."""
    try:
        return bool(await pool.fetchval("SELECT 1", timeout=2) == 1)
    except Exception:
        return False


async def set_scope(tx: Tx, scope: Scoped) -> None:
    """Let row-level security see what this scope may see, until the transaction ends."""
    await tx.execute(
        """
        SELECT set_config('polepool.system', '', true), set_config('polepool.organisations', $1, true),
            set_config('polepool.poles', $2, true), set_config('polepool.partner_poles', $3, true)
        """,
        _listed(scope.organisations),
        _listed(scope.poles),
        _listed(scope.partner_poles),
    )


async def as_system(tx: Tx) -> None:
    """Let row-level security see everything, until the transaction ends: for consumers and background work."""
    await tx.execute("SELECT set_config('polepool.system', 'on', true)")


def _listed(ids: Iterable[UUID]) -> str:
    return ",".join(map(str, ids))
