"""What prices prove: no plan is worth more than the bound computed here, in exact integers.

Whoever places a line pays its price, and the request gets the prices of its lines back if all are placed. Each
resource then chooses the best schedule that it can have at these prices, as if it were alone, and each request gets
back the most that it may (Lagrangian relaxation of "each line once"; Fisher 1981). Limits are relaxed in the same way;
so are the units of resources whose diagram would be too large, at their moments.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import Ints, compiled, inner


class Quote(NamedTuple):
    """Prices in thousandths of a cent: of lines (or lines and starts), of limits, and of moments."""

    lines: Ints
    limits: Ints
    moments: Ints


class Demand(NamedTuple):
    """How often the best answers to a quote use each price, and each resource's worth after its opening."""

    lines: Ints
    limits: Ints
    moments: Ints
    worth: Ints


def nothing_asked(board: Board) -> Quote:
    """The quote at which everything is free."""
    return Quote(*(np.zeros(size, np.int64) for size in sizes_of(board)))


def no_demand(board: Board) -> Demand:
    """A demand to write into."""
    return Demand(*(np.zeros(size, np.int64) for size in (*sizes_of(board), len(board.capacity))))


def sizes_of(board: Board) -> tuple[int, int, int]:
    """How many prices there are of each sort."""
    return len(board.price_line), len(board.at_most), len(board.moment)


@compiled
def evaluate(board: Board, quote: Quote, demand: Demand) -> int:
    """The bound that a quote proves, in thousandths of a cent, and the demand that answers it."""
    demand.lines[:] = 0
    demand.moments[:] = 0
    full = full_prices(board, quote)
    total = board.constant + paid_back(board, quote.lines)
    for limit in range(len(board.at_most)):
        total += quote.limits[limit] * board.at_most[limit]
    value = np.empty(longest(board.nodes_from) + 1, np.int64)
    net = np.empty(longest(board.arcs_from), np.int64)
    for resource in range(len(board.capacity)):
        total += resource_worth(board, resource, quote, full, value, net, demand)
    count_limits(board, demand)
    return total


@inner
def longest(begins: Ints) -> int:
    """The longest row."""
    most = 0
    for row in range(len(begins) - 1):
        most = max(most, begins[row + 1] - begins[row])
    return most


@inner
def full_prices(board: Board, quote: Quote) -> Ints:
    """Each price with those of the limits that its line is in."""
    full = quote.lines.copy()
    if len(board.at_most):
        for price in range(len(full)):
            line = board.price_line[price]
            for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
                full[price] += quote.limits[board.line_limits[at]]
    return full


@inner
def paid_back(board: Board, prices: Ints) -> int:
    """The most that all requests can get back."""
    total = 0
    for request in range(len(board.together)):
        if board.same_start[request]:
            total += best_start(board, request, prices)[0]
        else:
            total += returned(board, request, prices)
    return total


@inner
def returned(board: Board, request: int, prices: Ints) -> int:
    """What a request whose lines have one price each can get back."""
    total = 0
    for line in range(board.requests_from[request], board.requests_from[request + 1]):
        price = prices[board.prices_from[line]]
        total += price if board.together[request] else max(0, price)
    return max(0, total)


@inner
def best_start(board: Board, request: int, prices: Ints) -> tuple[int, int]:
    """What a request with one start for all can get back, and which of its starts that is (-1: none)."""
    first, last = board.requests_from[request], board.requests_from[request + 1]
    best, which = 0, -1
    for start in range(board.prices_from[first + 1] - board.prices_from[first]):
        total = 0
        for line in range(first, last):
            total += prices[board.prices_from[line] + start]
        if total > best:
            best, which = total, start
    return best, which


