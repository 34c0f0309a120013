"""Large-neighbourhood search: parts of the plan that fall short of the bound are made anew, exactly (Shaw 1998)."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import Quote, evaluate, no_demand
from pooling.matching.compiled import NEVER, Floats, Ints
from pooling.matching.neighbourhood import grown_from, longest_blocks, options
from pooling.matching.packing import Packing
from pooling.matching.rents import regrets, shortfalls
from pooling.matching.repair import Part, Solved, lines_of, part_of, place_anew, solved

PLACES = 1_250
"""So many places a part may use at first; twice as many take four times as long."""
PLACES_OF_UNITS = 2_500
"""The same where resources have several units: their first plans are further from the best."""
LATER_PLACES = 625
"""So many when all requests were in a large part; then parts are fitted to what is solved exactly."""
LEAST_SIZE = 20
MOST_OPTIONS = 30
DENSITY = 0.5
"""Places per line at first, of the square root of all that a line has."""
DENSITY_OF_UNITS = 0.8
"""The same where resources have several units: prices tell less there which places matter."""
LEAST_DENSITY = 2.0
STALE = 2
"""Without a gain till all requests were tried so often, more places are."""
MORE = 1.5
EASY = 1_500
"""Iterations: so few make larger parts worth while."""
GROW = 1.25
SHRINK = 0.6
TIRED = 0.1
ALL_OVER, MOST_PAIRS = 40, 4
"""Beyond so many times the requests of a part, two more are made anew before the plan is looked over again."""
SWEEP = 1.2
"""At first parts are large, until all requests were in so many, or one brought nothing."""


@dataclass(slots=True)
class Improver:
    """What is known for the search at fixed prices; `asking` are the requests that have lines."""

    board: Board
    quote: Quote
    chance: np.random.Generator
    blocks: Ints
    rent: Ints
    regret: Ints
    worths: Ints
    tries: Floats
    asking: Ints
    limit: int
    density: float
    size: int
    stale: int = 0
    swept: int = 0
    sweeping: bool = True
    by_resource: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    by_request: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


def improver(board: Board, quote: Quote, chance: np.random.Generator) -> Improver:
    """The search at these prices."""
    demand = no_demand(board)
    evaluate(board, quote, demand)
    rent, regret = np.zeros(len(board.place_arc), np.int64), np.zeros(len(board.place_arc), np.int64)
    regrets(board, quote, rent, regret)
    tries, asking = np.ones(len(board.together)), np.flatnonzero(np.diff(board.requests_from))
    share, places = (DENSITY_OF_UNITS, PLACES_OF_UNITS) if (board.capacity > 1).any() else (DENSITY, PLACES)
    density = max(LEAST_DENSITY, share * (len(regret) / max(1, len(board.units))) ** 0.5)
    resources, requests = np.zeros(len(board.capacity), np.int64), np.zeros(len(board.together), np.int64)
    return Improver(
        board, quote, chance, longest_blocks(board), rent, regret, demand.worth, tries, asking,
        limit_of(board, regret, density), density, size_of(board, asking, places, density),
        by_resource=resources, by_request=requests,
    )  # fmt: skip


def size_of(board: Board, asking: Ints, places: int, density: float) -> int:
    """The requests of a part with so many places, at so many a line."""
    return int(places / density * len(asking) / max(1, len(board.units))) + 1


def improve(search: Improver, packing: Packing, left: Callable[[], float], helper: Executor) -> None:
    """Makes parts anew that share no request, and learns from them how large the next may be."""
    board = search.board
    shortfalls(board, packing, search.quote, search.worths, search.by_resource, search.by_request)
    short = shortfall_by_request(search, packing) * search.tries
    seeds = search.asking[sown(short[search.asking], search.chance)]
    done = np.zeros(0, np.int64)
    pairs = min(MOST_PAIRS, 1 + len(search.asking) // (ALL_OVER * search.size))
    for _ in range(pairs):
        for part, found in solved_pair(search, packing, seeds, done, left(), helper):
            search.stale = 0 if place_anew(board, packing, part, found) else search.stale + len(part.requests)
            learn(search, found)
            done = np.concatenate((done, part.requests))


def solved_pair(
    search: Improver, packing: Packing, seeds: Ints, done: Ints, seconds: float, helper: Executor
) -> list[tuple[Part, Solved]]:
    """Two parts solved side by side, each with the other as it is; fewer when no more requests are left."""
    one = grown(search, packing, seeds, done)
    solving = helper.submit(solved, one.model, one.start, seconds)
    done = np.concatenate((done, one.requests))
    others = []
    if len(done) < len(search.asking):
        other = grown(search, packing, seeds, done)
        others = [(other, solved(other.model, other.start, seconds))]
    return [(one, solving.result()), *others]


def grown(search: Improver, packing: Packing, seeds: Ints, others: Ints) -> Part:
    """The part around the first seed that isn't one of the others."""
    board = search.board
    size = min(search.size, len(search.asking) - len(others))
    requests = grown_from(board, packing, search.regret, seeds, size, search.limit, search.blocks, others)
    limit = min(search.limit, local_gap(search, packing, requests))
    places = options(board, packing, search.regret, requests, limit, MOST_OPTIONS)
    search.tries[requests] *= TIRED
    search.swept += len(requests)
    return part_of(board, packing, requests, places)


def sown(short: Floats, chance: np.random.Generator) -> Ints:
    """Requests in a random order in which those come early that fall short by much (Efraimidis and Spirakis 2006)."""
    return np.argsort(chance.exponential(size=len(short)) / (short + 1.0), kind="stable").astype(np.int64)


def learn(search: Improver, found: Solved) -> None:
    """Larger parts after an easy one, smaller after a hard one; more places when the plan is stale with these."""
    if search.sweeping:
        search.sweeping = not search.stale and search.swept < SWEEP * len(search.asking)
        if not search.sweeping:
            search.size, search.stale = size_of(search.board, search.asking, LATER_PLACES, search.density), 0
    elif not found.ended:
        search.size = max(LEAST_SIZE, int(search.size * SHRINK))
    elif found.iterations < EASY:
        search.size = min(int(search.size * GROW) + 1, len(search.asking))
    if search.stale >= STALE * len(search.asking):
        search.stale = 0
        search.tries[:] = 1.0
        search.density *= MORE
        search.limit = limit_of(search.board, search.regret, search.density)


def limit_of(board: Board, regret: Ints, density: float) -> int:
    """The regret that so many places per line don't exceed."""
    wanted = int(density * len(board.units))
    if wanted >= len(regret):
        return int(NEVER // 4)
    return max(0, int(np.partition(regret, wanted)[wanted]))


def local_gap(search: Improver, packing: Packing, requests: Ints) -> int:
    """What these requests and the resources that they may use fall short of: no place regretted more can help them."""
    board = search.board
    places = [
        board.line_places[board.line_places_from[line] : board.line_places_from[line + 1]]
        for line in lines_of(board, requests)
    ]
    used = np.unique(board.arc_resource[board.place_arc[np.concatenate(places)]])
    return int(search.by_request[requests].sum() + search.by_resource[used].sum())


def shortfall_by_request(search: Improver, packing: Packing) -> Floats:
    """Each request's own shortfall, and its share of that of the resources that it is on."""
    board = search.board
    placed = packing.place >= 0
    resource = board.arc_resource[board.place_arc[packing.place[placed]]]
    share = search.by_resource / np.maximum(1, np.bincount(resource, minlength=len(board.capacity)))
    short = search.by_request.astype(float)
    np.add.at(short, board.request[placed], share[resource])
    return np.maximum(0.0, short)
