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
    """Remove published events older than `keep`, some thousands at a time, oldest first; how many went."""
    total = 0
    while True:
        gone = await pool.fetch(
            """
            DELETE FROM outbox AS event USING outbox_cursor AS cursor
            WHERE event.id IN (SELECT id FROM outbox WHERE position IS NOT NULL ORDER BY position LIMIT 5000)
                AND event.time < now() - $1::interval AND event.slot = cursor.slot AND event.position <= cursor.position
            RETURNING 1
            """,
            keep,
        )
        total += len(gone)
        if len(gone) < 5000:
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
