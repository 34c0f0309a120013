"""How the relays of a service share the slots: each holds its part of the locks, and takes over those of the dead."""

from collections.abc import Iterable, Mapping
from math import ceil

from chassis.db import Pool, Tx
from chassis.relay.parts import ALIVE, FIRST_SLOT, LOCKS, SLOTS, try_lock, unlock


async def announce(connection: Tx) -> None:
    """Be counted among the relays for as long as the connection lives."""
    await connection.fetchval("SELECT pg_advisory_lock_shared($1, $2)", LOCKS, ALIVE)


async def share(connection: Tx, held: Iterable[int]) -> set[int]:
    """Leave slots held beyond this relay's part, or take free ones up to it; the slots held now."""
    fair = ceil(SLOTS / max(await relays(connection), 1))
    mine = set(held)
    for slot in sorted(mine)[fair:]:
        await unlock(connection, FIRST_SLOT + slot)
        mine.remove(slot)
    for slot in range(SLOTS):
        if slot not in mine and len(mine) < fair and await try_lock(connection, FIRST_SLOT + slot):
            mine.add(slot)
    return mine


async def relays(database: Tx | Pool) -> int:
    """How many relays of the service are at work, in whatever process."""
    count: int = await database.fetchval(
        """
        SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = $1::bigint::oid AND objid = $2::bigint::oid AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        LOCKS,
        ALIVE,
    )
    return count


async def cursors(connection: Tx, slots: Iterable[int]) -> dict[int, int]:
    """Up to which position each of the slots is published."""
    rows = await connection.fetch(
        "SELECT slot, position FROM outbox_cursor WHERE slot = ANY ($1::smallint[])", list(slots)
    )
    return {row["slot"]: row["position"] for row in rows}


async def move(connection: Tx, spans: Mapping[int, tuple[int, int]]) -> set[int]:
    """Move cursors from where they were to where the broker acknowledged; the slots whose cursor was moved.

    A cursor that isn't where it was has been set back meanwhile; it stays there.
    """
    rows = await connection.fetch(
        """
        UPDATE outbox_cursor AS cursor SET position = span.upto
        FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS span (slot, before, upto)
        WHERE cursor.slot = span.slot AND cursor.position = span.before
        RETURNING cursor.slot
        """,
        list(spans),
        [before for before, _ in spans.values()],
        [upto for _, upto in spans.values()],
    )
    return {row["slot"] for row in rows}


async def set_back(connection: Tx, slot: int, position: int) -> None:
    """Have a slot published again from after this position."""
    await connection.execute("UPDATE outbox_cursor SET position = least(position, $2) WHERE slot = $1", slot, position)
