"""The sequencer: gives committed events their gapless position, in batches, one for the whole service.

Rows are taken by `position IS NULL`, never by `id > last seen`: a transaction that commits late has low ids.
"""

import asyncio
from functools import partial
from math import exp

from chassis.db import Connection, Tx
from chassis.outbox import CHANNEL
from chassis.relay.parts import LOOK, POSITIONED, SEQUENCER, SLOTS, Relay, nap, sessions, try_lock

BATCH = 2000

# The ids are looked up as one array, never joined: with the statistics of a table whose events nearly all have a
# position, the planner compares each waiting event with each of the batch. width_bucket is the place in a sorted array.
SEQUENCE = """
    WITH batch AS MATERIALIZED (
        SELECT array_agg(id ORDER BY id) AS ids
        FROM (SELECT id FROM outbox WHERE position IS NULL ORDER BY id LIMIT $1) AS waiting
    ), counter AS (
        UPDATE outbox_counter SET position = position + cardinality((SELECT ids FROM batch))
        WHERE (SELECT ids FROM batch) IS NOT NULL
        RETURNING position - cardinality((SELECT ids FROM batch)) AS before
    ), given AS (
        UPDATE outbox SET position = (SELECT before FROM counter) + width_bucket(id, (SELECT ids FROM batch))
        WHERE id = ANY ((SELECT ids FROM batch)::bigint[]) AND position IS NULL
        RETURNING 1
    )
    SELECT count(*) FROM given
"""

# After a batch the sequencer rests, much longer the more events come: a few are told at once; when writers are busy,
# batches grow and leave them the processor, since a batch costs as much as thirty events or so. 1 ms at 200 events/s,
# 20 ms at 2,000/s, 70 ms at 3,000/s. A full batch means a backlog: no rest at all.
REST_PER_RATE_CUBED = 2.5e-12  # seconds, per cube of events per second
SHORTEST_REST, LONGEST_REST = 0.001, 0.2  # seconds
AVERAGED = 0.1
"""Seconds over which the rate of events is averaged."""

# Seconds between two polls for which nobody rang; they grow while nothing comes.
SHORTEST_POLL, LONGEST_POLL = 0.005, 0.1


async def run(relay: Relay) -> None:
    """Be the service's sequencer whenever nobody else is."""
    try:
        await sessions(relay, {}, partial(_session, relay))
    finally:
        relay.bell.sequencer_here = None


async def _session(relay: Relay, connection: Connection) -> None:
    while not await try_lock(connection, SEQUENCER):
        await nap(relay.stop, LOOK)
        if relay.stop.is_set():
            return
    await connection.add_listener(CHANNEL, lambda *_: relay.committed.set())
    relay.bell.sequencer_here = relay.committed
    try:
        await _sequence(relay, connection)
    finally:
        relay.bell.sequencer_here = None


async def _sequence(relay: Relay, connection: Connection) -> None:
    clock = asyncio.get_running_loop().time
    poll, rate, looked = SHORTEST_POLL, 0.0, clock()
    while not relay.stop.is_set():
        relay.committed.clear()
        given = await run_once(connection)
        now = clock()
        rate, looked = averaged(rate, given, now - looked), now
        if not given:
            await nap(relay.committed, poll)
            poll = min(poll * 2, LONGEST_POLL)
            continue
        poll = SHORTEST_POLL
        relay.positioned.set()
        if len(relay.slots) < SLOTS:
            await connection.execute(f"NOTIFY {POSITIONED}")
        if given < BATCH:
            await asyncio.sleep(min(max(rate**3 * REST_PER_RATE_CUBED, SHORTEST_REST), LONGEST_REST))
            await nap(relay.committed, SHORTEST_POLL)


def averaged(rate: float, events: int, seconds: float) -> float:
    """The rate, in events per second, when so many more came within so many seconds: an exponential moving average."""
    kept = exp(-seconds / AVERAGED)
    return rate * kept + events / max(seconds, 1e-6) * (1 - kept)


async def run_once(connection: Tx) -> int:
    """Give the next committed events their positions; how many got one, at most `BATCH`."""
    given: int = await connection.fetchval(SEQUENCE, BATCH)
    return given
