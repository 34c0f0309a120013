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

WRITERS = "SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot())"

# After a batch the sequencer rests, much longer the more events come: a few are told at once; when writers are busy,
# batches grow and leave them the processor, since a batch costs as much as thirty events or so. 1 ms at 200 events/s,
# 20 ms at 2,000/s, 70 ms at 3,000/s. How many transactions are open that have written tells whether writers wait for
# the processor, however fast it is: one and a half are open where it can do no more, hardly one where it keeps pace;
# the fifth power tells the two apart. A full batch means a backlog: no rest at all.
REST_PER_RATE_CUBED = 2.5e-12  # seconds, per cube of events per second
WAITING_WRITERS = 1.4  # open transactions for which the sequencer rests longest
SHORTEST_REST, LONGEST_REST = 0.001, 0.2  # seconds
MANY = 500.0
"""Events per second from which writers are counted, which costs a round trip."""
RATE_AVERAGED, WRITERS_AVERAGED = 0.1, 1.5
"""Seconds over which they are averaged; writers are seen once in a batch only, and a burst isn't a load."""

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
    poll, rate, writers, looked = SHORTEST_POLL, 0.0, 0.0, clock()
    while not relay.stop.is_set():
        relay.committed.clear()
        given = await run_once(connection)
        now = clock()
        seconds, looked = now - looked, now
        rate = averaged(rate, given / max(seconds, 1e-6), seconds / RATE_AVERAGED)
        if not given:
            await nap(relay.committed, poll)
            poll = min(poll * 2, LONGEST_POLL)
            continue
        poll = SHORTEST_POLL
        relay.positioned.set()
        if len(relay.slots) < SLOTS:
            await connection.execute(f"NOTIFY {POSITIONED}")
        if given < BATCH:
            open_now = await connection.fetchval(WRITERS) if rate > MANY else 0
            writers = averaged(writers, open_now, seconds / WRITERS_AVERAGED)
            await asyncio.sleep(rest(rate, writers))
            await nap(relay.committed, SHORTEST_POLL)


def averaged(before: float, now: float, share: float) -> float:
    """An exponential moving average: what is now, and was for so much of the time over which it is averaged."""
    kept = exp(-share)
    return before * kept + now * (1 - kept)


def rest(rate: float, writers: float) -> float:
    """Seconds to rest after a batch, at so many events per second and so many open transactions."""
    seconds = REST_PER_RATE_CUBED * rate**3 + LONGEST_REST * (writers / WAITING_WRITERS) ** 5
    return min(max(seconds, SHORTEST_REST), LONGEST_REST)


async def run_once(connection: Tx) -> int:
    """Give the next committed events their positions; how many got one, at most `BATCH`."""
    given: int = await connection.fetchval(SEQUENCE, BATCH)
    return given
