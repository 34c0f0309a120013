"""The outbox: events written in the transaction that changes the state. Only the relay publishes them."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from chassis.db import Pool, Tx, is_transient, new_id
from chassis.telemetry import current_traceparent
from schemas.event import MAX_EVENT_BYTES, Event

CHANNEL = "polepool_outbox"
"""NOTIFY channel that tells the relay of committed events."""

PRUNED_AT_ONCE = 5000
"""Events."""

# Writers would pay for an index on the log's keys, so pruning remembers the latest of each among what it went over.
# It stops where an event isn't published, in whatever slot, or isn't old yet.
_PRUNE = """
    WITH pruned AS MATERIALIZED (
        SELECT position FROM outbox_pruned FOR UPDATE SKIP LOCKED
    ), bounds AS MATERIALIZED (
        SELECT (SELECT position FROM pruned) AS after, min(coalesce(
            (SELECT o.position FROM outbox o WHERE o.slot = c.slot AND o.position > c.position
                ORDER BY o.position LIMIT 1),
            (SELECT position + 1 FROM outbox_counter)
        )) AS before FROM outbox_cursor c
    ), next AS MATERIALIZED (
        SELECT position, key, topic, time FROM outbox
        WHERE position > (SELECT after FROM bounds) AND position < (SELECT before FROM bounds)
        ORDER BY position LIMIT $2
    ), old AS MATERIALIZED (
        SELECT position, key, topic FROM next WHERE position < coalesce(
            (SELECT min(position) FROM next WHERE time >= now() - $1::interval), (SELECT before FROM bounds)
        )
    ), latest AS MATERIALIZED (
        SELECT key, topic, max(position) AS position FROM old GROUP BY key, topic
    ), replaced AS (
        INSERT INTO outbox_latest AS kept (key, topic, position) SELECT key, topic, position FROM latest
        ON CONFLICT (key, topic) DO UPDATE SET position = excluded.position
        RETURNING old.position
    ), moved AS (
        UPDATE outbox_pruned SET position = (SELECT max(position) FROM old) WHERE EXISTS (SELECT FROM old)
    ), gone AS (
        DELETE FROM outbox WHERE position = ANY (ARRAY(
            SELECT position FROM old WHERE position NOT IN (SELECT position FROM latest)
            UNION ALL SELECT position FROM replaced WHERE position IS NOT NULL
        )) RETURNING 1
    )
    SELECT (SELECT count(*) FROM old) AS seen, (SELECT count(*) FROM gone) AS gone
"""

log = structlog.get_logger(__name__)


class Columns(NamedTuple):
    """Parallel arrays for `unnest`: what `append` inserts, for those who write state and outbox in one statement."""

    event_ids: list[UUID]
    topics: list[str]
    types: list[str]
    keys: list[UUID]
    data: list[str]
    traceparents: list[str | None]


def columns(events: Iterable[Event]) -> Columns:
    """The outbox columns (event_id, topic, type, key, data, traceparent) of these events, with new ids.

    Raises `ValueError` when an event is larger than `MAX_EVENT_BYTES`.
    """
    listed = list(events)
    traceparent = current_traceparent() or None
    return Columns(
        [new_id() for _ in listed],
        [event.TOPIC for event in listed],
        [event.TYPE for event in listed],
        [event.aggregate.id for event in listed],
        [_data(event) for event in listed],
        [traceparent for _ in listed],
    )


def _data(event: Event) -> str:
    data = event.data()
    if len(data) > MAX_EVENT_BYTES:
        raise ValueError(f"{event.TYPE} {event.aggregate.id} is {len(data)} bytes, more than {MAX_EVENT_BYTES}")
    return data.decode()


async def append(tx: Tx, events: Iterable[Event]) -> None:
    """Add events to the outbox, in this order: the last thing in a handler, after the aggregate's row is locked."""
    new = columns(events)
    if not new.event_ids:
        return
    await tx.execute(
        """
        INSERT INTO outbox (event_id, topic, type, key, data, traceparent)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
        """,
        *new,
    )


async def prune(pool: Pool, keep: timedelta) -> int:
    """Remove published events older than `keep` that a later one of their aggregate replaces; how many went.

    The last event of an aggregate stays, however old, so that the log can make everything known again. Goes over the
    log once, some thousands of events at a time, oldest first; while another prunes, there is nothing to do.
    """
    total = 0
    while True:
        row = await pool.fetchrow(_PRUNE, keep, PRUNED_AT_ONCE)
        assert row is not None  # noqa: S101 - an aggregate always gives a row
        total += int(row["gone"])
        if row["seen"] < PRUNED_AT_ONCE:
            return total


class Bell:
    """Wakes the relay with one NOTIFY for all commits of some milliseconds; of more, the faster they come."""

    REST_PER_RING = 0.001  # seconds: above a thousand commits per second rests grow, and the relay is awake anyway
    SHORTEST_REST, LONGEST_REST = 0.003, 0.024

    def __init__(self) -> None:
        self.sequencer_here: asyncio.Event | None = None
        self._rings = 0
        self._ringing: asyncio.Task[None] | None = None

    def ring(self, pool: Pool) -> None:
        """Wake the sequencer, wherever it is; returns at once."""
        if self.sequencer_here is not None:
            self.sequencer_here.set()
            return
        self._rings += 1
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.get_running_loop().create_task(self._notify(pool))

    async def _notify(self, pool: Pool) -> None:
        while self._rings:
            rest = min(max(self._rings * self.REST_PER_RING, self.SHORTEST_REST), self.LONGEST_REST)
            self._rings = 0
            try:
                await pool.execute(f"NOTIFY {CHANNEL}")
            except Exception as error:
                if not is_transient(error):
                    raise
                log.debug("could not wake the relay; it polls", error=str(error))
            await asyncio.sleep(rest)


_bells: dict[Pool, Bell] = {}


def bell(pool: Pool) -> Bell:
    """The bell of this process and pool; a sequencer in the process sets `sequencer_here` to be woken directly."""
    if pool not in _bells:
        for closed in [other for other in _bells if other.is_closing()]:  # a pool can't be referenced weakly
            del _bells[closed]
        _bells[pool] = Bell()
    return _bells[pool]


def wake(pool: Pool) -> None:
    """Tell the relay that events were committed; returns at once. A lost wake-up costs the relay's poll interval.

    Call it after the commit, never inside: NOTIFY takes one global lock at commit.
    """
    bell(pool).ring(pool)
