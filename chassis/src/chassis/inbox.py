"""The ids of the events whose effects are committed: what makes a redelivery harmless."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from chassis.db import Pool, Tx

if TYPE_CHECKING:
    from chassis.consume.delivery import Delivery

KEEP = timedelta(days=30)
"""How long ids are kept. A redelivery older than this, as after `republish`, is still harmless: projections go by the
aggregate's version, and what is told goes by that and by the event's age."""


async def claim(tx: Tx, deliveries: "Sequence[Delivery]") -> list["Delivery"]:
    """Mark the deliveries as seen and give those that were not, in order; of two with one id, the first.

    Sorted by id, so that two consumers that share some deliveries while partitions move don't deadlock.
    """
    ordered = sorted(deliveries, key=lambda delivery: delivery.envelope.id)
    rows = await tx.fetch(
        """
        INSERT INTO inbox (event_id, topic, partition, "offset")
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[])
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """,
        [delivery.envelope.id for delivery in ordered],
        [delivery.topic for delivery in ordered],
        [delivery.partition for delivery in ordered],
        [delivery.offset for delivery in ordered],
    )
    new: set[UUID] = {row["event_id"] for row in rows}
    claimed = []
    for delivery in deliveries:
        if delivery.envelope.id in new:
            new.discard(delivery.envelope.id)
            claimed.append(delivery)
    return claimed


async def prune(pool: Pool, keep: timedelta = KEEP) -> int:
    """Forget ids older than `keep`, a few thousand at a time so that no transaction is long; how many went."""
    total = 0
    while True:
        gone = await pool.fetch(
            """
            DELETE FROM inbox WHERE event_id IN (
                SELECT event_id FROM inbox WHERE received_at < now() - $1::interval LIMIT 5000
            ) RETURNING 1
            """,
            keep,
        )
        total += len(gone)
        if len(gone) < 5000:
            return total
