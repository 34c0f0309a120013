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


async def log_of(pool: Pool, *events: tuple[str, int, int | None]) -> None:
    """A log of nothing but these events: key, age in days, position."""
    await pool.execute("DELETE FROM outbox")
    await pool.execute("DELETE FROM outbox_latest")
    await pool.execute("UPDATE outbox_pruned SET position = 0")
    await pool.execute("UPDATE outbox_counter SET position = $1", max(position or 0 for _, _, position in events))
    await pool.executemany(
        """
        INSERT INTO outbox (event_id, topic, type, key, data, time, position)
        VALUES ($1, 't', 't', $2, '{}', now() - make_interval(days => $3), $4)
        """,
        [(new_id(), key, age, position) for key, age, position in events],
    )


async def published_to(pool: Pool, *positions: int) -> None:
    """Have the slots published up to these positions."""
    await pool.executemany("UPDATE outbox_cursor SET position = $2 WHERE slot = $1", list(enumerate(positions)))


async def left(pool: Pool) -> list[int | None]:
    """The positions that are left in the log."""
    rows = await pool.fetch("SELECT position FROM outbox ORDER BY position")
    return [row["position"] for row in rows]


NINETY = timedelta(days=90)
ONE, TWO = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
"""Keys of the slots 1 and 2."""


async def test_of_old_events_only_the_last_of_each_aggregate_stays(pool: Pool) -> None:
    await log_of(pool, (ONE, 99, 1), (TWO, 98, 2), (ONE, 97, 3), (ONE, 96, 4), (TWO, 1, 5))
    await published_to(pool, 0, 4, 5, 0)
    assert await outbox.prune(pool, NINETY) == 2
    assert await left(pool) == [2, 4, 5]
    assert await outbox.prune(pool, timedelta()) == 1
    assert await left(pool) == [4, 5]


async def test_an_event_of_the_same_key_in_another_topic_replaces_nothing(pool: Pool) -> None:
    await log_of(pool, (ONE, 99, 1), (ONE, 98, 2))
    await pool.execute("UPDATE outbox SET topic = 'u' WHERE position = 2")
    await published_to(pool, 0, 2, 0, 0)
    assert await outbox.prune(pool, NINETY) == 0
    assert await left(pool) == [1, 2]


async def test_what_is_not_published_is_not_pruned_nor_anything_after_it(pool: Pool) -> None:
    await log_of(pool, (ONE, 99, 1), (ONE, 98, 2), (TWO, 97, 3), (ONE, 96, 4), (ONE, 95, None))
    await published_to(pool, 0, 4, 2, 0)
    assert await outbox.prune(pool, NINETY) == 1
    assert await left(pool) == [2, 3, 4, None]
    await published_to(pool, 0, 0, 3, 0)  # set back, as for a broker that lost its data
    assert await outbox.prune(pool, NINETY) == 0
    await published_to(pool, 0, 4, 3, 0)
    assert await outbox.prune(pool, NINETY) == 1
    assert await left(pool) == [3, 4, None]


async def test_what_was_gone_over_is_not_looked_at_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PRUNED_AT_ONCE", 3)
    keys = [str(new_id()) for _ in range(10)]
    await log_of(pool, *((key, 99, position) for position, key in enumerate([*keys, keys[0]], 1)))
    await published_to(pool, 11, 11, 11, 11)
    assert await outbox.prune(pool, NINETY) == 1
    assert await left(pool) == list(range(2, 12))
    assert await pool.fetchval("SELECT position FROM outbox_pruned") == 11
    await pool.execute("UPDATE outbox_latest SET position = 0")  # a second look at any of them would notice
    assert await outbox.prune(pool, NINETY) == 0
    assert await pool.fetchval("SELECT max(position) FROM outbox_latest") == 0


async def test_two_that_prune_at_the_same_time_take_turns(pool: Pool) -> None:
    keys = [str(new_id()) for _ in range(100)]
    await log_of(pool, *((keys[position % 100], 99, position) for position in range(1, 2001)))
    await published_to(pool, 2000, 2000, 2000, 2000)
    gone = await asyncio.gather(*(outbox.prune(pool, NINETY) for _ in range(4)))
    assert sum(gone) == 1900
    assert await left(pool) == list(range(1901, 2001))
