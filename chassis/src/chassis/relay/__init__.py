"""The relay: gives committed events their position, and publishes them to Kafka in that order per slot of keys.

One sequencer per service and one publisher per slot, whatever the number of processes: advisory locks see to it.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from functools import partial

from chassis.db import Pool
from chassis.outbox import bell, prune
from chassis.relay import gauges, publisher, sequencer
from chassis.relay.parts import Relay, every
from chassis.settings import DatabaseSettings, KafkaSettings

__all__ = ["gauges", "run"]

PRUNE_INTERVAL = 3600.0
"""Seconds."""


async def run(
    pool: Pool, database: DatabaseSettings, kafka: KafkaSettings, *, source: str, stop: asyncio.Event
) -> None:
    """Relay until `stop` is set, then finish what is in flight (at most some seconds) and return.

    `source` is the CloudEvents source, like "/polepool/pooling". Heals by itself when the database or the broker goes
    away and returns. Run it in as many processes as wanted: they share the slots, and take over from each other.
    """
    relay = Relay(database, kafka, source, stop, bell(pool))
    async with asyncio.TaskGroup() as group:
        group.create_task(_lasting(sequencer.run(relay), stop))
        group.create_task(_lasting(publisher.run(relay), stop))
        keep = timedelta(days=database.keep_events_days)
        pruning = group.create_task(every(PRUNE_INTERVAL, stop, partial(prune, pool, keep)))
        await stop.wait()
        pruning.cancel()  # wherever it is: each portion is a statement of its own
        relay.committed.set()
        relay.positioned.set()


async def _lasting(loop: Coroutine[object, object, None], stop: asyncio.Event) -> None:
    """Run a loop that must not end before it is told to, not even by a cancellation from inside a library."""
    task = asyncio.current_task()
    try:
        await loop
    except asyncio.CancelledError:
        if task is None or task.cancelling():
            raise
    if not stop.is_set():
        raise RuntimeError("a loop of the relay ended by itself")
