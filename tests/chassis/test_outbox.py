"""The outbox: events are there exactly if the state is, in the order they were given."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from chassis import outbox
from chassis.db import Pool, Tx, in_transaction, new_id, open_pool, transaction
from chassis.settings import DatabaseSettings
from chassis.telemetry import continued
from chassis.testing import Parts, eventually, fresh_database
from tests.chassis.relaying import Thing, ThingHappened, happened


@pytest.fixture(scope="module")
async def settings(parts: Parts) -> DatabaseSettings:
    """A database with the chassis' tables."""
    return await fresh_database(parts, "outbox")


@pytest.fixture
async def pool(settings: DatabaseSettings) -> AsyncIterator[Pool]:
    """The app role's pool."""
    pool = await open_pool(settings)
    yield pool
    await pool.execute("DELETE FROM outbox")
    await pool.close()


async def test_events_are_kept_in_the_order_given(pool: Pool) -> None:
    thing = new_id()
    async with transaction(pool) as tx:
        await outbox.append(tx, [happened(thing, version) for version in range(1, 101)])
    rows = await pool.fetch("SELECT topic, type, key, data::jsonb AS data, position FROM outbox ORDER BY id")
    assert [row["data"]["thing"]["version"] for row in rows] == list(range(1, 101))
    assert {(row["topic"], row["type"], row["key"], row["position"]) for row in rows} == {
        (ThingHappened.TOPIC, ThingHappened.TYPE, thing, None)
    }


async def test_a_transaction_that_fails_says_nothing(pool: Pool) -> None:
    async def fail(tx: Tx) -> None:
        await outbox.append(tx, [happened(new_id())])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_transaction(pool, fail)
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_no_events_are_no_statement(pool: Pool) -> None:
    async with transaction(pool) as tx:
        await outbox.append(tx, [])
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_the_columns_fit_one_statement_with_the_state(pool: Pool) -> None:
    columns = outbox.columns([happened(new_id())])
    await pool.execute(
        """
        WITH state AS (INSERT INTO inbox (event_id, topic, partition, "offset") VALUES ($7, 't', 0, 0))
        INSERT INTO outbox (event_id, topic, type, key, data, traceparent)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
        """,
        *columns,
        new_id(),
    )
    assert await pool.fetchval("SELECT event_id FROM outbox") == columns.event_ids[0]


async def test_an_event_keeps_the_trace_that_it_happened_in(pool: Pool) -> None:
    with continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "request"):
        async with transaction(pool) as tx:
            await outbox.append(tx, [happened(new_id())])
    assert "0af7651916cd43dd8448eb211c80319c" in await pool.fetchval("SELECT traceparent FROM outbox")


async def test_an_event_larger_than_the_limit_is_refused_where_it_is_made(pool: Pool) -> None:
    huge = ThingHappened(thing=Thing(id=new_id(), version=1, note="é" * 33_000))
    with pytest.raises(ValueError, match="more than 65536"):
        outbox.columns([huge])


async def test_a_slot_depends_on_the_key_alone_and_all_four_are_used(pool: Pool) -> None:
    async with transaction(pool) as tx:
        keys = [new_id() for _ in range(200)]
        await outbox.append(tx, [happened(key, version) for key in keys for version in (1, 2)])
    rows = await pool.fetch("SELECT key, array_agg(DISTINCT slot) AS slots FROM outbox GROUP BY key")
    assert all(len(row["slots"]) == 1 for row in rows)
    assert {row["slots"][0] for row in rows} == {0, 1, 2, 3}


async def test_many_commits_are_told_by_few_notifications(pool: Pool, settings: DatabaseSettings) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(settings.url.get_secret_value())
    await listener.add_listener(outbox.CHANNEL, lambda *_: heard.append("ding"))
    for _ in range(200):
        outbox.wake(pool)
        await asyncio.sleep(0)
    await eventually(lambda: heard)
    assert len(heard) < 10
    await listener.close()


async def test_commits_that_come_steadily_are_told_each(pool: Pool, settings: DatabaseSettings) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(settings.url.get_secret_value())
    await listener.add_listener(outbox.CHANNEL, lambda *_: heard.append("ding"))
    for _ in range(30):
        outbox.wake(pool)
        await asyncio.sleep(0.006)  # the pace, not a wait
    assert len(heard) >= 20
    await listener.close()


async def test_waking_in_vain_hurts_nobody(settings: DatabaseSettings) -> None:
    pool = await open_pool(settings)
    await pool.close()
    outbox.wake(pool)
    await asyncio.sleep(0.01)  # the NOTIFY fails; an unretrieved error would fail the session


async def test_only_published_events_that_are_old_enough_are_pruned(pool: Pool) -> None:
    published, waiting = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000000"
    await pool.executemany(
        """
        INSERT INTO outbox (event_id, topic, type, key, data, time, position)
        VALUES ($1, 't', 't', $2, '{}', now() - $3::text::interval, $4)
        """,
        [
            (new_id(), published, "91 days", 1),
            (new_id(), waiting, "91 days", 2),
            (new_id(), published, "1 day", 3),
            (new_id(), published, "91 days", None),
        ],
    )
    await pool.execute("UPDATE outbox_cursor SET position = 3 WHERE slot = 1")
    assert await outbox.prune(pool, timedelta(days=90)) == 1
    assert await pool.fetchval("SELECT array_agg(position ORDER BY position) FROM outbox") == [2, 3, None]
