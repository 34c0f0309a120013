"""A database of a test's own, as a service has it: provisioned, migrated, reached by the app role."""

import secrets
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from chassis.migrate import migrate
from chassis.provision import provision
from chassis.settings import DatabaseSettings
from chassis.testing.parts import Parts


async def fresh_database(
    parts: Parts, service: str, lines: Mapping[str, Traversable | Path] | None = None
) -> DatabaseSettings:
    """A new, uniquely named database with the chassis' tables and those of `lines` (the service's migrations)."""
    name = f"{service}_{secrets.token_hex(4)}"
    settings = DatabaseSettings(
        url=SecretStr(_address(parts, f"{name}_app", name)),
        owner_url=SecretStr(_address(parts, f"{name}_owner", name)),
        admin_url=SecretStr(parts.postgres_admin_url),
    )
    await provision(settings)
    await migrate(settings, {"chassis": files("chassis") / "migrations", **(lines or {})})
    return settings


def _address(parts: Parts, role: str, database: str) -> str:
    """The admin's address with another role and database; its host and query stay as they are."""
    admin = urlsplit(parts.postgres_admin_url)
    host = admin.netloc.rpartition("@")[2]
    return urlunsplit(admin._replace(netloc=f"{role}:test@{host}", path=f"/{database}"))
