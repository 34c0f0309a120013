"""`python -m benchmarks.matching.joining LINES SEED ANSWER.json`: the engine's candidates beside a bare grid join.

The bare join knows nothing but places: a grid of squares as wide as the usual reach, and pairs whose distance on the
plane is within the line's. Ours also has kind, pole, features, measures, units, price and the great circle, over the
same places. Both are given their arrays and compiled already, run in turn, and timed by the processor; medians count.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numba
import numpy as np

from benchmarks.matching.arcs import Real
from benchmarks.matching.cases import Case
from benchmarks.matching.chance import Whole
from benchmarks.matching.territory import METRES_EAST, METRES_NORTH
from pooling.matching.problem import Problem

TURNS = 5


def measure(lines: int, seed: int) -> dict[str, float]:
    """Seconds of processor and pairs of both, and the ratio, at that many lines and as many resources."""
    problem = Case("one-to-one", lines, seed, 0.0).problem()
    joins = {"bare": _bare(problem), "ours": _ours(problem)}
    pairs = {name: join() for name, join in joins.items()}
    seconds: dict[str, list[float]] = {name: [] for name in joins}
    for _ in range(TURNS):
        for name, join in joins.items():
            began = time.process_time()
            join()
            seconds[name].append(time.process_time() - began)
    medians = {name: median(each) for name, each in seconds.items()}
    ratio = {"ratio": medians["ours"] / medians["bare"]}
    return (
        {f"{name}_seconds": each for name, each in medians.items()}
        | {f"{name}_pairs": each for name, each in pairs.items()}
        | ratio
    )


def _ours(problem: Problem) -> Callable[[], int]:
    compiled = import_module("pooling.matching.compiling").compile_problem(problem)
    pairs = import_module("pooling.matching.candidates").pairs
    return lambda: len(pairs(compiled).line)


def _bare(problem: Problem) -> Callable[[], int]:
    lines = [line for request in problem.requests for line in request.lines]
    mine, theirs = _plane([line.at for line in lines]), _plane([resource.at for resource in problem.resources])
    reach = np.array([line.max_km for line in lines], float) * 1000
    return lambda: len(_grid_join(mine, reach, theirs))


def _plane(places: list[Any]) -> Real:
    return np.array(places, float) * (METRES_NORTH, METRES_EAST)


def _grid_join(mine: Real, reach: Real, theirs: Real) -> Whole:
    """Pairs (of mine, of theirs) within reach."""
    side, low = float(np.median(reach)), theirs.min(axis=0)
    cell = ((theirs - low) // side).astype(np.int64)
    wide, high = int(cell[:, 1].max()) + 1, int(cell[:, 0].max()) + 1
    key = cell[:, 0] * wide + cell[:, 1]
    order = np.argsort(key, kind="stable")
    edges = np.searchsorted(key[order], np.arange(high * wide + 1))
    found: Whole = _walk(mine - low, reach, theirs[order] - low, order, edges, side, wide, high)
    return found


@numba.njit(cache=True)
def _walk(
    mine: Real, reach: Real, theirs: Real, order: Whole, edges: Whole, side: float, wide: int, high: int
) -> Whole:
    """For each of mine the squares that its reach touches, and everything in them."""
    found, count = np.empty((1024, 2), np.int64), 0
    for at in range(len(mine)):
        y, x, r = mine[at, 0], mine[at, 1], reach[at]
        left, right = max(0, int((x - r) // side)), min(wide - 1, int((x + r) // side))
        for row in range(max(0, int((y - r) // side)), min(high - 1, int((y + r) // side)) + 1):
            for other in range(edges[row * wide + left], edges[row * wide + right + 1]):
                if (theirs[other, 0] - y) ** 2 + (theirs[other, 1] - x) ** 2 <= r * r:
                    if count == len(found):
                        wider = np.empty((2 * count, 2), np.int64)
                        wider[:count] = found
                        found = wider
                    found[count, 0], found[count, 1] = at, order[other]
                    count += 1
    return found[:count]


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
