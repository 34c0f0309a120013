"""Create a service's database and its two roles: the owner, who migrates, and the app role, which owns nothing."""

from urllib.parse import unquote, urlsplit

import asyncpg
from pydantic import SecretStr

from chassis.db import Connection
from chassis.settings import DatabaseSettings

_LOCK = 0x706F6C65
"""Advisory lock of the admin database: services that start together take turns."""


async def provision(settings: DatabaseSettings) -> None:
    """Create or bring up to date the database, owner and app roles that the addresses name; repeatable.

    Raises `ValueError` when an address is missing, or two of them name the same role or different databases.
    """
    admin_url = _given(settings.admin_url, "admin_url")
    owner, password, database = _parts(_given(settings.owner_url, "owner_url"))
    app, app_password, app_database = _parts(settings.url.get_secret_value())
    if database != app_database:
        raise ValueError(f"url and owner_url name different databases: {app_database}, {database}")
    if len({owner, app, _parts(admin_url)[0]}) < 3:
        raise ValueError("url, owner_url and admin_url must name three different roles")
    admin: Connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _role(admin, owner, password)
        await _role(admin, app, app_password)
        await _database(admin, database, owner, app)
    finally:
        await admin.close()
    inside: Connection = await asyncpg.connect(admin_url, database=database, timeout=10)
    try:
        await _privileges(inside, owner, app)
    finally:
        await inside.close()


def _given(url: SecretStr | None, name: str) -> str:
    if url is None:
        raise ValueError(f"database.{name} is needed to provision")
    return url.get_secret_value()


def _parts(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or ""), parts.path.lstrip("/")


async def _run(connection: Connection, template: str, *names: str) -> None:
    """Run DDL with names (%I) and literals (%L) quoted by the server."""
    statement = await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", template, list(names))
    await connection.execute(statement)


async def _role(admin: Connection, name: str, password: str) -> None:
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name):
        await _run(admin, "CREATE ROLE %I", name)
    limits = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
    await _run(admin, f"ALTER ROLE %I {limits} PASSWORD %L", name, password)


async def _database(admin: Connection, database: str, owner: str, app: str) -> None:
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database):
        # The built-in locale sorts and folds alike on every machine.
        await _run(
            admin,
            "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
            database,
            owner,
        )
    await _run(admin, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database)
    await _run(admin, "GRANT CONNECT ON DATABASE %I TO %I", database, app)


async def _privileges(inside: Connection, owner: str, app: str) -> None:
    await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await _run(inside, "ALTER SCHEMA public OWNER TO %I", owner)
    await _run(inside, "GRANT USAGE ON SCHEMA public TO %I", app)
    tables, sequences = "SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I", "USAGE, SELECT ON SEQUENCES TO %I"
    await _run(inside, f"ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT {tables}", owner, app)
    await _run(inside, f"ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT {sequences}", owner, app)
