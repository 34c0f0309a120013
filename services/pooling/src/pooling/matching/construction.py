"""First plans: the most valuable requests first, or each resource's best schedule at given prices."""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import Quote, full_prices, longest, longest_path
from pooling.matching.compiled import NONE, Floats, Ints, compiled, inner
from pooling.matching.insertion import complete_bundles, insert_all, take_away
from pooling.matching.packing import Packing, allowed, clear, put, remove


def by_value(board: Board) -> Ints:
    """Requests, those first whose lines score most for the units and minutes that they take."""
    scores, sizes = scores_and_sizes(board)
    return np.argsort(-scores / np.sqrt(np.maximum(1.0, sizes)), kind="stable").astype(np.int64)


@compiled
def scores_and_sizes(board: Board) -> tuple[Floats, Floats]:
    """By request what its lines score at most, and the units times minutes that they block at most."""
    lines, requests = len(board.units), len(board.together)
    best, size, arc_line, arc_score = np.zeros(lines), np.ones(lines), board.arc_line, board.arc_score
    begin, end, place_arc, units = board.begin, board.end, board.place_arc, board.units
    for arc in range(len(arc_line)):
        best[arc_line[arc]] = max(best[arc_line[arc]], arc_score[arc])
    for place in range(len(place_arc)):
        line = arc_line[place_arc[place]]
        size[line] = max(size[line], (end[place] - begin[place]) * units[line])
    scores, sizes = np.zeros(requests), np.zeros(requests)
    for line in range(lines):
        scores[board.request[line]] += best[line]
        sizes[board.request[line]] += size[line]
    return scores, sizes


@inner
def take_schedules(board: Board, packing: Packing, quote: Quote, order: Ints) -> None:
    """Gives each resource in turn its best schedule at these prices of the lines that are left."""
    full = full_prices(board, quote)
    value = np.empty(longest(board.nodes_from) + 1, np.int64)
    net = np.empty(longest(board.arcs_from), np.int64)
    for resource in order:
        first, last = board.arcs_from[resource], board.arcs_from[resource + 1]
        low, high = board.nodes_from[resource], board.nodes_from[resource + 1] - 1
        if not board.exact[resource] or first == last:
            continue
        for arc in range(first, last):
            line = board.arc_line[arc]
            net[arc - first] = 0
            if packing.place[line] == NONE and allowed(board, packing, line):
                net[arc - first] = max(0, board.arc_score[arc] - full[board.arc_price[arc]])
        best = longest_path(low, high, first, board.skip, board.take, board.node_arc, net, value)
        if best > board.opening[resource]:
            take_path(board, packing, resource, value)


@inner
def take_path(board: Board, packing: Packing, resource: int, value: Ints) -> None:
    """Places what is on the best path through a resource's diagram."""
    first, terminal = board.nodes_from[resource], board.nodes_from[resource + 1] - 1
    node = first
    while node < terminal:
        if value[node - first] == value[board.skip[node] - first]:
            node = board.skip[node]
            continue
        line = board.arc_line[board.node_arc[node]]
        if packing.place[line] == NONE and allowed(board, packing, line):
            put(board, packing, board.node_place[node])
        node = board.take[node]


@inner
def close_the_unprofitable(board: Board, packing: Packing) -> None:
    """Takes everything off resources that earn less than their opening, and bundles that this breaks."""
    for resource in range(len(board.capacity)):
        earned = 0
        line = packing.first[resource]
        while line != NONE:
            earned += board.arc_score[board.place_arc[packing.place[line]]]
            line = packing.following[line]
        while packing.first[resource] != NONE and earned <= board.opening[resource]:
            request = board.request[packing.first[resource]]
            if board.together[request]:
                take_away(board, packing, request)
            else:
                remove(board, packing, packing.first[resource])


@compiled
def from_prices(board: Board, packing: Packing, quote: Quote, resources: Ints, requests: Ints, rent: Ints) -> None:
    """A plan from prices: schedules first, then bundles completed, then what else there is room for."""
    clear(packing)
    take_schedules(board, packing, quote, resources)
    complete_bundles(board, packing, rent)
    insert_all(board, packing, requests, rent)
    close_the_unprofitable(board, packing)
    insert_all(board, packing, requests, rent)
