"""From a topic that holds many events to their effects in the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from statistics import median
from time import perf_counter

from benchmarks.pipeline.children import Child, answer_of
from benchmarks.pipeline.publish import fill
from benchmarks.pipeline.report import Line, at_least
from benchmarks.pipeline.stand import Stand, opened
from chassis.db import Pool
from chassis.settings import DatabaseSettings
from chassis.testing import eventually

GROUP = "Consuming"
EVENTS, QUICK = 50_000, 10_000
ONE_BY_ONE, QUICK_ONE_BY_ONE = 5_000, 1_500
"""FastStream gets fewer events: its rate doesn't depend on how many there are."""
ROUNDS, QUICK_ROUNDS = 5, 1
POLL = 0.01


async def measure(stand: Stand) -> list[Line]:
    """Rates of the three in turn, several rounds; medians."""
    count, rounds = stand.size(EVENTS, QUICK), stand.size(ROUNDS, QUICK_ROUNDS)
    raw, framework, ours = [], [], []
    for number in range(rounds):
        of = f"round {number + 1} of {rounds}"
        stand.say(f"consuming {count:,} events, {of}: raw aiokafka")
        raw.append(await _raw(stand, count))
        stand.say(f"consuming {stand.size(ONE_BY_ONE, QUICK_ONE_BY_ONE):,} events, {of}: FastStream one by one")
        framework.append(await _one_by_one(stand, stand.size(ONE_BY_ONE, QUICK_ONE_BY_ONE)))
        stand.say(f"consuming {count:,} events, {of}: chassis.consume")
        ours.append(await _ours(stand, count))
    rates = [median(each["rate"] for each in some) for some in (raw, framework, ours)]
    cpu = [median(each["cpu"] for each in some) * 1e6 for some in (raw, framework, ours)]
    ratio = median(o["rate"] / p["rate"] for o, p in zip(ours, framework, strict=True))
    return [
        Line(GROUP, "raw aiokafka, getmany, no effect", rates[0], "events/s", note=f"{cpu[0]:.0f} µs CPU per event"),
        Line(GROUP, "FastStream, one by one", rates[1], "events/s", note=f"{cpu[1]:.0f} µs CPU per event"),
        Line(GROUP, "ours, inbox and a row each", rates[2], "events/s", note=f"{cpu[2]:.0f} µs CPU per event"),
        Line(GROUP, "ours ÷ FastStream", ratio, "×", at_least(10.0)),
        Line(GROUP, "CPU per event, consumer process", cpu[2], "µs"),
        Line(GROUP, "CPU per event, PostgreSQL for it", median(e["database"] for e in ours) * 1e6, "µs"),
        Line(GROUP, "CPU per event, Kafka for it", median(e["broker"] for e in ours) * 1e6, "µs"),
    ]


async def _raw(stand: Stand, count: int) -> dict[str, float]:
    topic = await stand.topic()
    await fill(stand, topic, count)
    return _rated(await answer_of(stand.folder, "peers", "raw_consume", stand.spec(topic, count)))


async def _one_by_one(stand: Stand, count: int) -> dict[str, float]:
    topic, database = await stand.topic(), await stand.database()
    await fill(stand, topic, count)
    spec = replace(stand.spec(topic, count), database_url=database.url.get_secret_value())
    return _rated(await answer_of(stand.folder, "peers", "faststream_consume", spec))


def _rated(answer: dict[str, float]) -> dict[str, float]:
    return {"rate": answer["count"] / answer["seconds"], "cpu": answer["cpu"] / answer["count"]}


async def _ours(stand: Stand, count: int) -> dict[str, float]:
    """The clock runs from the first batch seen committed to the last."""
    topic, database = await stand.topic(), await stand.database()
    await fill(stand, topic, count)
    async with opened(database) as pool, consuming(stand, database, topic) as consumer:
        await until_effects(pool, 1)
        first, cpu, servers, began = await effects(pool), consumer.cpu(), stand.servers_cpu(), perf_counter()
        await until_effects(pool, count)
        seconds = perf_counter() - began
        used, after = consumer.cpu() - cpu, stand.servers_cpu()
        assert await pool.fetchval("SELECT count(DISTINCT thing_id) FROM effect") == count, "not each event once"
    did = count - first
    return {
        "rate": did / seconds,
        "cpu": used / did,
        "database": (after[0] - servers[0]) / did,
        "broker": (after[1] - servers[1]) / did,
    }


@asynccontextmanager
async def consuming(stand: Stand, database: DatabaseSettings, topic: str) -> AsyncIterator[Child]:
    """A consumer process at work."""
    consumer = stand.service("consume", database, topic)
    try:
        await consumer.until_subscribed()
        yield consumer
    finally:
        await asyncio.shield(consumer.stop())


async def effects(pool: Pool) -> int:
    """How many effects are committed; nothing is rolled back here, so the last one's number tells."""
    return int(await pool.fetchval("SELECT coalesce(max(number), 0) FROM effect"))


async def until_effects(pool: Pool, count: int) -> None:
    """Wait for so many effects."""

    async def there() -> bool:
        return await effects(pool) >= count

    await eventually(there, 300, POLL)
