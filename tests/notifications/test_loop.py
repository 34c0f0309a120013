"""When background work is done."""

import asyncio

import asyncpg
import pytest

from chassis.health import Health
from notifications.workers.loop import forever


async def test_faults_that_pass_are_waited_out_and_work_goes_on_at_once() -> None:
    stop, asked = asyncio.Event(), 0
    answers: list[int | Exception] = [ConnectionError("database away"), 3, 2, asyncpg.CannotConnectNowError(), 0]

    async def once() -> int:
        nonlocal asked
        asked += 1
        answer = answers.pop(0)
        if not answers:
            stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    await asyncio.wait_for(forever("work", once, 0.01, stop, Health()), 10)
    assert asked == 5


async def test_what_is_a_bug_ends_the_role_so_that_it_is_seen() -> None:
    async def once() -> int:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await forever("work", once, 0.01, asyncio.Event(), Health())


async def test_a_loop_that_stands_still_is_reported() -> None:
    stop, health, gate = asyncio.Event(), Health(), asyncio.Event()

    async def once() -> int:
        await gate.wait()
        return 0

    running = asyncio.create_task(forever("work", once, 0.01, stop, health, still=0.0))
    await asyncio.sleep(0)
    assert "work stands still" in str((await health.liveness())["work"])
    stop.set()
    gate.set()
    await running