@inner
def resource_worth(
    board: Board, resource: int, quote: Quote, full: Ints, value: Ints, net: Ints, demand: Demand
) -> int:
    """The worth of a resource's best answer, at least 0; adds what it uses to the demand."""
    first, last = board.arcs_from[resource], board.arcs_from[resource + 1]
    demand.worth[resource] = 0
    if first == last:
        return 0
    for arc in range(first, last):
        net[arc - first] = board.arc_score[arc] - full[board.arc_price[arc]]
    if board.exact[resource]:
        worth = longest_path(board, resource, value, net) - board.opening[resource]
        if worth > 0:
            follow_path(board, resource, value, net, demand)
    else:
        worth = moment_worth(board, resource, quote.moments, full, demand) - board.opening[resource]
    demand.worth[resource] = max(0, worth)
    return max(0, worth)


@inner
def longest_path(board: Board, resource: int, value: Ints, net: Ints) -> int:
    """The worth of a resource's best schedule; fills `value` with what can still be had from each node on."""
    first, terminal, arcs = board.nodes_from[resource], board.nodes_from[resource + 1] - 1, board.arcs_from[resource]
    value[terminal - first] = 0
    for node in range(terminal - 1, first - 1, -1):
        best = value[board.skip[node] - first]
        gain = net[board.node_arc[node] - arcs]
        if gain > 0:
            best = max(best, gain + value[board.take[node] - first])
        value[node - first] = best
    return value[0]


@inner
def follow_path(board: Board, resource: int, value: Ints, net: Ints, demand: Demand) -> None:
    """Adds what the best schedule uses to the demand."""
    first, terminal, _arcs = board.nodes_from[resource], board.nodes_from[resource + 1] - 1, board.arcs_from[resource]
    node = first
    while node < terminal:
        if value[node - first] == value[board.skip[node] - first]:
            node = board.skip[node]
        else:
            demand.lines[board.arc_price[board.node_arc[node]]] += 1
            node = board.take[node]


@inner
def moment_worth(board: Board, resource: int, moments: Ints, full: Ints, demand: Demand) -> int:
    """The worth of a resource whose units are paid by the moment: its units' price, and each line's best place."""
    low, high = board.moments_from[resource], board.moments_from[resource + 1]
    upto = np.zeros(high - low + 1, np.int64)
    worth = 0
    for at in range(low, high):
        upto[at - low + 1] = upto[at - low] + moments[at]
        worth += moments[at] * board.moment_left[at]
    best, nets = best_places(board, resource, upto, full)
    first = board.arcs_from[resource]
    arc = first
    while arc < board.arcs_from[resource + 1]:
        line, gain, place = board.arc_line[arc], 0, -1
        while arc < board.arcs_from[resource + 1] and board.arc_line[arc] == line:
            if nets[arc - first] > gain:
                gain, place = nets[arc - first], best[arc - first]
            arc += 1
        worth += gain
        if place >= 0:
            use_moments(board, place, demand)
    return worth


@inner
def best_places(board: Board, resource: int, upto: Ints, full: Ints) -> tuple[Ints, Ints]:
    """By arc of a resource, its best place at these prices, and its score there less all that it pays."""
    first, last = board.arcs_from[resource], board.arcs_from[resource + 1]
    best, nets = np.full(last - first, -1, np.int64), np.empty(last - first, np.int64)
    for place in range(board.places_from[resource], board.places_from[resource + 1]):
        arc = board.place_arc[place]
        rent = board.units[board.arc_line[arc]] * (upto[board.last_moment[place]] - upto[board.first_moment[place]])
        net = board.arc_score[arc] - full[board.arc_price[arc]] - rent
        if best[arc - first] < 0 or net > nets[arc - first]:
            best[arc - first], nets[arc - first] = place, net
    return best, nets


@inner
def use_moments(board: Board, place: int, demand: Demand) -> None:
    """Adds a place to the demand."""
    arc = board.place_arc[place]
    demand.lines[board.arc_price[arc]] += 1
    first = board.moments_from[board.arc_resource[arc]]
    low, high = board.first_moment[place], board.last_moment[place]
    demand.moments[first + low : first + high] += board.units[board.arc_line[arc]]


@inner
def count_limits(board: Board, demand: Demand) -> None:
    """How many lines of each limit are in demand."""
    demand.limits[:] = 0
    if len(board.at_most):
        for price in range(len(demand.lines)):
            line = board.price_line[price]
            for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
                demand.limits[board.line_limits[at]] += demand.lines[price]
