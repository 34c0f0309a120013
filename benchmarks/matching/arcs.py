"""Which line may be on which resource, and when: rules 1 to 5 in numpy, for the peers; the solver has its own.

Pairs come from a grid: for each line the resources of its kind in the cells that its reach touches. Then every rule
thins them out at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.chance import Whole
from benchmarks.matching.suits import bonus, suits
from pooling.matching.problem import Line, Problem, Resource

RADIUS = 6_371_008.8
"""The earth's, in metres."""
FAR = 1 << 32
"""Minutes are within a quarter of it, on either side of 0."""
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Placements that rules 1 to 5 allow: indices of line and resource (in the problem's order), start, score in cents.

    The score has everything of the objective but opening and the constant for currents that aren't placed.
    """

    line: Whole
    resource: Whole
    start: Whole
    score: Whole

    def where(self, kept: NDArray[np.bool_]) -> "Arcs":
        """Those that are kept."""
        return Arcs(self.line[kept], self.resource[kept], self.start[kept], self.score[kept])


def arcs_of(problem: Problem) -> Arcs:
    """All placements, by line, then resource, then start."""
    lines = [line for request in problem.requests for line in request.lines]
    poles = [request.pole for request in problem.requests for _ in request.lines]
    line, resource = _pairs(lines, problem.resources)
    kept = suits(poles, lines, problem.resources, line, resource)
    line, resource = line[kept], resource[kept]
    metres = _metres(lines, problem.resources, line, resource)
    price = _price(lines, problem.resources, line, resource)
    kept = (metres <= _most([each.max_km for each in lines])[line] * 1000) & (
        price <= _most([each.max_price for each in lines])[line]
    )
    line, resource, metres, price = line[kept], resource[kept], metres[kept], price[kept]
    value = np.array([each.value for each in lines], np.int64)[line] + bonus(lines, problem.resources, line, resource)
    score = value - price - np.floor(metres * problem.km_cost / 1000 + 0.5).astype(np.int64)
    return _stable(problem, lines, _started(problem, lines, Arcs(line, resource, line, score)))


def _pairs(lines: Sequence[Line], resources: Sequence[Resource]) -> tuple[Whole, Whole]:
    """Pairs of one kind within reach by a generous square; without a place or a reach, all of the kind."""
    found: list[tuple[Whole, Whole]] = []
    for kind in sorted({line.kind for line in lines}):
        mine = np.array([at for at, line in enumerate(lines) if line.kind == kind], np.int64)
        theirs = np.array([at for at, resource in enumerate(resources) if resource.kind == kind], np.int64)
        bounded = np.array([lines[at].at is not None and lines[at].max_km is not None for at in mine], np.bool_)
        located = np.array([resources[at].at is not None for at in theirs], np.bool_)
        near = _near(lines, resources, mine[bounded], theirs[located]) if bounded.any() and located.any() else ()
        found += [*near, _all(mine[~bounded], theirs), _all(mine[bounded], theirs[~located])]
    line, resource = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    order = np.lexsort((resource, line))
    return line[order], resource[order]


def _all(mine: Whole, theirs: Whole) -> tuple[Whole, Whole]:
    return np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))


def _near(
    lines: Sequence[Line], resources: Sequence[Resource], mine: Whole, theirs: Whole
) -> Iterator[tuple[Whole, Whole]]:
    """Row by row of the grid: the resources of a row, ordered by column, from the first column in reach to the last."""
    reach = (np.array([lines[at].max_km for at in mine], float) + 0.001) / 110
    north, east = _degrees([lines[at].at for at in mine])
    rows, columns = _degrees([resources[at].at for at in theirs])
    wide = reach / np.maximum(0.01, np.cos(np.radians(np.abs(north) + reach)))
    cell = max(float(np.median(reach)), 1e-4)
    row, low = np.floor(rows / cell).astype(np.int64), int(np.floor(rows.min() / cell))
    order = np.lexsort((columns, row))
    edges = np.searchsorted(row[order], np.arange(low, int(row.max()) + 2))
    for at in range(len(edges) - 1):
        inside = np.flatnonzero(
            (np.floor((north - reach) / cell) <= at + low) & (at + low <= np.floor((north + reach) / cell))
        )
        there = order[edges[at] : edges[at + 1]]
        first = np.searchsorted(columns[there], east[inside] - wide[inside])
        count = np.searchsorted(columns[there], east[inside] + wide[inside], "right") - first
        yield np.repeat(mine[inside], count), theirs[there[ranges(first, count)]]


def ranges(first: Whole, count: Whole) -> Whole:
    """first, first + 1 ..., `count` of them, for each pair, one after the other."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + count, count)


def _degrees(places: Sequence[tuple[float, float] | None]) -> tuple[Real, Real]:
    found = np.array([place or (np.nan, np.nan) for place in places], float).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _metres(lines: Sequence[Line], resources: Sequence[Resource], line: Whole, resource: Whole) -> Real:
    """Great circles in whole metres (haversine); 0 where either has no place."""
    north, east = (np.radians(each) for each in _degrees([each.at for each in lines]))
    row, column = (np.radians(each) for each in _degrees([each.at for each in resources]))
    half = np.sin((row[resource] - north[line]) / 2) ** 2
    half += np.cos(north[line]) * np.cos(row[resource]) * np.sin((column[resource] - east[line]) / 2) ** 2
    metres: Real = np.nan_to_num(np.floor(2 * RADIUS * np.arcsin(np.sqrt(np.minimum(half, 1))) + 0.5))
    return metres


def _price(lines: Sequence[Line], resources: Sequence[Resource], line: Whole, resource: Whole) -> Whole:
    minutes = np.array([each.minutes for each in lines], np.int64)
    fixed = np.array([each.price.fixed for each in resources], np.int64)
    hour = np.array([each.price.hour for each in resources], np.int64)
    return fixed[resource] + (hour[resource] * minutes[line] * 2 + 60) // 120


def _most(limits: Sequence[float | None]) -> Real:
    return np.array([np.inf if each is None else each for each in limits], float)


def _started(problem: Problem, lines: Sequence[Line], pairs: Arcs) -> Arcs:
    """Each pair at every start of the line's window that lies in free time of the resource."""
    first = np.array([each.start[0] for each in lines], np.int64)
    step = np.array([each.step for each in lines], np.int64)
    minutes = np.array([each.minutes for each in lines], np.int64)
    many = (np.array([each.start[1] for each in lines], np.int64) - first) // step + 1
    count = many[pairs.line]
    pair = np.repeat(np.arange(len(count)), count)
    line, resource = pairs.line[pair], pairs.resource[pair]
    start = first[line] + ranges(np.zeros_like(count), count) * step[line]
    kept = _free(problem.resources, resource, start, minutes[line])
    return Arcs(line[kept], resource[kept], start[kept], pairs.score[pair[kept]])


def _free(resources: Sequence[Resource], resource: Whole, start: Whole, minutes: Whole) -> NDArray[np.bool_]:
    """Whether one free period, of the sorted union, holds all of it."""
    periods = [(at, *period) for at, each in enumerate(resources) for period in union(each.free)]
    owner, begin, end = np.array(periods, np.int64).reshape(-1, 3).T
    at = np.searchsorted(keyed(owner, begin), keyed(resource, start), "right") - 1
    inside: NDArray[np.bool_] = (at >= 0) & (owner[at] == resource) & (start + minutes <= end[at])
    return inside


def keyed(owner: Whole, minute: Whole) -> Whole:
    """One number for both that sorts by owner, then minute; divided by `FAR` it is the owner."""
    return owner * FAR + minute + FAR // 2


def union(periods: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The periods sorted, and those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(periods):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _stable(problem: Problem, lines: Sequence[Line], arcs: Arcs) -> Arcs:
    """With what staying saves, beside the constant that every line with a current costs until it stays."""
    index = {resource.id: at for at, resource in enumerate(problem.resources)}
    currents = [each.current for each in lines]
    where = np.array([index[each.resource] if each else -1 for each in currents], np.int64)
    when = np.array([each.start if each else -1 for each in currents], np.int64)
    stays = (where[arcs.line] == arcs.resource) & (when[arcs.line] == arcs.start)
    return Arcs(arcs.line, arcs.resource, arcs.start, arcs.score + problem.stability * stays)
