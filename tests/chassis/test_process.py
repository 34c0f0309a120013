"""A service as a process: its command line, its roles, its end."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import pytest

from chassis import migrate
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, eventually, fresh_database
from tests.chassis import example_service


@dataclass
class Ran:
    """A process, and what it said."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def said(self, event: str) -> dict[str, Any]:
        """Read its log up to this event."""
        assert self.process.stdout
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"it never said {event!r}: {self.lines}")

    async def end(self) -> int:
        """Its exit code, once all that it said is read."""
        assert self.process.stdout
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))
        return await self.process.wait()


def environment(database: DatabaseSettings, parts: Parts) -> dict[str, str]:
    """The settings of the example service."""
    urls = {"URL": database.url, "OWNER_URL": database.owner_url, "ADMIN_URL": database.admin_url}
    return {
        **{f"POLEPOOL_DATABASE__{name}": url.get_secret_value() for name, url in urls.items() if url},
        "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": parts.kafka_bootstrap,
        "POLEPOOL_ACCESS__ISSUER": "https://issuer.test",
        "POLEPOOL_ACCESS__JWKS_URL": "http://127.0.0.1:9/jwks",
        "POLEPOOL_HTTP__PORT": "0",
    }


@asynccontextmanager
async def running(*arguments: str, given: dict[str, str]) -> AsyncIterator[Ran]:
    """The example service with these arguments and only these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POLEPOOL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chassis.example_service", *arguments),
        env={**kept, **given, "POLEPOOL_SECRETS_DIR": "/nonexistent"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Ran(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(*arguments: str, **given: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and error of a short run."""
    async with running(*arguments, given=given) as ran:
        out, err = await ran.process.communicate()
        return ran.process.returncode, out.decode(), err.decode()


@pytest.fixture
async def given(parts: Parts) -> dict[str, str]:
    """Good settings, with tables."""
    lines = {"garden": example_service.build().migrations}
    return environment(await fresh_database(parts, "garden", lines), parts)


async def test_help_names_every_role_and_command_without_any_settings() -> None:
    code, out, _ = await output("--help")
    assert code == 0
    for words in ("provision", "migrate", "api", "relay", "water", "Water the beds", "greet", "Say hello"):
        assert words in out
    assert "consume" not in out


async def test_an_unknown_role_is_refused_with_those_that_there_are() -> None:
    code, out, err = await output("api", "dance")
    assert (code, out) == (2, "")
    assert (
        err == "unknown role dance; garden can play: provision, expand, migrate, api, relay, water, wilt, drop, sleep\n"
    )


async def test_no_role_at_all_is_refused() -> None:
    code, _, err = await output()
    assert code == 2
    assert "ROLE" in err


async def test_missing_settings_are_named_in_one_line() -> None:
    code, out, err = await output("api", POLEPOOL_DATABASE__URL="postgresql://x/y")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS is missing" in err


async def test_a_service_has_commands_of_its_own() -> None:
    code, out, _ = await output("greet", "--name", "Marie")
    assert (code, out) == (0, "hello Marie\n")


async def test_roles_come_up_together_and_end_in_order(given: dict[str, str]) -> None:
    async with running("api", "relay", "water", given=given) as ran:
        started = await ran.said("started")
        assert started["roles"] == ["api", "relay", "water"]
        url = f"http://127.0.0.1:{started['port']}"
        async with aiohttp.ClientSession() as client:
            async with client.get(url + "/readyz") as answer:
                ready = await answer.json()
            async with client.get(url + "/v1/weather") as answer:
                assert answer.status == 200
        assert {check["name"]: check["state"] for check in ready["checks"]} == dict.fromkeys(
            ("process", "database", "migrations", "broker"), "ok"
        )
        began = time.monotonic()
        ran.process.terminate()
        assert await ran.end() == 0
        assert time.monotonic() - began < 5
        assert ran.lines[-1]["event"] == "stopped"


async def test_on_tables_that_are_missing_every_role_waits_unready_until_migrate_ran(parts: Parts) -> None:
    given = environment(await fresh_database(parts, "garden"), parts)
    await _drop_everything(given)
    async with running("api", "relay", "water", given=given) as ran:
        url = f"http://127.0.0.1:{(await ran.said('started'))['port']}"
        await ran.said("waiting for migrations")
        async with aiohttp.ClientSession() as client:
            async with client.get(url + "/readyz") as answer:
                before = (answer.status, await answer.text())
            assert (await output("provision", "migrate", **given))[0] == 0
            async with client.get(url + "/readyz") as answer:
                assert answer.status == 200
            await eventually(lambda: _shown(client, url, "polepool_outbox_pending{"))
        ran.process.terminate()
        assert await ran.end() == 0
    assert before[0] == 503
    assert "garden/0001_pre_garden.sql" in before[1]


async def _drop_everything(given: dict[str, str]) -> None:
    owner = await asyncpg.connect(given["POLEPOOL_DATABASE__OWNER_URL"])
    tables = await owner.fetchval("SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'")
    await owner.execute(f"DROP TABLE {tables} CASCADE")
    await owner.close()


