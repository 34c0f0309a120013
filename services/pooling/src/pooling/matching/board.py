"""What the search plays on: every possible placement, its score, and what each resource can do with its placements.

An **arc** is all that one line may do on one resource at one score and one price; a **place** is an arc at a start.
Arcs and places are sorted by resource, places by begin (start less the buffer before it) within a resource. Scores are
in thousandths of a cent (`SCALE`). A **price** belongs to a line, or to a line and a start if it must start with
others.
"""

from typing import Any, NamedTuple, get_args

import numpy as np

from pooling.matching.candidates import pairs
from pooling.matching.compiled import NONE, Flags, Ints, Shorts
from pooling.matching.compiling import Compiled, offsets
from pooling.matching.placing import Places, by_line, ordered
from pooling.matching.problem import SCALE
from pooling.matching.starts import Lacking, placements

NOTHING = np.zeros(0, np.int64)


class Board(NamedTuple):
    """Columns by line, request, price, arc, place, resource, node and moment; `x_from` says where x's rows begin.

    By row of `line_places`, `line_score` is what the place scores, and `line_most` the most that the line's places from
    there on gain; that is empty if unknown.
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
    line_score: Ints
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


def board_of(problem: Compiled) -> tuple[Board, Lacking]:
    """The board of a problem, and what its bundles lack."""
    candidates = pairs(problem)
    starts_from, start, lacking = placements(problem, candidates)
    prices_from, price_start, price_line = priced(problem, candidates.line, starts_from, start)
    places = ordered(problem, candidates, starts_from, start, prices_from, price_start)
    return assembled(problem, places, prices_from, price_start, price_line), lacking


def priced(problem: Compiled, line: Ints, starts_from: Ints, start: Ints) -> tuple[Ints, Ints, Shorts]:
    """The prices by line: one, or one for each start of a line that has to start with others.

    `line` is by pair, the pair's starts are those from `starts_from` on.
    """
    count = len(problem.lines)
    bound = problem.same_start[problem.needs.request]
    chosen, sizes = bound[line], np.diff(starts_from)
    of_line, of_start = np.repeat(line[chosen], sizes[chosen]), start[np.repeat(chosen, sizes)]
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


def assembled(problem: Compiled, places: Places, prices_from: Ints, price_start: Ints, price_line: Shorts) -> Board:
    """The board of these places."""
    needs, offers = problem.needs, problem.offers
    count, resources = len(problem.lines), len(offers.kind)
    line_places_from, line_places, line_score = by_line(places, count)
    line_limits_from, line_limits = inverted(problem.limits_from, problem.limits, count)
    busy = offers.busy.copy()
    owner = np.repeat(np.arange(resources), np.diff(offers.busy_from))
    busy[:, 0] -= offers.before[owner]
    busy[:, 1] += offers.after[owner]
    nothing, span = np.zeros(resources + 1, np.int64), np.zeros(len(places.arc), np.int32)
    return alike(
        needs.units, needs.request, problem.requests_from, problem.together, problem.same_start,
        -SCALE * problem.problem.stability * int(np.count_nonzero(needs.current_resource != NONE)),
        problem.limits_from, problem.limits, problem.at_most, line_limits_from, line_limits,
        prices_from, price_start, price_line,
        places.arc_line, places.arc_resource, places.arc_score, places.arc_price, places.arcs_from,
        places.places_from, places.arc, places.begin, places.end, line_places_from, line_places, line_score,
        NOTHING,
        offers.units, offers.before, SCALE * offers.opening, offers.busy_from, busy,
        np.zeros(resources, bool), nothing, *(NOTHING,) * 4, nothing, NOTHING, NOTHING, span, span,
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
