"""Large-neighbourhood search: parts of the plan that fall short of the bound are made anew, exactly (Shaw 1998)."""

from dataclasses import dataclass, field

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import Quote, evaluate, no_demand
from pooling.matching.compiled import NEVER, Floats, Ints
from pooling.matching.neighbourhood import grown_from, longest_blocks, options
from pooling.matching.packing import Packing
from pooling.matching.rents import regrets, shortfalls
from pooling.matching.repair import lines_of, repair

SIZE = 120
MOST_OPTIONS = 12


@dataclass(slots=True)
class Improver:
    """What is known for the search at fixed prices."""

    board: Board
    quote: Quote
    chance: np.random.Generator
    blocks: Ints
    rent: Ints
    regret: Ints
    worths: Ints
    tries: Floats
    size: int = SIZE
    by_resource: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    by_request: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


def improver(board: Board, quote: Quote, chance: np.random.Generator) -> Improver:
    """The search at these prices."""
    demand = no_demand(board)
    evaluate(board, quote, demand)
    rent, regret = np.zeros(len(board.place_arc), np.int64), np.zeros(len(board.place_arc), np.int64)
    regrets(board, quote, rent, regret)
    tries = np.ones(len(board.together))
    resources, requests = np.zeros(len(board.capacity), np.int64), np.zeros(len(board.together), np.int64)
    return Improver(
        board, quote, chance, longest_blocks(board), rent, regret, demand.worth, tries,
        by_resource=resources, by_request=requests,
    )  # fmt: skip


def improve(search: Improver, packing: Packing, seconds: float | None) -> bool:
    """Makes one part anew; false, and nothing has changed, if time ran out."""
    board = search.board
    shortfalls(board, packing, search.quote, search.worths, search.by_resource, search.by_request)
    short = shortfall_by_request(search, packing) * search.tries
    total = short.sum()
    if total <= 0:
        return True
    seed = np.searchsorted(np.cumsum(short), search.chance.random() * total)
    seeds = np.array([min(int(seed), len(short) - 1)])
    requests = grown_from(board, packing, search.regret, seeds, search.size, reach(search), search.blocks)
    limit = local_gap(search, packing, requests)
    places = options(board, packing, search.regret, requests, limit, MOST_OPTIONS)
    search.tries[requests[: max(1, len(requests) // 2)]] *= 0.5
    return repair(board, packing, requests, places, seconds)


def reach(search: Improver) -> int:
    """The regret up to which places make neighbours."""
    return int(NEVER // 4)


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
