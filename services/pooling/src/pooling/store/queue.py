"""What is to be matched anew: rows that other statements leave behind, taken here by the sweeper.

What is taken is gone once the transaction commits; what another sweeper has is skipped.
"""

from datetime import datetime
from uuid import UUID

from chassis.db import Tx


async def take_resources(tx: Tx, limit: int) -> list[UUID]:
    """The resources of the oldest rows, each once, in order of id."""
    found = await tx.fetch(
        """
        DELETE FROM rematch WHERE id IN (
            SELECT id FROM rematch WHERE resource_id IS NOT NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING resource_id
        """,
        limit,
    )
    return sorted({row["resource_id"] for row in found})


async def take_request(tx: Tx) -> UUID | None:
    """The request of the oldest row."""
    request_id: UUID | None = await tx.fetchval(
        """
        DELETE FROM rematch WHERE id IN (
            SELECT id FROM rematch WHERE request_id IS NOT NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING request_id
        """
    )
    return request_id


async def put_begun(tx: Tx, now: datetime, limit: int) -> int:
    """Queue the resources of proposals whose period has begun, a batch at most; how many. One sweeper at a time."""
    if not await tx.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('pooling.begun'))"):
        return 0
    return len(
        await tx.fetch(
            """
            INSERT INTO rematch (resource_id)
            SELECT DISTINCT begun.resource_id FROM (
                SELECT resource_id FROM match WHERE status = 'proposed' AND lower(period) < $1
                ORDER BY lower(period) LIMIT $2
            ) AS begun
            WHERE NOT EXISTS (SELECT FROM rematch WHERE rematch.resource_id = begun.resource_id)
            RETURNING resource_id
            """,
            now,
            limit,
        )
    )
