"""`python -m benchmarks.matching.indexing RESOURCES SEED ANSWER.json`: one request at a time, from the index.

Resources all over France, of four kinds, with a booking each; lines look for their best ten, within some
distance or everywhere, which is at every resource. Timed by the processor, in milliseconds: medians, and 99 of a
hundred are quicker than the other figure.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from pooling.matching.index import Index
from pooling.matching.problem import Busy, Line, Price, Resource

DAY = 1440
KINDS = ("vehicle", "premises", "staff", "equipment")
FEATURES = ("ramp", "electric", "tow bar", "wifi", "kitchen")
QUERIES = 300
CHANGES = 5_000
REACHES = {"within 10 km": 10.0, "within 30 km": 30.0, "within 100 km": 100.0, "anywhere": None}


def measure(resources: int, seed: int) -> dict[str, float]:
    """Milliseconds by what was done, and the seconds that making the index took."""
    chance = Random(seed)  # noqa: S311 - the same on every machine
    index, offers = Index(2 * resources), [resource(at, chance) for at in range(resources)]
    began = time.process_time()
    for offer in offers:
        index.offer(offer)
    found = {"made_seconds": time.process_time() - began}
    bookings = [booking(chance, resources) for _ in range(resources)]
    for busy in bookings:
        index.book(busy)
    index.ranked(line(chance, 1.0), "p1", 45)
    for name, reach in REACHES.items():
        lines = [line(chance, reach) for _ in range(QUERIES)]
        found |= timed(f"ten best {name}", [partial(index.ranked, each, "p1", 45) for each in lines])
    changes = chance.sample(range(resources), CHANGES)
    found |= timed("booking", [partial(index.book, booking(chance, resources)) for _ in changes])
    found |= timed("booking taken back", [partial(index.release, busy) for busy in bookings[:CHANGES]])
    found |= timed("changed offer", [partial(index.offer, resource(at, chance)) for at in changes])
    found |= timed("withdrawal", [partial(index.withdraw, f"r{at}") for at in changes])
    found |= timed("offer", [partial(index.offer, resource(at, chance)) for at in changes])
    return found


def resource(at: int, chance: Random) -> Resource:
    """A resource somewhere in France, free on some days of a week."""
    return Resource(
        f"r{at}", chance.choice(KINDS), ("p1", f"p{chance.randrange(2, 60)}"),
        (chance.uniform(42.5, 51.0), chance.uniform(-4.5, 8.0)), chance.choice((1, 1, 1, 4)),
        frozenset(chance.sample(FEATURES, 2)), {"seats": float(chance.randrange(1, 10))},
        tuple((day * DAY + 480, day * DAY + 1140) for day in range(7) if chance.random() < 0.6),
        (15, 15), Price(chance.randrange(2000), chance.randrange(800)),
    )  # fmt: skip


def booking(chance: Random, resources: int) -> Busy:
    """Some hours of a day, on any resource."""
    start = chance.randrange(7) * DAY + chance.randrange(480, 900, 15)
    return Busy(f"r{chance.randrange(resources)}", start, start + chance.randrange(60, 300, 15))


def line(chance: Random, reach: float | None) -> Line:
    """Two hours, at a fixed time or within four hours."""
    start = chance.randrange(7) * DAY + chance.randrange(480, 780, 15)
    return Line(
        "line", chance.choice(KINDS), 20_000, 120, (start, start + chance.choice((0, 240))),
        at=(chance.uniform(43.5, 50.0), chance.uniform(-2.0, 7.0)), max_km=reach,
        features=frozenset({chance.choice(FEATURES)}), at_least={"seats": 4.0}, prefers={"electric": 300},
    )  # fmt: skip


def timed(name: str, actions: list[Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of processor of the median and of the 99th percentile."""
    taken = []
    for action in actions:
        began = time.process_time()
        action()
        taken.append(1000 * (time.process_time() - began))
    taken.sort()
    return {f"{name}, median": taken[len(taken) // 2], f"{name}, p99": taken[len(taken) * 99 // 100]}


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
