"""When the database is away, slow or taken, callers are asked to come again: never a 500."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from chassis.testing import Parts, eventually
from polepool_local.testing import OwnPostgres
from tests.chassis.garden import Answer, Garden, open_garden


def is_busy(answer: Answer) -> bool:
    """Whether the caller was asked to come again."""
    return answer.status == 503 and answer.json["code"] == "unavailable" and int(answer.headers["Retry-After"]) >= 1


async def test_a_database_that_dies_and_comes_back(own_postgres: Callable[[], Awaitable[OwnPostgres]]) -> None:
    server = await own_postgres()
    async with open_garden(Parts(server.admin_url, "")) as garden:
        assert (await garden.dig("before")).status == 201
        await server.kill()
        answers = await asyncio.gather(*(garden.dig(f"during {number}", key=f"k{number}") for number in range(20)))
        answers.append(await garden.send("GET", "/v1/beds"))
        assert [answer.status for answer in answers if not is_busy(answer)] == []
        assert (await garden.send("GET", "/v1/weather")).status == 200
        await server.start()
        await eventually(lambda: _dug(garden, "k0", "during 0"))
        assert await garden.kept() == (2, 2, 2)


async def _dug(garden: Garden, key: str, name: str) -> bool:
    return (await garden.dig(name, key=key)).status == 201


async def test_whoever_sends_until_it_is_answered_is_served_once(
    own_postgres: Callable[[], Awaitable[OwnPostgres]],
) -> None:
    server = await own_postgres()
    async with open_garden(Parts(server.admin_url, "")) as garden:
        tries: Counter[int] = Counter()

        async def served(number: int) -> bool:
            tries[number] += 1
            answer = await garden.dig(f"bed {number}", key=f"key {number}")
            assert is_busy(answer) or answer.status == 201, answer.body
            return answer.status == 201

        writing = [asyncio.create_task(eventually(partial(served, number), timeout=30)) for number in range(400)]
        await eventually(lambda: _some_but_not_all(writing))
        await server.kill()
        await server.start()
        await asyncio.gather(*writing)
        assert max(tries.values()) > 1
        assert await garden.kept() == (400, 400, 400)


async def _some_but_not_all(tasks: list[asyncio.Task[None]]) -> bool:
    return 20 < sum(task.done() for task in tasks) < len(tasks)


async def test_a_pool_without_a_free_connection(parts: Parts) -> None:
    async with open_garden(parts) as garden:
        held = [await garden.pool.acquire() for _ in range(garden.pool.get_max_size())]
        answer = await garden.dig("x")
        for connection in held:
            await garden.pool.release(connection)
        assert is_busy(answer)
        assert (await garden.dig("x")).status == 201
