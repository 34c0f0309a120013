"""The relay: every committed event once, in order per key, whoever writes and however many relays there are."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import REGISTRY

from chassis import db, outbox
from chassis.db import open_pool, transaction
from chassis.relay import gauges, publisher, sequencer
from chassis.relay.parts import ALWAYS_BY_INDEX
from chassis.testing import Parts, eventually
from tests.chassis.relaying import House, ThingHappened, create_topic, happened, house, ids, things, versions


def metric(name: str, **labels: str) -> float:
    """A metric's value now."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_no_event_is_missed_while_many_writers_hold_transactions_open(parts: Parts) -> None:
    async with house(parts) as our:
        writers = await open_pool(our.settings.model_copy(update={"pool_size": 16}))
        async with our.relaying():
            await asyncio.gather(*(write_slowly(our, writers, writer) for writer in range(16)))
            records = await our.published()
        await writers.close()
        assert len(records) == len(set(ids(records))) == 16 * 40
        assert await our.positions() == list(range(1, 16 * 40 + 1))


async def write_slowly(our: House, pool: Any, seed: int) -> None:
    """Commit 40 events in transactions that stay open for different times, so that low ids appear after high ones."""
    shuffled = random.Random(seed)  # noqa: S311 - repeatable
    for thing in things(40):
        async with transaction(pool) as tx:
            await outbox.append(tx, [our.here(happened(thing))])
            await tx.execute("SELECT pg_sleep($1)", shuffled.choice([0, 0, 0.001, 0.03]))
        outbox.wake(pool)


async def test_events_of_a_key_stay_in_order_when_many_write_it(parts: Parts) -> None:
    async with house(parts) as our:
        writers = await open_pool(our.settings.model_copy(update={"pool_size": 8}))
        keys = things(6)
        await our.pool.executemany(
            'INSERT INTO inbox (event_id, topic, partition, "offset") VALUES ($1, $2, 0, 0)',
            [(key, "t") for key in keys],
        )
        async with our.relaying():
            await asyncio.gather(*(contend(our, writers, keys, seed) for seed in range(8)))
            records = await our.published()
        await writers.close()
        found = versions(records)
        assert sum(map(len, found.values())) == 8 * 60
        assert all(seen == list(range(1, len(seen) + 1)) for seen in found.values())


async def contend(our: House, pool: Any, keys: list[UUID], seed: int) -> None:
    """Lock a key's row, count its version up, say so: 60 times, as handlers do with aggregates (the row is at hand)."""
    shuffled = random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(60):
        key = shuffled.choice(keys)
        async with transaction(pool) as tx:
            version = await tx.fetchval(
                'UPDATE inbox SET "offset" = "offset" + 1 WHERE event_id = $1 RETURNING "offset"', key
            )
            await outbox.append(tx, [our.here(happened(key, version))])
        outbox.wake(pool)


async def test_a_backlog_larger_than_a_batch_is_published_in_order(parts: Parts) -> None:
    async with house(parts) as our:
        keys = things(30)
        for version in range(1, 101):
            await our.say([happened(key, version) for key in keys])
        async with our.relaying():
            records = await our.published()
        assert len(records) == 3000
        assert all(seen == list(range(1, 101)) for seen in versions(records).values())
        assert await our.positions() == list(range(1, 3001))


async def test_events_too_large_for_one_record_batch_are_all_published_in_order(parts: Parts) -> None:
    async with house(parts, partitions=1) as our:
        [thing] = things(1)
        big = [ThingHappened(thing={"id": thing, "version": n, "note": "x" * 60_000}) for n in range(1, 41)]
        await our.say(big)
        async with our.relaying():
            records = await our.published()
        assert list(versions(records).values()) == [list(range(1, 41))]


