"""Provisioning: a database and two roles, as often as wanted, by several services at once."""

import asyncio
import secrets

import asyncpg
import pytest
from pydantic import SecretStr

from chassis.provision import provision
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database


def wanted(parts: Parts, name: str, word: str = "p%40ss", app: str | None = None) -> DatabaseSettings:
    """Settings that nothing was provisioned for yet; the names need quoting."""
    host = parts.postgres_admin_url.rpartition("@")[2].partition("/")[0]
    return DatabaseSettings(
        url=SecretStr(f"postgresql://{app or name + '-app'}:{word}@{host}/{name}"),
        owner_url=SecretStr(f"postgresql://{name}-Owner:{word}@{host}/{name}"),
        admin_url=SecretStr(parts.postgres_admin_url),
    )


async def connected(url: SecretStr | None) -> bool:
    """Whether the address lets one in."""
    assert url is not None
    try:
        connection = await asyncpg.connect(url.get_secret_value())
    except asyncpg.PostgresError:
        return False
    await connection.close()
    return True


async def test_it_can_be_repeated_and_brings_passwords_up_to_date(parts: Parts) -> None:
    name = f"Prov-{secrets.token_hex(4)}"
    first, second = wanted(parts, name, "old"), wanted(parts, name, "n'e\"w%2F")
    await provision(first)
    await provision(first)
    assert await connected(first.url)
    await provision(second)
    assert await connected(second.url)
    assert await connected(second.owner_url)


async def test_services_that_start_together_are_all_provisioned(parts: Parts) -> None:
    settings = [wanted(parts, f"many-{secrets.token_hex(4)}") for _ in range(4)]
    await asyncio.gather(*(provision(each) for each in settings + settings))
    assert all([await connected(each.url) for each in settings])


async def test_one_service_can_not_connect_to_the_database_of_another(parts: Parts) -> None:
    ours, theirs = await fresh_database(parts, "ours"), await fresh_database(parts, "theirs")
    database = theirs.url.get_secret_value().rpartition("/")[2]
    crossed = SecretStr(ours.url.get_secret_value().rpartition("/")[0] + "/" + database)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(crossed.get_secret_value())


async def test_the_app_role_writes_the_owners_tables_and_creates_none(parts: Parts) -> None:
    settings = await fresh_database(parts, "roles")
    app = await asyncpg.connect(settings.url.get_secret_value())
    await app.execute(
        "INSERT INTO inbox (event_id, topic, partition, \"offset\") VALUES (gen_random_uuid(), 't', 0, 0)"
    )
    for forbidden in ("CREATE TABLE mine (a int)", "DROP TABLE inbox", "TRUNCATE inbox", "CREATE TEMP TABLE t (a int)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(forbidden)
    await app.close()


async def test_text_sorts_the_same_on_every_machine(parts: Parts) -> None:
    settings = await fresh_database(parts, "locale")
    app = await asyncpg.connect(settings.url.get_secret_value())
    assert (
        await app.fetchval(
            "SELECT upper('é') || (SELECT datlocale FROM pg_database WHERE datname = current_database())"
        )
        == "ÉC.UTF-8"
    )
    await app.close()


async def test_addresses_that_do_not_fit_together_are_refused(parts: Parts) -> None:
    name = f"bad-{secrets.token_hex(4)}"
    good = wanted(parts, name)
    other = wanted(parts, name + "-x")
    for bad, message in [
        (good.model_copy(update={"owner_url": other.owner_url}), "different databases"),
        (wanted(parts, name, app=f"{name}-Owner"), "three different roles"),
        (good.model_copy(update={"admin_url": None}), "admin_url is needed"),
        (good.model_copy(update={"owner_url": None}), "owner_url is needed"),
    ]:
        with pytest.raises(ValueError, match=message):
            await provision(bad)
