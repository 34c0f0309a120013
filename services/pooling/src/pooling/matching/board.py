"""What the search plays on: every possible placement, its score, and what each resource can do with its placements.

An **arc** is all that one line may do on one resource at one score and one price; a **place** is an arc at a start.
Arcs and places are sorted by resource, places by begin (start less the buffer before it) within a resource. Scores are
in thousandths of a cent (`SCALE`). A **price** belongs to a line, or to a line and a start if it must start with
others.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, get_args

import numpy as np

from pooling.matching.candidates import Pairs, pairs
from pooling.matching.compiled import NONE, Flags, Ints, Shorts
from pooling.matching.compiling import Compiled, offsets
from pooling.matching.diagrams import several, single
from pooling.matching.problem import SCALE
from pooling.matching.starts import Lacking, placements

MOST_NODES = 5_000
MOST_UNITS = 32
AT_ONCE = 16
"""A thread makes the diagrams of so many resources before it takes others."""
NO_NODE = np.zeros(0, np.int64)
NO_DIAGRAM = (np.zeros(0, np.int32),) * 3
NO_MOMENTS = (NO_NODE, NO_NODE)


class Board(NamedTuple):
    """Columns by line, request, price, arc, place, resource, node and moment; `x_from` says where x's rows begin.

    `line_most`, by row of `line_places`, is the most that the line's places from there on gain; empty if unknown.
    """

    units: Ints
    request: Ints
    requests_from: Ints
    together: Flags
    same_start: Flags
    constant: int
    limits_from: Ints
    limits: Ints
    at_most: Ints
    line_limits_from: Ints
    line_limits: Ints
    prices_from: Ints
    price_start: Ints
    price_line: Shorts
    arc_line: Shorts
    arc_resource: Shorts
    arc_score: Ints
    arc_price: Shorts
    arcs_from: Ints
    places_from: Ints
    place_arc: Shorts
    begin: Ints
    end: Ints
    line_places_from: Ints
    line_places: Shorts
    line_most: Ints
    capacity: Ints
    before: Ints
    opening: Ints
    busy_from: Ints
    busy: Ints
    exact: Flags
    nodes_from: Ints
    node_place: Shorts
    node_arc: Shorts
    skip: Shorts
    take: Shorts
    moments_from: Ints
    moment: Ints
    moment_left: Ints
    first_moment: Shorts
    last_moment: Shorts


class Places(NamedTuple):
    """The places in order, and the arcs that they are of."""

    arc: Shorts
    begin: Ints
    end: Ints
    resource: Ints
    arc_line: Shorts
    arc_resource: Shorts
    arc_score: Ints
    arc_price: Shorts


def board_of(problem: Compiled, relax: "Relax | None" = None) -> tuple[Board, Lacking]:
    """The board of a problem, and what its bundles lack; `relax` gives what bounds need (`relaxations`)."""
    candidates = pairs(problem)
    pair, start, lacking = placements(problem, candidates)
    prices_from, price_start, price_line = priced(problem, candidates.line[pair], start)
    places = ordered(problem, candidates, pair, start, prices_from, price_start)
    return assembled(problem, places, prices_from, price_start, price_line, relax or relaxations), lacking


def priced(problem: Compiled, line: Ints, start: Ints) -> tuple[Ints, Ints, Shorts]:
    """The prices by line: one, or one for each start of a line that has to start with others."""
    count = len(problem.lines)
    bound = problem.same_start[problem.needs.request]
    chosen = bound[line]
    of_line, of_start = line[chosen], start[chosen]
    order = np.lexsort((of_start, of_line))
    of_line, of_start = of_line[order], of_start[order]
    fresh = np.ones(len(of_line), bool)
    fresh[1:] = (of_line[1:] != of_line[:-1]) | (of_start[1:] != of_start[:-1])
    sizes = np.where(bound, np.bincount(of_line[fresh], minlength=count), 1)
    prices_from = offsets(sizes)
    price_start = np.zeros(prices_from[-1], np.int64)
    price_line = np.repeat(np.arange(count, dtype=np.int32), sizes)
    price_start[bound[price_line]] = of_start[fresh]
    return prices_from, price_start, price_line


def ordered(problem: Compiled, found: Pairs, pair: Ints, start: Ints, prices_from: Ints, price_start: Ints) -> Places:
    """Places worth something, sorted by resource, begin and line, with arcs sorted by resource and line."""
    needs, offers = problem.needs, problem.offers
    line, resource = found.line[pair], found.resource[pair]
    at_home = (needs.current_resource[line] == resource) & (needs.current_start[line] == start)
    kilometres = (found.metres * problem.problem.km_cost + 500) // 1000
    score = (needs.value[found.line] + found.bonus - found.price - kilometres)[pair]
    score = SCALE * (score + np.where(at_home, 0, -problem.problem.stability * (needs.current_resource[line] != NONE)))
    score += SCALE * problem.problem.stability * (needs.current_resource[line] != NONE)
    kept = np.flatnonzero((score > 0) | problem.together[needs.request[line]])
    alone = problem.same_start[needs.request[line]]
    kept = kept[np.lexsort((np.where(alone, start, at_home)[kept], line[kept], resource[kept]))]
    line, resource, start, score = line[kept], resource[kept], start[kept], score[kept]
    alone, at_home = alone[kept], at_home[kept]
    fresh = np.ones(len(kept), bool)
    fresh[1:] = (line[1:] != line[:-1]) | (resource[1:] != resource[:-1]) | (at_home[1:] != at_home[:-1])
    fresh[1:] |= alone[1:] & (start[1:] != start[:-1])
    arc = (np.cumsum(fresh) - 1).astype(np.int32)
    price = prices_from[line].copy()
    price[alone] = priced_at(prices_from, price_start, line[alone], start[alone])
    begin = start - offers.before[resource]
    end = start + needs.minutes[line] + offers.after[resource]
    order = np.lexsort((line, begin, resource))
    return Places(
        arc[order], begin[order], end[order], resource[order],
        line[fresh].astype(np.int32), resource[fresh].astype(np.int32), score[fresh], price[fresh].astype(np.int32),
    )  # fmt: skip


def priced_at(prices_from: Ints, price_start: Ints, line: Ints, start: Ints) -> Ints:
    """The price of each line at a start that has one of its own."""
    span = np.ptp(price_start) + 1 if len(price_start) else 1
    owner = np.repeat(np.arange(len(prices_from) - 1), np.diff(prices_from))
    return np.searchsorted(owner * span + price_start, line * span + start)


def assembled(
    problem: Compiled, places: Places, prices_from: Ints, price_start: Ints, price_line: Shorts, relax: "Relax"
) -> Board:
    """The board of these places."""
    needs, offers = problem.needs, problem.offers
    count, resources = len(problem.lines), np.arange(len(offers.kind) + 1)
    places_from = np.searchsorted(places.resource, resources).astype(np.int64)
    line_of_place = places.arc_line[places.arc]
    line_places = np.argsort(line_of_place, kind="stable").astype(np.int32)
    line_limits_from, line_limits = inverted(problem.limits_from, problem.limits, count)
    busy = offers.busy.copy()
    owner = np.repeat(np.arange(len(offers.kind)), np.diff(offers.busy_from))
    busy[:, 0] -= offers.before[owner]
    busy[:, 1] += offers.after[owner]
    exact, nodes, moments = relax(needs.units, offers.units, places, places_from, offers.busy_from, busy)
    return alike(
        needs.units, needs.request, problem.requests_from, problem.together, problem.same_start,
        -SCALE * problem.problem.stability * int(np.count_nonzero(needs.current_resource != NONE)),
        problem.limits_from, problem.limits, problem.at_most, line_limits_from, line_limits,
        prices_from, price_start, price_line,
        places.arc_line, places.arc_resource, places.arc_score, places.arc_price,
        np.searchsorted(places.arc_resource, resources).astype(np.int64),
        places_from, places.arc, places.begin, places.end,
        np.searchsorted(line_of_place[line_places], np.arange(count + 1)).astype(np.int64), line_places, NO_NODE,
        offers.units, offers.before, SCALE * offers.opening, offers.busy_from, busy, exact, *nodes, *moments,
        *spans(places, places_from, *moments[:2]),
    )  # fmt: skip


def alike(*columns: Any) -> Board:
    """A board whose columns have the same types whatever the problem, so that functions are compiled once."""
    types = Board.__annotations__.values()
    return Board(*(  # type: ignore[arg-type]  # by place, as the types say
        column if wanted is int else np.ascontiguousarray(column, get_args(get_args(wanted)[1])[0])
        for column, wanted in zip(columns, types, strict=True)
    ))  # fmt: skip


def inverted(limits_from: Ints, limits: Ints, lines: int) -> tuple[Ints, Ints]:
    """By line, the limits that it is in."""
    limit = np.repeat(np.arange(len(limits_from) - 1), np.diff(limits_from))
    order = np.lexsort((limit, limits))
    return np.searchsorted(limits[order], np.arange(lines + 1)).astype(np.int64), limit[order].astype(np.int64)


Nodes = tuple[Ints, Shorts, Shorts, Shorts, Shorts]
Moments = tuple[Ints, Ints, Ints]
Diagram = tuple[Shorts, Shorts, Shorts]


Relax = Callable[[Ints, Ints, Places, Ints, Ints, Ints], tuple[Flags, Nodes, Moments]]


def unrelaxed(
    _units: Ints, capacity: Ints, _places: Places, _places_from: Ints, _busy_from: Ints, _busy: Ints
) -> tuple[Flags, Nodes, Moments]:
    """No diagrams and no moments: for a board on which nothing is bounded."""
    nothing, none = np.zeros(len(capacity) + 1, np.int64), np.zeros(0, np.int32)
    return np.full(len(capacity), fill_value=True), (nothing, none, none, none, none), (nothing, NO_NODE, NO_NODE)


def relaxations(
    units: Ints, capacity: Ints, places: Places, places_from: Ints, busy_from: Ints, busy: Ints
) -> tuple[Flags, Nodes, Moments]:
    """Which resources have a diagram, their diagrams, and the moments of the others."""

    def relaxed(resource: int) -> tuple[Diagram | None, tuple[Ints, Ints]]:
        own = slice(places_from[resource], places_from[resource + 1])
        line, taken = places.arc_line[places.arc[own]], busy[busy_from[resource] : busy_from[resource + 1]]
        diagram = diagram_of(places.begin[own], places.end[own], units[line], line, int(capacity[resource]), taken)
        return diagram, NO_MOMENTS if diagram else moments_of(places.begin[own], int(capacity[resource]), taken)

    def all_relaxed(resources: range) -> list[tuple[Diagram | None, tuple[Ints, Ints]]]:
        return [relaxed(resource) for resource in resources]

    every = range(len(capacity))
    with ThreadPoolExecutor(2) as helpers:
        tasks = helpers.map(all_relaxed, (every[at : at + AT_ONCE] for at in every[::AT_ONCE]))
        found = [each for own in tasks for each in own]
    exact = np.array([diagram is not None for diagram, _ in found], bool)
    diagrams = [diagram or NO_DIAGRAM for diagram, _ in found]
    moments = [own for _, own in found]
    nodes_from = offsets(len(arc) + 1 for arc, _, _ in diagrams)
    place, skip, take = (np.concatenate([NO_NODE, *(np.append(d[part], 0) for d in diagrams)]) for part in range(3))
    sizes = np.diff(nodes_from)
    skip += np.repeat(nodes_from[:-1], sizes)
    take += np.repeat(nodes_from[:-1], sizes)
    place += np.repeat(places_from[:-1], sizes)
    place[nodes_from[1:] - 1] = 0
    arc = places.arc[place] if len(places.arc) else np.zeros(len(place), np.int32)
    moments_from = offsets(len(times) for times, _ in moments)
    times, left = (np.concatenate([[], *(m[part] for m in moments)]).astype(np.int64) for part in range(2))
    return (
        exact,
        (nodes_from, place.astype(np.int32), arc, skip.astype(np.int32), take.astype(np.int32)),
        (moments_from, times, left),
    )


def diagram_of(begin: Ints, end: Ints, units: Ints, line: Shorts, capacity: int, busy: Ints) -> Diagram | None:
    """Placement, skip and take by node, or nothing if there would be too many."""
    size = len(begin)
    if size == 0 or 2 * units.min() > capacity:
        skip, take = np.empty(size, np.int32), np.empty(size, np.int32)
        single(begin, end, 0, skip, take)
        return np.arange(size, dtype=np.int32), skip, take
    if capacity > MOST_UNITS:
        return None
    moments = np.unique(np.concatenate((begin, busy[:, 0])))  # nothing depends on what ends between two
    begin, end = np.searchsorted(moments, begin), np.searchsorted(moments, end)
    busy = np.column_stack((np.searchsorted(moments, busy[:, 0]), np.searchsorted(moments, busy[:, 1]), busy[:, 2]))
    ranks = np.unique(line, return_inverse=True)[1].astype(np.int64)
    found, place, skip, take = several(begin, end, units, ranks, capacity, busy, MOST_NODES)
    return None if found == NONE else (place, skip, take)


def spans(places: Places, places_from: Ints, moments_from: Ints, moment: Ints) -> tuple[Shorts, Shorts]:
    """By place, the moments in its block, from and to, counted from its resource's first."""
    first, last = (np.zeros(len(places.begin), np.int32) for _ in range(2))
    for resource in np.flatnonzero(np.diff(moments_from)):
        own = slice(places_from[resource], places_from[resource + 1])
        times = moment[moments_from[resource] : moments_from[resource + 1]]
        first[own], last[own] = np.searchsorted(times, places.begin[own]), np.searchsorted(times, places.end[own])
    return first, last


def moments_of(begin: Ints, capacity: int, busy: Ints) -> tuple[Ints, Ints]:
    """The moments at which something may begin, and the units left then."""
    times = np.unique(begin)
    taken = ((busy[None, :, 0] <= times[:, None]) & (times[:, None] < busy[None, :, 1])) * busy[None, :, 2]
    return times, np.maximum(0, capacity - taken.sum(axis=1))
