"""A relay that is told to stop ends soon, whatever it was about to do, and leaves nothing in disorder."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import asyncpg
import pytest
from structlog.testing import capture_logs

from chassis.db import Tx
from chassis.relay import sharing
from chassis.testing import Parts, eventually, produce, read_topic
from polepool_local.testing import OwnPostgres
from tests.chassis.relaying import House, cut, happened, house, things, versions

Move = Callable[[Tx, Mapping[int, tuple[int, int]]], Awaitable[set[int]]]
move: Move = sharing.move


async def test_a_relay_told_to_stop_does_not_wait_until_the_log_is_pruned(parts: Parts) -> None:
    async with house(parts) as our:
        owner = await asyncpg.connect(our.settings.owner_url.get_secret_value() if our.settings.owner_url else "")
        async with owner.transaction():
            await owner.execute("LOCK TABLE outbox_latest IN ACCESS EXCLUSIVE MODE")
            async with our.relaying() as stop:
                await eventually(lambda: pruning(our))
                began = asyncio.get_running_loop().time()
                stop.set()
            assert asyncio.get_running_loop().time() - began < 5
        await owner.close()


async def pruning(our: House) -> bool:
    """Whether somebody waits to prune the log."""
    return bool(
        await our.pool.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox_latest'::regclass)"
        )
    )


async def test_what_came_late_is_published_again_though_its_relay_is_told_to_stop_before_its_next_session(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(parts, partitions=1) as our:
        keys = things(8)
        async with our.relaying() as stop:

            async def late(connection: Tx, spans: Mapping[int, tuple[int, int]]) -> set[int]:
                """Lose the session before recording; another relay publishes on, and what was sent arrives after it."""
                monkeypatch.undo()
                sent = await read_topic(parts, our.topic)
                await cut(our)
                await our.say([happened(key, 2) for key in keys])
                async with our.relaying():
                    await our.published()
                await produce(parts, our.topic, sent)
                stop.set()
                return await move(connection, spans)

            monkeypatch.setattr(sharing, "move", late)
            await our.say([happened(key, 1) for key in keys])
            await eventually(stop.is_set, 40)
        async with our.relaying():
            records = await our.published()
    newest = {record.key: record for record in records}
    assert [versions([newest[str(key).encode()]])[str(key).encode()] for key in keys] == [[2]] * 8


async def test_a_relay_told_to_stop_while_the_database_is_away_says_which_slots_it_could_not_set_back(
    parts: Parts, own_postgres: Callable[[], Awaitable[OwnPostgres]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await own_postgres()
    async with house(replace(parts, postgres_admin_url=server.admin_url)) as our:
        with capture_logs() as logs:
            async with our.relaying() as stop:

                async def late(connection: Tx, spans: Mapping[int, tuple[int, int]]) -> set[int]:
                    await server.kill()
                    stop.set()
                    return await move(connection, spans)

                monkeypatch.setattr(sharing, "move", late)
                await our.say([happened(thing) for thing in things(8)])
                await eventually(stop.is_set, 20)
        said = [line for line in logs if line["event"] == "relay stopped without setting slots back"]
    assert len(said) == 1
    assert said[0]["slots"]
