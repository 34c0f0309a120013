"""From a commit to the commit of its effect: writer, relay and consumer as three processes.

Both times are PostgreSQL's own commit times, so no clock of ours and no look at the database is in the figures.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from statistics import quantiles
from uuid import UUID

from benchmarks.pipeline.children import Child, answer_of
from benchmarks.pipeline.consumption import consuming, until_effects
from benchmarks.pipeline.publish import relaying, say
from benchmarks.pipeline.report import Goal, Line, at_most
from benchmarks.pipeline.stand import Stand, opened
from chassis.db import Pool
from chassis.settings import DatabaseSettings

SECONDS, QUICK = 20, 3
WARM_UP = 0.1
"""The share of the events, from the first, that isn't counted."""
GOALS: dict[int, tuple[Goal | None, Goal | None]] = {
    200: (at_most(8.0), at_most(20.0)),
    2_000: (None, at_most(60.0)),
}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A service that publishes and one that consumes, each with its database."""

    topic: str
    source: DatabaseSettings
    written: Pool
    effected: Pool
    relay: Child
    consumer: Child


@asynccontextmanager
async def pipeline(stand: Stand) -> AsyncIterator[Pipeline]:
    """Both at work, and one event has come through."""
    topic, source, target = await stand.topic(), await stand.database(), await stand.database()
    async with (
        opened(source) as written,
        opened(target) as effected,
        relaying(stand, source, topic) as relay,
        consuming(stand, target, topic) as consumer,
    ):
        await say(written, topic, 1, stand.seed + 1)
        await until_effects(effected, 1)
        yield Pipeline(topic, source, written, effected, relay, consumer)


async def measure(stand: Stand) -> list[Line]:
    """The distribution at each rate."""
    lines: list[Line] = []
    for rate, goals in GOALS.items():
        lines += await _at(stand, rate, goals)
    return lines


async def _at(stand: Stand, rate: int, goals: tuple[Goal | None, Goal | None]) -> list[Line]:
    seconds = stand.size(SECONDS, QUICK)
    count = rate * seconds
    stand.say(f"latency at {rate:,} events/s for {seconds} s")
    async with pipeline(stand) as ours:
        beside = {
            "relay": ours.relay.process.pid,
            "consumer": ours.consumer.process.pid,
            "PostgreSQL": stand.postgres.pid,
            "Kafka": stand.kafka.pid,
        }
        spec = replace(
            stand.spec(ours.topic, count),
            database_url=ours.source.url.get_secret_value(),
            rate=float(rate),
            beside=beside,
        )
        writer = await answer_of(stand.folder, "writer", "paced", spec)
        await until_effects(ours.effected, count + 1)
        waits = await _waits(ours)
    shares = quantiles(waits[int(len(waits) * WARM_UP) :], n=1000)
    group = f"Commit to effect at {rate:,}/s"
    return [
        Line(group, "p50", shares[499], "ms", goals[0]),
        Line(group, "p90", shares[899], "ms"),
        Line(group, "p99", shares[989], "ms", goals[1]),
        Line(group, "p99.9", shares[998], "ms"),
        Line(group, "longest", max(waits), "ms"),
        Line(group, "rate that the writer kept", count / writer["seconds"], "events/s"),
        Line(group, "CPU per event, writer", writer["cpu"] / count * 1e6, "µs"),
        *(Line(group, f"CPU per event, {name}", writer[name] / count * 1e6, "µs") for name in beside),
    ]


async def _waits(ours: Pipeline) -> list[float]:
    """Milliseconds that each event took, in order of commit."""
    written = await _commits(ours.written, "SELECT id, pg_xact_commit_timestamp(xmin) AS at FROM thing ORDER BY at")
    effected = await _commits(ours.effected, "SELECT thing_id AS id, pg_xact_commit_timestamp(xmin) AS at FROM effect")
    return [(effected[thing] - at) * 1000 for thing, at in written.items()]


async def _commits(pool: Pool, query: str) -> dict[UUID, float]:
    return {row["id"]: row["at"].timestamp() for row in await pool.fetch(query)}
