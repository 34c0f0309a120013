"""Resident memory of the relay and of the consumer, and whether it grows while 200,000 events pass."""

import asyncio
from dataclasses import replace

from benchmarks.pipeline.children import answer_of
from benchmarks.pipeline.consumption import effects
from benchmarks.pipeline.latency import Pipeline, pipeline
from benchmarks.pipeline.report import Line, at_most
from benchmarks.pipeline.stand import Stand

GROUP = "Memory"
EVENTS, QUICK = 200_000, 20_000
WARM = 0.1
"""The share of the events after which caches are full: growth counts from there."""
FLAT = 8.0
"""MB of growth over all the rest that still count as flat."""
LOOK = 0.2

Sample = tuple[int, float, float]
"""Events consumed so far; MB of the relay, of the consumer."""


async def measure(stand: Stand) -> list[Line]:
    """Let the events pass as fast as they go."""
    count = stand.size(EVENTS, QUICK)
    stand.say(f"memory while {count:,} events pass")
    async with pipeline(stand) as ours:
        spec = replace(stand.spec(ours.topic, count), database_url=ours.source.url.get_secret_value())
        writing = asyncio.create_task(answer_of(stand.folder, "writer", "bulk", spec))
        samples = await _watch(ours, count + 1)
        await writing
    warm = next(sample for sample in samples if sample[0] >= count * WARM)
    lines: list[Line] = []
    for place, name in ((1, "relay"), (2, "consumer")):
        sizes = [sample[place] for sample in samples]
        note = f"from {warm[place]:.1f} MB after {warm[0]:,} events to {sizes[-1]:.1f} MB after {count:,}"
        lines.append(Line(GROUP, f"{name}, most", max(sizes), "MB", at_most(150.0)))
        lines.append(Line(GROUP, f"{name}, growth", sizes[-1] - warm[place], "MB", at_most(FLAT), note))
    return lines


async def _watch(ours: Pipeline, count: int) -> list[Sample]:
    samples: list[Sample] = []
    async with asyncio.timeout(600):
        while not samples or samples[-1][0] < count:
            await asyncio.sleep(LOOK)
            samples.append((await effects(ours.effected), ours.relay.rss(), ours.consumer.rss()))
    return samples
