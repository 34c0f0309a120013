"""Several consumers of one group: each event has one effect, whoever dies in the middle."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from chassis.consume import Delivery, subscriber
from chassis.db import Tx, new_id
from chassis.testing import Parts, eventually, produce_events
from tests.chassis.consuming import House, house

THINGS, VERSIONS = 30, 120


async def test_two_consumers_share_a_group_and_one_is_killed_in_the_middle(parts: Parts) -> None:
    async with house(parts) as our:
        things = [new_id() for _ in range(THINGS)]
        async with _consumer_process(our) as doomed, our.consuming():
            await produce_events(parts, [our.event(thing, 1) for thing in things])
            await our.reached(THINGS)
            producing = asyncio.create_task(_produce_slowly(parts, our, things))
            await eventually(lambda: _more_than(our, THINGS * VERSIONS // 4), timeout=30)
            doomed.kill()
            await producing
            await our.reached(THINGS * VERSIONS, timeout=60)
        seen: defaultdict[UUID, list[int]] = defaultdict(list)
        for row in await our.effects():
            seen[row["thing_id"]].append(row["version"])
        assert seen == {thing: list(range(1, VERSIONS + 1)) for thing in things}
        assert await our.letters() == []


async def test_partitions_move_between_consumers_without_a_doubled_or_lost_effect(parts: Parts) -> None:
    async with house(parts) as our:
        things = [new_id() for _ in range(THINGS)]
        async with our.consuming():
            await produce_events(parts, [our.event(thing, 1) for thing in things])
            producing = asyncio.create_task(_produce_slowly(parts, our, things))
            async with our.consuming():
                await eventually(lambda: _more_than(our, THINGS * VERSIONS // 4), timeout=30)
            async with our.consuming():
                await producing
                await our.reached(THINGS * VERSIONS, timeout=60)
        seen: defaultdict[UUID, list[int]] = defaultdict(list)
        for row in await our.effects():
            seen[row["thing_id"]].append(row["version"])
        assert seen == {thing: list(range(1, VERSIONS + 1)) for thing in things}


async def test_a_batch_that_outlasts_the_hand_over_of_its_partitions_has_its_effects_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "HAND_OVER_SECONDS", 0.1)
    async with house(parts) as our:
        entered, released = asyncio.Event(), asyncio.Event()

        async def slow(tx: Tx, deliveries: Sequence[Delivery]) -> None:
            entered.set()
            await released.wait()
            await our.note(tx, deliveries)

        things = [new_id() for _ in range(THINGS)]
        await produce_events(parts, [our.event(thing, version) for version in (1, 2, 3) for thing in things])
        async with our.consuming({our.made.TOPIC: {our.made: slow}, our.other.TOPIC: {our.other: our.note}}):
            await entered.wait()
            with capture_logs() as logs:
                async with our.consuming():  # it joins, and takes partitions whose batch is still in hand
                    await eventually(lambda: any(each["event"] == "subscribed" for each in logs), 30)
                    released.set()
                    await our.reached(3 * THINGS)
        seen: defaultdict[UUID, list[int]] = defaultdict(list)
        for row in await our.effects():
            seen[row["thing_id"]].append(row["version"])
        assert seen == {thing: [1, 2, 3] for thing in things}
        assert await our.letters() == []


async def _more_than(our: House, count: int) -> bool:
    return await our.count() > count


async def _produce_slowly(parts: Parts, our: House, things: list[UUID]) -> None:
    for start in range(2, VERSIONS + 1, 7):
        versions = range(start, min(start + 7, VERSIONS + 1))
        await produce_events(parts, [our.event(thing, version) for version in versions for thing in things])


@asynccontextmanager
async def _consumer_process(our: House) -> AsyncIterator[asyncio.subprocess.Process]:
    """The same group in a process of its own, which a test may kill; it has partitions when this yields."""
    addresses = {"MEMBER_DATABASE": our.settings.url.get_secret_value(), "MEMBER_KAFKA": our.parts.kafka_bootstrap}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chassis.consuming_member",
        our.group,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **addresses},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    await asyncio.wait_for(process.stdout.readuntil(b"partitions assigned"), 30)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
