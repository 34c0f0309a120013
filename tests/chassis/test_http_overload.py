"""More is asked than can be done: what can be done is done, and the rest is refused, cheaply and without a trace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from chassis.db import as_system, connect
from chassis.http.gate import PLACES
from chassis.testing import Parts, eventually
from tests.chassis.garden import Answer, Garden, open_garden

pytestmark = pytest.mark.timeout(60)


def is_refused(answer: Answer) -> bool:
    """Whether the caller was asked to come again, as a problem."""
    told = answer.json["code"] == "unavailable" and int(answer.headers["Retry-After"]) >= 1
    return answer.status == 503 and answer.headers["Content-Type"] == "application/problem+json" and told


async def counted(garden: Garden, metric: str) -> float:
    """What the service's metrics say."""
    lines = (await garden.send("GET", "/metrics")).body.decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric + " ")), 0.0)


async def refusals(garden: Garden, reason: str) -> float:
    """How many were refused for a reason."""
    return await counted(garden, f'polepool_http_refused_total{{reason="{reason}"}}')


@asynccontextmanager
async def crowded(garden: Garden) -> AsyncIterator[list[asyncio.Task[Answer]]]:
    """Every place is taken by one who waters the same bed, while somebody holds its row; they go on at the end."""
    bed = UUID((await garden.dig("the one")).json["id"])
    places = PLACES * garden.pool.get_max_size()
    holding = await connect(garden.settings)
    try:
        async with holding.transaction():
            await as_system(holding)
            await holding.execute("SELECT FROM bed WHERE id = $1 FOR UPDATE", bed)
            path = f"/v1/beds/{bed}/watering"
            watering = [asyncio.create_task(garden.send("POST", path)) for _ in range(places)]
            await eventually(lambda: _are(garden, "under_way", places))
            yield watering
    finally:
        await holding.close()


async def _are(garden: Garden, state: str, wanted: int) -> bool:
    return await counted(garden, f"polepool_http_{state}") == wanted


async def test_who_comes_when_all_places_are_taken_is_refused_and_may_come_again(parts: Parts) -> None:
    async with open_garden(parts) as garden:
        async with crowded(garden) as watering:
            refused = await asyncio.gather(*(garden.dig(f"bed {n}", key=f"key {n}") for n in range(40)))
        assert all(map(is_refused, refused))
        assert {answer.status for answer in await asyncio.gather(*watering)} == {200}
        assert await garden.kept() == (1, 1, 1)
        again = [await garden.dig(f"bed {n}", key=f"key {n}") for n in range(40)]
        assert {answer.status for answer in again} == {201}
        assert await garden.kept() == (41, 41, 41)
        assert await _are(garden, "under_way", 0)


async def test_health_answers_in_a_crowd(parts: Parts) -> None:
    async with open_garden(parts) as garden, crowded(garden):
        waiting = [asyncio.create_task(garden.send("GET", "/v1/beds")) for _ in range(30)]
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await garden.send("GET", path)).status == 200
        assert all(map(is_refused, await asyncio.gather(*waiting)))


async def test_who_leaves_gives_their_turn_to_others_and_leaves_nothing(parts: Parts) -> None:
    async with open_garden(parts) as garden:
        async with crowded(garden) as watering:
            before = await refusals(garden, "gone")
            waiting = [asyncio.create_task(garden.dig(f"bed {n}")) for n in range(10)]
            await eventually(lambda: _are(garden, "waiting", len(waiting)))
            for each in waiting:
                each.cancel()
            await eventually(lambda: _gone(garden, before + len(waiting)))
        await asyncio.gather(*watering)
        assert await garden.kept() == (1, 1, 1)


async def _gone(garden: Garden, wanted: float) -> bool:
    return await refusals(garden, "gone") == wanted


async def test_slow_senders_have_no_place(parts: Parts) -> None:
    async with open_garden(parts) as garden:
        address = urlsplit(garden.url)
        head = b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        writers = []
        for _ in range(2 * PLACES * garden.pool.get_max_size()):
            writers.append((await asyncio.open_connection(address.hostname, address.port))[1])
            writers[-1].write(head)
        assert (await garden.dig("in time")).status == 201
        for writer in writers:
            writer.close()
