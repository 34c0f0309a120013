"""What is to be matched anew: rows that other statements leave behind, taken here by the sweeper.

What is taken is gone once the transaction commits; what another sweeper has is skipped.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from chassis.db import Tx

BEGUN = """
    INSERT INTO rematch (resource_id)
    SELECT DISTINCT begun.resource_id FROM (
        SELECT resource_id FROM match WHERE status = 'proposed' AND begins < $1 ORDER BY begins LIMIT $2
    ) AS begun
    WHERE NOT EXISTS (SELECT FROM rematch WHERE rematch.resource_id = begun.resource_id)
    RETURNING resource_id
"""


async def take_resources(tx: Tx, limit: int) -> dict[UUID, UUID]:
    """The resources of the oldest rows, each once, in order of id; with each the id of the last line looked at."""
    found = await tx.fetch(
        """
        DELETE FROM rematch WHERE id IN (
            SELECT id FROM rematch WHERE resource_id IS NOT NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING resource_id, after_line
        """,
        limit,
    )
    # Descending, so that of a resource's rows the one that looks at most lines comes last and stays.
    rows = sorted(((row["resource_id"], row["after_line"]) for row in found), reverse=True)
    return dict(sorted(dict(rows).items()))


async def put_back(tx: Tx, resources: Mapping[UUID, UUID]) -> None:
    """Queue these resources for their lines after the given ones."""
    await tx.execute(
        "INSERT INTO rematch (resource_id, after_line) SELECT * FROM unnest($1::uuid[], $2::uuid[])",
        list(resources.keys()),
        list(resources.values()),
    )


async def put_requests(tx: Tx, request_ids: Collection[UUID]) -> None:
    """Queue those of these requests that are open."""
    await tx.execute(
        "INSERT INTO rematch (request_id) SELECT id FROM request WHERE id = ANY($1) AND status = 'open'",
        list(request_ids),
    )


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
    return len(await tx.fetch(BEGUN, now, limit))
