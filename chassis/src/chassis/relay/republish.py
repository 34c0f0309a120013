"""Publishing the log again: the cursors are set back, and the relays at work go on from there.

New events wait for older ones of their slot, as always, so the order of each key stays. A crash loses nothing, since
the cursors are all there is to it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.db import Pool
from chassis.relay.parts import LOOK

COUNTING = 600.0
"""Seconds that counting the log may take."""
NOTICED = 2 * LOOK + 0.5
"""Seconds within which every publisher notices that its cursors were set back: it looks at them once a second."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be published again: the events after a position, by topic."""

    after: int
    events: Mapping[str, int]


async def plan(pool: Pool, since: datetime | None) -> Plan:
    """What there is to publish again: everything, or from the first event of this time on. Reads the whole log."""
    after = await _before(pool, since) if since else 0
    rows = await pool.fetch(
        """
        SELECT topic, count(*) AS events FROM outbox JOIN outbox_cursor AS cursor USING (slot)
        WHERE outbox.position > $1 AND outbox.position <= greatest(cursor.position, cursor.reached)
        GROUP BY topic ORDER BY topic
        """,
        after,
        timeout=COUNTING,
    )
    return Plan(after, {row["topic"]: row["events"] for row in rows})


async def _before(pool: Pool, since: datetime) -> int:
    """The position before the first event of this time; the last one given when there is none so young."""
    position: int = await pool.fetchval(
        """
        SELECT coalesce(
            (SELECT min(position) - 1 FROM outbox WHERE time >= $1 AND position IS NOT NULL),
            (SELECT position FROM outbox_counter)
        )
        """,
        since,
        timeout=COUNTING,
    )
    return position


async def begin(pool: Pool, after: int) -> None:
    """Have everything after this position published again, where it was; returns once all publishers noticed.

    What they couldn't send until now, since the broker or the topics were away, then comes after what is older.
    """
    await pool.execute(
        "UPDATE outbox_cursor SET reached = greatest(reached, position), position = least(position, $1)", after
    )
    await asyncio.sleep(NOTICED)


async def positions_left(pool: Pool) -> int:
    """How many positions of the log are to be published again, in all slots; some hold no event any more."""
    left: int = await pool.fetchval("SELECT sum(greatest(reached - position, 0))::bigint FROM outbox_cursor")
    return left