async def _shown(client: aiohttp.ClientSession, url: str, metric: str) -> bool:
    async with client.get(url + "/metrics") as answer:
        return metric in await answer.text()


async def test_a_process_without_a_relay_tells_what_its_outbox_holds(given: dict[str, str]) -> None:
    async with running("api", given=given) as ran, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{(await ran.said('started'))['port']}"
        await eventually(lambda: _shown(client, url, 'polepool_outbox_oldest_seconds{service="garden"} 0.0'))


async def test_a_migration_that_waits_for_another_one_ends_when_told_and_says_that_it_is_not_done(
    given: dict[str, str],
) -> None:
    owner = await asyncpg.connect(given["POLEPOOL_DATABASE__OWNER_URL"])
    await owner.execute("SELECT pg_advisory_lock($1)", migrate._LOCK)
    async with running("migrate", given=given) as ran:
        await eventually(lambda: owner.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
        began = time.monotonic()
        ran.process.terminate()
        assert await ran.end() == 1
        assert time.monotonic() - began < 5
    await owner.close()


async def test_an_api_told_to_end_does_not_wait_until_old_answers_are_forgotten(given: dict[str, str]) -> None:
    owner = await asyncpg.connect(given["POLEPOOL_DATABASE__OWNER_URL"])
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'idempotency'::regclass)"
    async with owner.transaction():
        await owner.execute("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE")
        async with running("api", given=given) as ran:
            await eventually(lambda: owner.fetchval(waiting), 20)
            ran.process.terminate()
            assert await ran.end() == 0
    assert not [line for line in ran.lines if line["event"] == "did not stop in time"]
    await owner.close()


async def test_a_broker_is_reached_by_any_of_its_servers(given: dict[str, str]) -> None:
    servers = f"127.0.0.1:9,{given['POLEPOOL_KAFKA__BOOTSTRAP_SERVERS']}"
    async with running("relay", given={**given, "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": servers}) as ran:
        url = f"http://127.0.0.1:{(await ran.said('started'))['port']}/readyz"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            assert {"name": "broker", "state": "ok"} in (await answer.json())["checks"]


async def test_looking_at_a_process_is_counted_by_what_is_looked_at_and_not_logged(given: dict[str, str]) -> None:
    async with running("api", given=given) as ran:
        url = f"http://127.0.0.1:{(await ran.said('started'))['port']}"
        async with aiohttp.ClientSession() as client:
            for path in ("/livez", "/readyz", "/v1/nothing"):
                (await client.get(url + path)).release()
            metrics = await (await client.get(url + "/metrics")).text()
        ran.process.terminate()
        assert await ran.end() == 0
    assert [line["route"] for line in ran.lines if line["event"] == "request"] == ["unmatched"]
    assert 'route="/readyz",status="200"' in metrics


async def test_a_role_that_crashes_takes_the_process_down(given: dict[str, str]) -> None:
    async with running("water", "wilt", given=given) as ran:
        assert await ran.end() == 1
        crash = next(line for line in ran.lines if line["event"] == "role crashed")
        assert crash["role"] == "wilt"
        assert "nobody watered it" in crash["exception"]
        assert ran.lines[-1] | {"crashed": ["wilt"]} == ran.lines[-1]


async def test_a_cancellation_that_a_library_lets_out_takes_the_process_down_too(given: dict[str, str]) -> None:
    async with running("water", "drop", given=given) as ran:
        assert await ran.end() == 1
        assert ran.lines[-1] | {"crashed": ["drop"]} == ran.lines[-1]


async def test_a_role_that_does_not_end_is_cut_off_in_time(given: dict[str, str]) -> None:
    async with running("sleep", given=given) as ran:
        await ran.said("started")
        began = time.monotonic()
        ran.process.send_signal(signal.SIGINT)
        assert await ran.end() == 1
        assert time.monotonic() - began < 10
        assert [line["role"] for line in ran.lines if line["event"] == "did not stop in time"] == ["sleep"]


async def test_a_database_role_that_could_see_everything_is_refused(given: dict[str, str]) -> None:
    for name in ("ADMIN_URL", "OWNER_URL"):
        unsafe = {**given, "POLEPOOL_DATABASE__URL": given[f"POLEPOOL_DATABASE__{name}"]}
        async with running("api", given=unsafe) as ran:
            assert await ran.end() == 1
            assert [line["event"] for line in ran.lines] == ["refused to start"]


async def test_a_process_that_waits_for_its_database_can_be_ended(given: dict[str, str]) -> None:
    away = {**given, "POLEPOOL_DATABASE__URL": "postgresql://app@127.0.0.1:9/garden"}
    async with running("api", given=away) as ran:
        await ran.said("database away, trying again")
        ran.process.terminate()
        assert await ran.end() == 0


async def test_a_port_that_is_taken_is_told(given: dict[str, str]) -> None:
    async with running("water", given=given) as first:
        port = str((await first.said("started"))["port"])
        async with running("water", given={**given, "POLEPOOL_HTTP__PORT": port}) as second:
            assert await second.end() == 1
            assert port in second.lines[-1]["error"]
