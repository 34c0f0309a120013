"""What the search plays on: every possible placement, its score, and what each resource can do with its placements.

An **arc** is all that one line may do on one resource at one score and one price; a **place** is an arc at a start.
Arcs and places are sorted by resource, places by begin (start less the buffer before it) within a resource. Scores are
in thousandths of a cent (`SCALE`). A **price** belongs to a line, or to a line and a start if it must start with
others.
"""

from typing import Any, NamedTuple, get_args

import numpy as np

from pooling.matching.candidates import Pairs, pairs
from pooling.matching.compiled import NONE, Flags, Ints, Shorts
from pooling.matching.compiling import Compiled, offsets
from pooling.matching.problem import SCALE
from pooling.matching.starts import Lacking, placements

NOTHING = np.zeros(0, np.int64)


class Board(NamedTuple):
    """Columns by line, request, price, arc, place, resource, node and moment; `x_from` says where x's rows begin.

    `line_most`, by row of `line_places`, is the most that the line's places from there on gain; empty if unknown.
    What is by node and by moment is there once it is `relaxed`; before, no resource is `exact`, nor has it moments.
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


def board_of(problem: Compiled) -> tuple[Board, Lacking]:
    """The board of a problem, and what its bundles lack."""
    candidates = pairs(problem)
    pair, start, lacking = placements(problem, candidates)
    prices_from, price_start, price_line = priced(problem, candidates.line[pair], start)
    places = ordered(problem, candidates, pair, start, prices_from, price_start)
    return assembled(problem, places, prices_from, price_start, price_line), lacking


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


def assembled(problem: Compiled, places: Places, prices_from: Ints, price_start: Ints, price_line: Shorts) -> Board:
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
    nothing, span = np.zeros(len(resources), np.int64), np.zeros(len(places.arc), np.int32)
    return alike(
        needs.units, needs.request, problem.requests_from, problem.together, problem.same_start,
        -SCALE * problem.problem.stability * int(np.count_nonzero(needs.current_resource != NONE)),
        problem.limits_from, problem.limits, problem.at_most, line_limits_from, line_limits,
        prices_from, price_start, price_line,
        places.arc_line, places.arc_resource, places.arc_score, places.arc_price,
        np.searchsorted(places.arc_resource, resources).astype(np.int64),
        places_from, places.arc, places.begin, places.end,
        np.searchsorted(line_of_place[line_places], np.arange(count + 1)).astype(np.int64), line_places, NOTHING,
        offers.units, offers.before, SCALE * offers.opening, offers.busy_from, busy,
        np.zeros(len(offers.kind), bool), nothing, *(NOTHING,) * 4, nothing, NOTHING, NOTHING, span, span,
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