@pytest.mark.parametrize("where", ["in the relay's process", "in another process"])
async def test_a_new_event_is_published_without_waiting_for_a_poll(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for name in ("SHORTEST_POLL", "LONGEST_POLL"):
        monkeypatch.setattr(sequencer, name, 60.0)
    monkeypatch.setattr(publisher, "LONGEST_POLL", 60.0)
    async with house(parts) as our:
        other = await open_pool(our.settings)  # its bell knows of no sequencer: it must NOTIFY
        async with our.relaying(our.pool if where == "in the relay's process" else other):
            for count in range(1, 4):
                await our.say([happened(things(1)[0])])
                assert len(await our.published(10)) == count
        await other.close()


async def test_a_relay_that_only_publishes_is_told_by_the_one_that_sequences(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(parts) as our:
        second = await open_pool(our.settings)
        async with our.relaying(), our.relaying(second):
            await eventually(lambda: shares(our), 10)
            monkeypatch.setattr(publisher, "LONGEST_POLL", 60.0)
            for count in range(1, 4):
                await our.say([happened(thing) for thing in things(40)])
                assert len(await our.published(10)) == 40 * count
        await second.close()


async def test_an_event_for_which_nobody_rang_is_found_by_the_poll(parts: Parts) -> None:
    async with house(parts) as our, our.relaying():
        async with transaction(our.pool) as tx:
            await outbox.append(tx, [our.here(happened(things(1)[0]))])
        assert len(await our.published()) == 1


async def test_two_relays_share_the_slots_and_publish_each_event_once_in_order(parts: Parts) -> None:
    async with house(parts) as our:
        second = await open_pool(our.settings)
        keys = things(40)
        async with our.relaying(), our.relaying(second):
            await eventually(lambda: shares(our), 10)
            for version in range(1, 31):
                await our.say([happened(key, version) for key in keys])
            records = await our.published()
        await second.close()
        assert len(records) == len(set(ids(records))) == 1200
        assert all(seen == list(range(1, 31)) for seen in versions(records).values())
        assert await our.positions() == list(range(1, 1201))


async def shares(our: House) -> bool:
    """Whether two sessions hold two slots each."""
    rows = await our.pool.fetch(
        """
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid >= 16::oid AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
    )
    return sorted(Counter(row["pid"] for row in rows).values()) == [2, 2]


async def test_relays_that_come_and_go_leave_no_gap_and_no_duplicate(parts: Parts) -> None:
    async with house(parts) as our:
        keys = things(20)

        async def write() -> None:
            for version in range(1, 61):
                await our.say([happened(key, version) for key in keys])

        writing = asyncio.create_task(write())
        for _ in range(4):
            async with our.relaying(), our.relaying():
                await eventually(lambda: some_more(our), 10)
        await writing
        async with our.relaying():
            records = await our.published()
        assert len(records) == len(set(ids(records))) == 1200
        assert all(seen == list(range(1, 61)) for seen in versions(records).values())
        assert await our.positions() == list(range(1, 1201))


async def some_more(our: House) -> bool:
    """Whether something was published just now, or nothing is left."""
    before = await our.pool.fetchval("SELECT sum(position) FROM outbox_cursor")
    await asyncio.sleep(0.1)
    return bool(await our.pool.fetchval("SELECT sum(position) FROM outbox_cursor") > before or await our.drained())


async def test_a_relay_told_to_stop_finishes_quickly(parts: Parts) -> None:
    async with house(parts) as our:
        async with our.relaying() as stop:
            await our.say([happened(thing) for thing in things(2000)])
            began = asyncio.get_running_loop().time()
            stop.set()
        assert asyncio.get_running_loop().time() - began < 5
        async with our.relaying():
            records = await our.published()
        assert len(records) == len(set(ids(records))) == 2000


async def test_an_event_of_a_topic_that_does_not_exist_waits_for_it(parts: Parts) -> None:
    async with house(parts) as our:
        our.topic += "-late"
        async with our.relaying():
            await our.say([happened(things(1)[0])])
            await eventually(lambda: our.pool.fetchval("SELECT count(*) FROM outbox WHERE position = 1"))
            await create_topic(parts, our.topic)
            assert len(await our.published()) == 1


async def test_a_cursor_set_back_by_an_operator_publishes_again(parts: Parts) -> None:
    async with house(parts) as our, our.relaying():
        await our.say([happened(thing) for thing in things(50)])
        assert len(await our.published()) == 50
        await our.pool.execute("UPDATE outbox_cursor SET position = 0")
        records = await our.published()
        assert Counter(Counter(ids(records)).values()) == {2: 50}


async def test_operators_see_what_waits_and_since_when(parts: Parts) -> None:
    async with house(parts) as our:
        await our.say([happened(thing) for thing in things(3)])
        await our.pool.execute("UPDATE outbox SET time = $1", datetime(2026, 1, 1, tzinfo=UTC))
        async with transaction(our.pool) as tx:
            began = await tx.fetchval("SELECT now()")
            await eventually(lambda: our.pool.fetchval("SELECT clock_timestamp() - $1 > '50 ms'::interval", began))
            await gauges.measure("garden", our.pool)
        assert metric("polepool_outbox_pending", service="garden") == 3
        assert metric("polepool_outbox_oldest_seconds", service="garden") > 3600
        assert metric("polepool_oldest_transaction_seconds", service="garden") > 0.05
        before = metric("polepool_outbox_published_total")
        async with our.relaying():
            await our.published()
        await gauges.measure("garden", our.pool)
        assert metric("polepool_outbox_published_total") == before + 3
        assert metric("polepool_outbox_pending", service="garden") == 0
        assert metric("polepool_outbox_oldest_seconds", service="garden") == 0
        our.pool.terminate()
        with pytest.raises(asyncpg.InterfaceError):
            await gauges.measure("garden", our.pool)
        assert REGISTRY.get_sample_value("polepool_outbox_oldest_seconds", {"service": "garden"}) is None


async def test_a_plan_made_while_the_table_was_small_still_fits_a_large_one(parts: Parts) -> None:
    async with house(parts) as our:
        await our.say([happened(things(1)[0])])
        owner = await asyncpg.connect(our.settings.owner_url.get_secret_value() if our.settings.owner_url else "")
        await owner.execute("ANALYZE outbox")
        await owner.close()
        connection = await db.connect(our.settings, ALWAYS_BY_INDEX)
        for _ in range(10):  # by now the plans are generic, and kept
            await sequencer.run_once(connection)
            await publisher.read(connection, dict.fromkeys(range(4), 1))
        await our.say([happened(thing) for thing in things(5000)])
        while await sequencer.run_once(connection):
            await publisher.read(connection, dict.fromkeys(range(4), 1))
        await connection.execute("SELECT pg_stat_force_next_flush()")
        scanned = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'outbox'"
        assert await our.pool.fetchval(scanned) < 5000
        await connection.close()


async def test_positions_are_given_without_comparing_each_event_with_each(parts: Parts) -> None:
    """A nested loop over 400 events took 45 ms; the statistics of a log that is nearly all published ask for one."""
    async with house(parts) as our:
        await our.say([happened(thing) for thing in things(2000)])
        async with our.relaying():
            await our.published()
        owner = await asyncpg.connect(our.settings.owner_url.get_secret_value() if our.settings.owner_url else "")
        await owner.execute("ANALYZE outbox")
        await owner.close()
        connection = await db.connect(our.settings, ALWAYS_BY_INDEX)
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + sequencer.SEQUENCE.replace("$1", "500")))
        await connection.close()
    assert "Join" not in plan
    assert "Nested Loop" not in plan
    assert plan.count("Index Cond: (id = ANY") == 1


async def test_an_event_gets_its_position_on_the_page_where_it_is(parts: Parts) -> None:
    async with house(parts) as our:
        await our.say([happened(thing) for thing in things(400)])
        written = await our.pool.fetch(
            pages := "SELECT id, (ctid::text::point)[0]::int AS page FROM outbox ORDER BY id"
        )
        connection = await db.connect(our.settings)
        assert await sequencer.run_once(connection) == 400
        await connection.close()
        moved = sum(old != new for old, new in zip(written, await our.pool.fetch(pages), strict=True))
    assert len({row["page"] for row in written}) > 10
    assert moved < 20  # the last of a page may be the eight bytes of its position too long
