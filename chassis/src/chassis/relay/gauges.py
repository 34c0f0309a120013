"""What operators are told of the outbox: how much waits, since when, and how old the oldest open transaction is.

Every process with a pool measures, so that a relay that is dead is seen too; what can't be measured isn't shown.
Events that were published once and are published again count apart: nobody need get up because they are old.
"""

import asyncio

import asyncpg
import structlog

from chassis.db import Pool
from chassis.relay.parts import nap
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

INTERVAL = 5.0
"""Seconds."""
GAUGES = (
    metrics.OUTBOX_PENDING,
    metrics.OUTBOX_OLDEST_SECONDS,
    metrics.OUTBOX_REPUBLISHING,
    metrics.OLDEST_TRANSACTION_SECONDS,
)


async def run(service: str, pool: Pool, stop: asyncio.Event) -> None:
    """Measure now and then until `stop` is set."""
    while not stop.is_set():
        try:
            await measure(service, pool)
        except Exception as error:
            log.info("outbox not measured", error=str(error) or type(error).__name__)
        await nap(stop, INTERVAL)


async def measure(service: str, pool: Pool) -> None:
    """Set the service's gauges; when the database doesn't answer they are gone, and its error is raised."""
    try:
        row = await _read(pool)
    except BaseException:
        for gauge in GAUGES:
            gauge.clear()
        raise
    if row is not None:
        metrics.OUTBOX_PENDING.labels(service).set(row["pending"])
        metrics.OUTBOX_OLDEST_SECONDS.labels(service).set(max(row["oldest"], 0.0))
        metrics.OUTBOX_REPUBLISHING.labels(service).set(row["republishing"])
        metrics.OLDEST_TRANSACTION_SECONDS.labels(service).set(max(row["horizon"], 0.0))


async def _read(pool: Pool) -> asyncpg.Record | None:
    return await pool.fetchrow(
        """
        WITH waiting AS (
            SELECT count(*) AS events, min(time) AS oldest FROM outbox WHERE position IS NULL
            UNION ALL
            SELECT (SELECT count(*) FROM outbox o WHERE o.slot = c.slot AND o.position > c.new),
                (SELECT time FROM outbox o WHERE o.slot = c.slot AND o.position > c.new ORDER BY position LIMIT 1)
            FROM (SELECT slot, greatest(position, reached) AS new FROM outbox_cursor) AS c
        )
        SELECT sum(events)::bigint AS pending,
            coalesce(extract(epoch FROM clock_timestamp() - min(oldest)), 0)::float8 AS oldest,
            (SELECT sum(greatest(reached - position, 0)) FROM outbox_cursor)::bigint AS republishing,
            (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8 FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()) AS horizon
        FROM waiting
        """
    )
