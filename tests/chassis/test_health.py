"""Whether a process lives and may be sent work, as its pages say."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from chassis.health import Health
from chassis.http import health_app, listen, serve
from chassis.settings import HttpSettings


@pytest.fixture
async def health() -> Health:
    return Health(patience=0.05)


@pytest.fixture
async def url(health: Health) -> AsyncIterator[str]:
    stop = asyncio.Event()
    listener = listen(HttpSettings(port=0))
    serving = asyncio.create_task(serve(health_app(health), listener, stop))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    await serving


async def get(url: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status, await answer.json()


async def test_each_check_is_named_with_its_state(health: Health, url: str) -> None:
    async def well() -> str | None:
        return None

    async def away() -> str | None:
        return "no broker answers"

    async def broken() -> str | None:
        raise ConnectionRefusedError("postgres://user:secret@host refused")

    health.ready("database", well)
    assert await get(url + "/readyz") == (200, {"state": "ok", "checks": [{"name": "database", "state": "ok"}]})
    health.ready("broker", away)
    health.ready("migrations", broken)
    status, body = await get(url + "/readyz")
    assert (status, body["state"]) == (503, "unavailable")
    assert body["checks"] == [
        {"name": "database", "state": "ok"},
        {"name": "broker", "state": "no broker answers"},
        {"name": "migrations", "state": "ConnectionRefusedError"},
    ]


async def test_a_check_may_be_added_while_others_are_asked(health: Health, url: str) -> None:
    async def adds() -> str | None:
        health.ready("consume", adds)
        return None

    health.ready("database", adds)
    assert (await get(url + "/readyz"))[0] == 200
    status, body = await get(url + "/readyz")
    assert (status, body["checks"]) == (200, [{"name": name, "state": "ok"} for name in ("database", "consume")])


async def test_a_check_that_hangs_is_a_check_that_fails(health: Health, url: str) -> None:
    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    health.ready("database", hang)
    status, body = await get(url + "/readyz")
    assert (status, body["checks"]) == (503, [{"name": "database", "state": "no answer within 0.05 s"}])


async def test_readiness_is_no_matter_of_life(health: Health, url: str) -> None:
    async def away() -> str | None:
        return "away"

    health.ready("broker", away)
    assert (await get(url + "/livez"))[0] == 200
    health.live("consume", away)
    assert (await get(url + "/livez"))[0] == 503


async def test_metrics_are_in_prometheus_format(url: str) -> None:
    async with aiohttp.ClientSession() as client, client.get(url + "/metrics") as answer:
        text = await answer.text()
    for name in (
        "polepool_consumer_lag",
        "polepool_outbox_oldest_seconds",
        "polepool_outbox_pending",
        "polepool_dead_letters_total",
        "polepool_failed_commits_total",
        "polepool_consumed_total",
        "polepool_batch_size",
        "polepool_handler_seconds",
        "polepool_http_seconds",
    ):
        assert f"# TYPE {name} " in text


async def test_a_process_without_an_api_serves_nothing_else(url: str) -> None:
    status, body = await _problem(url + "/docs")
    assert (status, body["code"]) == (404, "not_found")


async def _problem(url: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.headers["Content-Type"] == "application/problem+json"
        return answer.status, await answer.json(content_type=None)
