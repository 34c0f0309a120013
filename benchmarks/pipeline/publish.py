"""From a committed outbox to Kafka, beside producers that have their records ready in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter

from benchmarks.pipeline.children import Child, answer_of
from benchmarks.pipeline.payload import events
from benchmarks.pipeline.report import Line, at_least
from benchmarks.pipeline.stand import Stand, opened
from chassis import outbox
from chassis.db import Pool, transaction
from chassis.settings import DatabaseSettings
from chassis.testing import eventually

GROUP = "Publishing"
EVENTS, QUICK = 50_000, 10_000
ROUNDS, QUICK_ROUNDS = 5, 1
POLL = 0.01
"""Seconds between two looks at the relay's cursors."""
DRAINED = """
    SELECT (SELECT position FROM outbox_counter) = $1 AND NOT EXISTS (
        SELECT FROM outbox_cursor AS cursor WHERE EXISTS (
            SELECT FROM outbox WHERE outbox.slot = cursor.slot AND outbox.position > cursor.position))
"""


async def measure(stand: Stand) -> list[Line]:
    """Rates of the three in turn, several rounds; medians."""
    count, rounds = stand.size(EVENTS, QUICK), stand.size(ROUNDS, QUICK_ROUNDS)
    raw, framework, ours = [], [], []
    for number in range(rounds):
        stand.say(f"publishing {count:,} events, round {number + 1} of {rounds}: raw aiokafka")
        raw.append(await _peer(stand, "raw_produce", count))
        stand.say(f"publishing {count:,} events, round {number + 1} of {rounds}: FastStream")
        framework.append(await _peer(stand, "faststream_publish", count))
        stand.say(f"publishing {count:,} events, round {number + 1} of {rounds}: the relay")
        ours.append(await _relay(stand, count))
    rates = [median(each["rate"] for each in some) for some in (raw, framework, ours)]
    cpu = [median(each["cpu"] for each in some) / count * 1e6 for some in (raw, framework, ours)]
    ratios = [[o["rate"] / p["rate"] for o, p in zip(ours, peer, strict=True)] for peer in (framework, raw)]
    return [
        Line(GROUP, "raw aiokafka, record batches", rates[0], "events/s", note=f"{cpu[0]:.0f} µs CPU per event"),
        Line(GROUP, "FastStream, pipelined", rates[1], "events/s", note=f"{cpu[1]:.0f} µs CPU per event"),
        Line(GROUP, "relay, from the outbox", rates[2], "events/s", note=f"{cpu[2]:.0f} µs CPU per event"),
        Line(GROUP, "relay ÷ FastStream", median(ratios[0]), "×", at_least(2.0)),
        Line(GROUP, "relay ÷ raw", median(ratios[1]), "×", at_least(0.2)),
        Line(GROUP, "CPU per event, relay process", cpu[2], "µs"),
        Line(GROUP, "CPU per event, PostgreSQL for it", median(e["database"] for e in ours) / count * 1e6, "µs"),
        Line(GROUP, "CPU per event, Kafka for it", median(e["broker"] for e in ours) / count * 1e6, "µs"),
    ]


async def _peer(stand: Stand, name: str, count: int) -> dict[str, float]:
    topic = await stand.topic()
    answer = await answer_of(stand.folder, "peers", name, stand.spec(topic, count))
    return {**answer, "rate": count / answer["seconds"]}


async def _relay(stand: Stand, count: int) -> dict[str, float]:
    topic, database = await stand.topic(), await stand.database()
    async with opened(database) as pool, relaying(stand, database, topic) as relay:
        await say(pool, topic, 1, stand.seed + 1)  # its producer is connected from now on
        await until_published(pool, 1)
        cpu = relay.cpu()
        began = await say(pool, topic, count, stand.seed)
        servers = stand.servers_cpu()
        await until_published(pool, count + 1)
        took = perf_counter() - began
        after = stand.servers_cpu()
        answer = {"rate": count / took, "cpu": relay.cpu() - cpu, "rss": relay.rss()}
    return {**answer, "database": after[0] - servers[0], "broker": after[1] - servers[1]}


@asynccontextmanager
async def relaying(stand: Stand, database: DatabaseSettings, topic: str) -> AsyncIterator[Child]:
    """A relay process at work."""
    relay = stand.service("relay", database, topic)
    try:
        await relay.until_started()
        yield relay
    finally:
        await asyncio.shield(relay.stop())


async def say(pool: Pool, topic: str, count: int, seed: int) -> float:
    """Commit events in one transaction, and wake the relay; when it was committed."""
    listed = list(events(topic, count, seed))
    async with transaction(pool) as tx:
        await outbox.append(tx, listed)
    outbox.wake(pool)
    return perf_counter()


async def until_published(pool: Pool, count: int) -> None:
    """Wait until the broker has so many events, all that there are."""

    async def drained() -> bool:
        return bool(await pool.fetchval(DRAINED, count))

    await eventually(drained, 300, POLL)


async def fill(stand: Stand, topic: str, count: int) -> None:
    """Have the topic hold so many events, as the relay would write them."""
    await answer_of(stand.folder, "peers", "raw_produce", stand.spec(topic, count))
