"""What the relay tells operators: how much waits, since when, and how old the oldest open transaction is."""

from chassis.db import Pool
from chassis.telemetry import metrics

INTERVAL = 5.0
"""Seconds."""


async def measure(pool: Pool) -> None:
    """Set the gauges."""
    row = await pool.fetchrow(
        """
        WITH waiting AS (
            SELECT count(*) AS events, min(time) AS oldest FROM outbox WHERE position IS NULL
            UNION ALL
            SELECT (SELECT count(*) FROM outbox o WHERE o.slot = c.slot AND o.position > c.position),
                (SELECT time FROM outbox o WHERE o.slot = c.slot AND o.position > c.position ORDER BY position LIMIT 1)
            FROM outbox_cursor c
        )
        SELECT sum(events)::bigint AS pending,
            coalesce(extract(epoch FROM clock_timestamp() - min(oldest)), 0)::float8 AS oldest,
            (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8 FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()) AS horizon
        FROM waiting
        """
    )
    if row is not None:
        metrics.OUTBOX_PENDING.set(row["pending"])
        metrics.OUTBOX_OLDEST_SECONDS.set(max(row["oldest"], 0.0))
        metrics.OLDEST_TRANSACTION_SECONDS.set(max(row["horizon"], 0.0))
