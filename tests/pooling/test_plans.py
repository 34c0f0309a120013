"""Which indexes the planner takes: in a young database, of which nothing is known; where one owns all; in an old."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis.db import Pool, Tx, as_system, in_transaction, open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database
from pooling.store.bookings import OWN
from pooling.store.plans import WISHES
from pooling.store.queue import BEGUN
from pooling.store.search import DEGREE_M, LINES_FOR

HELD_BY = """
    SELECT count(*) FROM booking
    WHERE status = 'held' AND requester_organisation_id = '00000000-0000-0000-0000-000000000000'
"""
LAPSED = "SELECT id FROM booking WHERE status = 'held' AND expires_at <= now() ORDER BY expires_at LIMIT 100"
OF_LINES = """
    SELECT booking.id FROM request_line JOIN booking ON booking.line_id = request_line.id
    WHERE request_line.request_id = ANY('{}') AND booking.status IN ('held', 'confirmed')
"""


@pytest.mark.parametrize(
    ("question", "index"),
    [(HELD_BY, "booking_waiting"), (LAPSED, "booking_lapsing"), (OF_LINES, "booking_one_per_line")],
    ids=["an organisation's holds", "holds that lapse", "bookings of a request"],
)
async def test_bookings_are_found_without_going_through_those_of_others(
    parts: Parts, question: str, index: str
) -> None:
    database = await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})
    pool = await open_pool(database)

    async def plan(tx: Tx) -> str:
        await as_system(tx)
        await tx.execute("SET LOCAL enable_seqscan = off")
        return "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {question}"))

    assert f"using {index} on booking" in await in_transaction(pool, plan)
    await pool.close()


ONE_OWNS_ALL = """
    INSERT INTO booking (id, version, status, resource_id, owner_pole_id, owner_organisation_id, requester_pole_id,
        requester_organisation_id, stay, period, price_cents, cancelled_by)
    SELECT uuidv7(), 1, 'cancelled', $1, $1, $1, $1, md5((n % 100)::text)::uuid, 1,
        tstzrange('2027-01-01Z', '2027-01-02Z'), 0, 'owner'
    FROM generate_series(1, 5000) AS n
"""


async def fill(database: DatabaseSettings, table: str, *statements: str) -> None:
    """Fill a table with rows of what isn't there, by statements that take one id."""
    owner = await asyncpg.connect(database.owner_url.get_secret_value() if database.owner_url else "")
    for constraint in await owner.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'f'", table
    ):
        await owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint['conname']}")
    async with owner.transaction():
        await as_system(owner)
        for statement in statements:
            await owner.execute(statement, uuid4())
    await owner.execute("ANALYZE")
    await owner.close()


async def test_who_owns_nothing_lists_bookings_without_going_through_those_of_who_owns_all(parts: Parts) -> None:
    database = await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})
    await fill(database, "booking", ONE_OWNS_ALL)
    pool = await open_pool(database)

    async def looked_through(tx: Tx) -> int:
        await as_system(tx)
        assert await tx.fetch(OWN, [uuid4()], None, None, 10, None) == []
        read = (
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'booking'"
        )
        return int(await tx.fetchval(read))

    assert await in_transaction(pool, looked_through) < 100
    await pool.close()


PROPOSED = """
    INSERT INTO match (id, version, status, request_id, line_id, requester_pole_id, requester_organisation_id,
        resource_id, owner_pole_id, owner_organisation_id, period, distance_m, price_cents, score, reasons)
    SELECT uuidv7(), 1, 'proposed', $1, uuidv7(), $1, $1, $1, $1, $1,
        tstzrange(now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour'), 0, 0, 0, '[]'
    FROM generate_series(1, 10000) AS n
"""
PASSED = """
    WITH made AS (
        INSERT INTO request (id, version, pole_id, organisation_id, stay, status, title)
        SELECT uuidv7(), 1, $1, $1, 1, 'open', '' FROM generate_series(1, 10000) RETURNING id
    )
    INSERT INTO request_line (id, request_id, position, kind, within, minutes, features, at_least, commune, place,
        latitude, longitude)
    SELECT uuidv7(), id, 0, 'vehicle', tstzrange(now() - (n + 1) * interval '1 hour', now() - n * interval '1 hour'),
        60, '{}', '{}', '01263', '', 46, 4
    FROM (SELECT id, row_number() OVER () AS n FROM made) AS request
"""


@pytest.fixture(scope="module")
async def old(parts: Parts) -> AsyncIterator[Pool]:
    """A database that has many proposals to come, and many open requests for times that have passed."""
    database = await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})
    await fill(database, "match", PROPOSED, PASSED)
    pool = await open_pool(database)
    yield pool
    await pool.close()


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("question", "values", "index", "column"),
    [
        (BEGUN, [NOW, 50], "match_begins", "begins"),
        (LINES_FOR, [uuid4(), UUID(int=0), NOW, DEGREE_M, 500], "request_line_ends", "ends"),
        (WISHES, [NOW], "request_line_ends", "ends"),
    ],
    ids=["proposals that have begun", "lines for an offer", "the territory"],
)
async def test_neither_what_is_to_come_nor_what_has_passed_is_gone_through(
    old: Pool, question: str, values: list[object], index: str, column: str
) -> None:
    async def plan(tx: Tx) -> str:
        await as_system(tx)
        return "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {question}", *values))

    told = await in_transaction(old, plan)
    assert re.search(rf"\b{index}\b.*\n *Index Cond: .*\b{column} ", told), told
