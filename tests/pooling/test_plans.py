"""Which indexes the planner takes: in a young database, of whose tables nothing is known, and where one owns all."""

from importlib.resources import files
from uuid import uuid4

import asyncpg
import pytest

from chassis.db import Tx, as_system, in_transaction, open_pool
from chassis.testing import Parts, fresh_database
from pooling.store.bookings import OWN

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


async def test_who_owns_nothing_lists_bookings_without_going_through_those_of_who_owns_all(parts: Parts) -> None:
    database = await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})
    owner = await asyncpg.connect(database.owner_url.get_secret_value() if database.owner_url else "")
    for constraint in await owner.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'booking'::regclass AND contype = 'f'"
    ):
        await owner.execute(f"ALTER TABLE booking DROP CONSTRAINT {constraint['conname']}")
    async with owner.transaction():
        await as_system(owner)
        await owner.execute(ONE_OWNS_ALL, uuid4())
    await owner.execute("ANALYZE booking")
    await owner.close()
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
