"""Which indexes the planner takes in a young database, of whose tables nothing is known yet."""

from importlib.resources import files

import pytest

from chassis.db import Tx, as_system, in_transaction, open_pool
from chassis.testing import Parts, fresh_database

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
