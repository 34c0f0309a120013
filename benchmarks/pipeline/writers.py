"""Whether the relay slows down those who write: the same commits with the relay on and off, in turn."""

from dataclasses import dataclass, replace
from statistics import median
from zlib import crc32

from benchmarks.pipeline.children import answer_of
from benchmarks.pipeline.publish import relaying, until_published
from benchmarks.pipeline.report import Line, at_least
from benchmarks.pipeline.stand import Stand, opened
from chassis.db import Pool
from chassis.settings import DatabaseSettings

GROUP = "Writers"
WORKERS = 16
SECONDS, QUICK = 4.0, 1.0
PAIRS, QUICK_PAIRS = 7, 2
ENOUGH = 1_000_000
"""More events than can be committed in that time."""
WAYS = {"busy_handlers": "handlers' transactions", "busy_statements": "single statements"}


async def measure(stand: Stand) -> list[Line]:
    """Both ways to commit: pairs of which every other begins with the relay off; the median of their ratios."""
    lines: list[Line] = []
    topic, database = await stand.topic(), await stand.database()
    async with opened(database) as pool:
        for way in WAYS:
            lines += _lines(way, await _pairs(Ground(stand, topic, database, pool), way))
    return lines


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the writers write."""

    stand: Stand
    topic: str
    database: DatabaseSettings
    pool: Pool


async def _pairs(ground: Ground, way: str) -> list[dict[bool, float]]:
    stand, found = ground.stand, list[dict[bool, float]]()
    pairs = stand.size(PAIRS, QUICK_PAIRS)
    for number in range(pairs):
        rates: dict[bool, float] = {}
        for on in (True, False) if number % 2 else (False, True):
            relay = "on" if on else "off"
            stand.say(f"{WORKERS} writers, {WAYS[way]}, pair {number + 1} of {pairs}: relay {relay}")
            rates[on] = await _rate(ground, way, f"{way} {number} {relay}", on=on)
        found.append(rates)
    return found


async def _rate(ground: Ground, way: str, name: str, *, on: bool) -> float:
    """Commits per second. What was committed before is published before the clock runs, in both cases."""
    stand = ground.stand
    spec = replace(
        stand.spec(ground.topic, ENOUGH),
        seed=stand.seed + crc32(name.encode()),  # other aggregates each time
        database_url=ground.database.url.get_secret_value(),
        seconds=QUICK if stand.quick else SECONDS,
        workers=WORKERS,
    )
    async with relaying(stand, ground.database, ground.topic):
        await until_published(ground.pool, await ground.pool.fetchval("SELECT count(*) FROM outbox"))
        if on:
            answer = await answer_of(stand.folder, "writer", way, spec)
    if not on:
        answer = await answer_of(stand.folder, "writer", way, spec)
    return float(answer["count"] / answer["seconds"])


def _lines(way: str, found: list[dict[bool, float]]) -> list[Line]:
    ratios = sorted(rates[True] / rates[False] for rates in found)
    off, on = (median(rates[which] for rates in found) for which in (False, True))
    note = f"{off:,.0f} and {on:,.0f} commits/s; pairs from {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return [Line(GROUP, f"{WAYS[way]}, relay on ÷ off", median(ratios), "×", at_least(0.9), note)]
