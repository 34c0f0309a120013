"""What a place costs in room that others want, by the prices; and where a plan falls short of the bound.

The **rent** of a place is what its resource's best answer loses, the place's own worth aside, when it has to take the
place: the longest path through the place's nodes against the longest at all. Score less price less rent is never above
0; how far it is below is the place's **regret**, and no plan that uses it can be worth more than the bound less the
regret.

The bound less the value of a plan is a sum of shortfalls, none below 0: of each resource (its best answer less what it
serves), of each request (what it could get back less what it pays), and of the limits. They say where to search.
"""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import (
    Quote,
    best_places,
    best_start,
    full_prices,
    longest,
    longest_path,
    nets_of_arcs,
    returned,
)
from pooling.matching.compiled import NEVER, NONE, Ints, compiled, inner
from pooling.matching.packing import Packing


@compiled
def regrets(board: Board, quote: Quote, rent: Ints, regret: Ints) -> None:
    """Every place's rent and regret at these prices, in thousandths of a cent."""
    full = full_prices(board, quote)
    value = np.empty(longest(board.nodes_from) + 1, np.int64)
    before = np.empty(longest(board.nodes_from) + 1, np.int64)
    net = np.empty(longest(board.arcs_from), np.int64)
    arcs, score, price = board.place_arc, board.arc_score, board.arc_price
    for resource in range(len(board.capacity)):
        if not board.exact[resource]:
            moment_rents(board, resource, quote, full, rent)
            continue
        first, low, high = board.arcs_from[resource], board.nodes_from[resource], board.nodes_from[resource + 1] - 1
        nets_of_arcs(first, board.arcs_from[resource + 1], score, price, full, net)
        best = longest_path(low, high, first, board.skip, board.take, board.node_arc, net, value)
        path_rents(board, resource, max(best, board.opening[resource]), value, before, net, rent)
    for place in range(len(rent)):
        regret[place] = rent[place] + full[price[arcs[place]]] - score[arcs[place]]


@inner
def path_rents(board: Board, resource: int, best: int, value: Ints, before: Ints, net: Ints, rent: Ints) -> None:
    """The rents on a resource with a diagram; `before` becomes the most that leads to each node."""
    first, terminal, arcs = board.nodes_from[resource], board.nodes_from[resource + 1] - 1, board.arcs_from[resource]
    skips, takes, places, node_arc = board.skip, board.take, board.node_place, board.node_arc
    before[: terminal - first + 1] = -NEVER
    before[0] = 0
    rent[board.places_from[resource] : board.places_from[resource + 1]] = NEVER // 2
    for node in range(first, terminal):
        here, skip, take = before[node - first], skips[node] - first, takes[node] - first
        place = places[node]
        rent[place] = min(rent[place], best - here - value[take])
        before[skip] = max(before[skip], here)
        before[take] = max(before[take], here + max(0, net[node_arc[node] - arcs]))


@inner
def moment_rents(board: Board, resource: int, quote: Quote, full: Ints, rent: Ints) -> None:
    """The rents on a resource whose moments have prices: those, and the line's best gain there."""
    low, high = board.moments_from[resource], board.moments_from[resource + 1]
    upto = np.zeros(high - low + 1, np.int64)
    for at in range(low, high):
        upto[at - low + 1] = upto[at - low] + quote.moments[at]
    nets = best_places(board, resource, upto, full)[1]
    first = board.arcs_from[resource]
    most = np.maximum(0, nets)
    for arc in range(len(most)):
        if arc and board.arc_line[first + arc] == board.arc_line[first + arc - 1]:
            most[arc] = max(most[arc], most[arc - 1])
    for place in range(board.places_from[resource], board.places_from[resource + 1]):
        arc = board.place_arc[place]
        paid = board.units[board.arc_line[arc]] * (upto[board.last_moment[place]] - upto[board.first_moment[place]])
        rent[place] = paid + most[arc - first]


@compiled
def shortfalls(board: Board, packing: Packing, quote: Quote, worths: Ints, by_resource: Ints, by_request: Ints) -> None:
    """How far each resource and each request falls short of what the bound grants it; `worths` are the resources'."""
    full = full_prices(board, quote)
    by_resource[:] = worths
    for resource in range(len(worths)):
        if packing.first[resource] != NONE:
            by_resource[resource] += board.opening[resource]
    for request in range(len(by_request)):
        if board.same_start[request]:
            by_request[request] = best_start(board, request, quote.lines)[0]
        else:
            by_request[request] = returned(board, request, quote.lines)
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            if packing.place[line] != NONE:
                arc = board.place_arc[packing.place[line]]
                by_resource[board.arc_resource[arc]] -= board.arc_score[arc] - full[board.arc_price[arc]]
                by_request[request] -= quote.lines[board.arc_price[arc]]
