"""A release that replaces another: tables that both can stand, and processes that end without anybody noticing."""

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from chassis.process.roles import run_first
from chassis.settings import AccessSettings, KafkaSettings, ServiceSettings
from chassis.testing import Parts, eventually, fresh_database
from tests.chassis import example_service
from tests.chassis.test_process import environment, running


@pytest.fixture
async def given(parts: Parts) -> dict[str, str]:
    """Good settings, with tables."""
    lines = {"garden": example_service.build().migrations}
    return environment(await fresh_database(parts, "garden", lines), parts)


async def test_expand_leaves_to_migrate_what_the_release_before_could_not_stand(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "0001_pre_a.sql").write_text("CREATE TABLE a (a int, b int)")
    (tmp_path / "0002_post_b.sql").write_text("ALTER TABLE a DROP COLUMN b")
    database = await fresh_database(parts, "expand")
    service = replace(example_service.build(), migrations=tmp_path)
    access = AccessSettings(issuer="https://issuer.test", jwks_url="http://127.0.0.1:9/jwks")
    settings = ServiceSettings(
        database=database, kafka=KafkaSettings(bootstrap_servers=parts.kafka_bootstrap), access=access
    )
    assert database.owner_url
    owner = await asyncpg.connect(database.owner_url.get_secret_value())
    columns = (
        "SELECT array_agg(attname) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    await run_first("expand", "shop", service, settings)
    assert await owner.fetchval(columns) == ["a", "b"]
    await run_first("migrate", "shop", service, settings)
    assert await owner.fetchval(columns) == ["a"]
    await owner.close()


async def test_a_request_under_way_is_answered_before_the_end(given: dict[str, str]) -> None:
    async with running("api", given=given) as ran:
        port = (await ran.said("started"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
        )
        await writer.drain()
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/livez") as answer:
            assert answer.status == 200
        ran.process.terminate()
        await _refuses(port)
        writer.write(b"}")
        assert b" 401 " in await reader.readline()
        writer.close()
        assert await ran.end() == 0


async def test_a_process_told_to_end_is_unready_at_once_and_goes_on_answering_for_a_while(
    given: dict[str, str],
) -> None:
    async with running("api", given=given) as ran, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{(await ran.said('started'))['port']}"
        used = [await _connection(url), await _connection(url)]
        for each in used:
            assert b"connection: close" not in await _asked(*each)
        ran.process.terminate()
        await eventually(lambda: _stopping(client, url))
        for reader, writer in [*used, await _connection(url)]:  # the old connections, and one that came too late
            answer = await _asked(reader, writer)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in answer
            assert await reader.read() == b'{"weather":"rain","q":""}'
            writer.close()
        assert await ran.end() == 0


async def _connection(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer, and its body unless that is the last one."""
    writer.write(b"GET /v1/weather HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    if b"connection: close" not in head:
        await reader.readexactly(len(b'{"weather":"rain","q":""}'))
    return head


async def _stopping(client: aiohttp.ClientSession, url: str) -> bool:
    async with client.get(url + "/readyz") as answer:
        return answer.status == 503 and {"name": "process", "state": "stopping"} in (await answer.json())["checks"]


async def _refuses(port: int) -> None:
    """Wait until no new connection is taken."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:  # refused, or reset while the listener closes
            return
        writer.close()
