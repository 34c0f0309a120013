"""A service of the benchmark's own, on the chassis alone: `python -m benchmarks.pipeline.service relay|consume`.

Its topic is named by `POLEPOOL_BENCH_TOPIC`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.payload import SERVICE, event_type
from chassis.consume import Delivery
from chassis.db import Tx
from chassis.process import Service, main
from chassis.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"


async def note(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """The effect: one row per event."""
    await tx.execute(
        "INSERT INTO effect (thing_id, version) SELECT * FROM unnest($1::uuid[], $2::bigint[])",
        [delivery.event.aggregate.id for delivery in deliveries],
        [delivery.event.aggregate.version for delivery in deliveries],
    )


def build() -> Service[ServiceSettings]:
    """The service."""
    topic = os.environ["POLEPOOL_BENCH_TOPIC"]
    return Service(settings=ServiceSettings, migrations=MIGRATIONS, handlers={topic: {event_type(topic): note}})


if __name__ == "__main__":
    main(SERVICE, build)
