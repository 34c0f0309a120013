"""What prices prove: no plan is worth more than the bound computed here, in exact integers.

Whoever places a line pays its price, and the request gets the prices of its lines back if all are placed. Each
resource then chooses the best schedule that it can have at these prices, as if it were alone, and each request gets
back the most that it may (Lagrangian relaxation of "each line once"; Fisher 1981). Limits are relaxed in the same way;
so are the units of resources whose diagram would be too large, at their moments.

Loops name the board's columns before they begin, and hand on only these: each access, and each column of a board
that is handed on, counts a reference, which takes longer than the rest of the loop.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NEVER, Ints, Shorts, compiled, inner

BEYOND = 2**61
"""More than what all resources earn is counted up to: no sum of it and what requests get back leaves 64 bits."""


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


def all_asked(board: Board) -> Quote:
    """The quote at which each line pays the most that it scores, and no resource earns anything."""
    return nothing_asked(board)._replace(lines=most_scored(board))


@compiled
def most_scored(board: Board) -> Ints:
    """By price, the most that its line scores there; 0 where it may go nowhere."""
    most = np.full(len(board.price_line), -NEVER)
    for arc in range(len(board.arc_price)):
        most[board.arc_price[arc]] = max(most[board.arc_price[arc]], board.arc_score[arc])
    for price in range(len(most)):
        if most[price] == -NEVER:
            most[price] = 0
    return most


@compiled
def evaluate(board: Board, quote: Quote, demand: Demand) -> int:
    """The bound that a quote proves, in thousandths of a cent, and the demand that answers it."""
    full = np.empty(len(quote.lines), np.int64)
    back = granted(board, quote, full)
    worth = answered(board, quote, full, demand, 0, len(demand.worth))
    count_limits(board, demand)
    return summed(back, worth)


@compiled
def summed(back: int, worth: int) -> int:
    """The bound: what requests get back and what resources earn; `NEVER` if that is too much to be counted."""
    return int(NEVER) if worth >= BEYOND else back + worth


@compiled
def granted(board: Board, quote: Quote, full: Ints) -> int:
    """The bound without what the resources are worth; fills in each price with those of the limits it is in."""
    full[:] = full_prices(board, quote)
    total = board.constant + paid_back(board, quote.lines)
    for limit in range(len(board.at_most)):
        total += quote.limits[limit] * board.at_most[limit]
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
    requests_from, prices_from = board.requests_from, board.prices_from
    together, same_start = board.together, board.same_start
    for request in range(len(together)):
        if same_start[request]:
            total += best_start(board, request, prices)[0]
        elif together[request]:
            total += returned(board, request, prices)
        else:
            for line in range(requests_from[request], requests_from[request + 1]):
                total += max(0, prices[prices_from[line]])
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
    if first == last:
        return 0, -1
    best, which = 0, -1
    for start in range(board.prices_from[first + 1] - board.prices_from[first]):
        total = 0
        for line in range(first, last):
            total += prices[board.prices_from[line] + start]
        if total > best:
            best, which = total, start
    return best, which


@compiled
def answered(board: Board, quote: Quote, full: Ints, demand: Demand, from_resource: int, to_resource: int) -> int:
    """The worth of these resources' best answers, each at least 0, but no more than `BEYOND` together.

    What they use becomes the demand.
    """
    demand.lines[:] = 0
    demand.moments[board.moments_from[from_resource] : board.moments_from[to_resource]] = 0
    arcs_from, nodes_from, opening, exact = board.arcs_from, board.nodes_from, board.opening, board.exact
    score, price, skip, take, node_arc = board.arc_score, board.arc_price, board.skip, board.take, board.node_arc
    value, net = np.empty(longest(nodes_from) + 1, np.int64), np.empty(longest(arcs_from), np.int64)
    wanted, worths, total = demand.lines, demand.worth, 0
    for resource in range(from_resource, to_resource):
        first, low, high = arcs_from[resource], nodes_from[resource], nodes_from[resource + 1] - 1
        worth = 0
        if exact[resource]:
            nets_of_arcs(first, arcs_from[resource + 1], score, price, full, net)
            worth = longest_path(low, high, first, skip, take, node_arc, net, value) - opening[resource]
            if worth > 0:
                follow_path(low, high, skip, take, node_arc, price, value, wanted)
        elif first < arcs_from[resource + 1]:
            worth = moment_worth(board, resource, quote.moments, full, demand) - opening[resource]
        worths[resource] = max(0, worth)
        total = min(BEYOND, total + worths[resource])
    return total


@inner
def nets_of_arcs(first: int, last: int, score: Ints, price: Shorts, full: Ints, net: Ints) -> None:
    """What a resource's arcs, from `first` to `last`, score less their prices."""
    for arc in range(first, last):
        net[arc - first] = score[arc] - full[price[arc]]


@inner
def longest_path(
    first: int, terminal: int, arcs: int, skip: Shorts, take: Shorts, node_arc: Shorts, net: Ints, value: Ints
) -> int:
    """The worth of the best schedule in a diagram; fills `value` with what can still be had from each node on.

    The diagram's nodes are those from `first` to `terminal`, `net` is by arc from `arcs` on.
    """
    value[terminal - first] = 0
    for node in range(terminal - 1, first - 1, -1):
        gain = net[node_arc[node] - arcs] + value[take[node] - first]
        value[node - first] = max(value[skip[node] - first], gain)
    return value[0]


@inner
def follow_path(
    first: int, terminal: int, skip: Shorts, take: Shorts, node_arc: Shorts, price: Shorts, value: Ints, wanted: Ints
) -> None:
    """Adds what the best schedule uses to what is wanted at each price."""
    node = first
    while node < terminal:
        if value[node - first] == value[skip[node] - first]:
            node = skip[node]
        else:
            wanted[price[node_arc[node]]] += 1
            node = take[node]


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
    first, last, lines = board.arcs_from[resource], board.arcs_from[resource + 1], board.arc_line
    arc = first
    while arc < last:
        line, gain, place = lines[arc], 0, -1
        while arc < last and lines[arc] == line:
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
    arcs, lines, units, score, price = board.place_arc, board.arc_line, board.units, board.arc_score, board.arc_price
    first_moment, last_moment = board.first_moment, board.last_moment
    for place in range(board.places_from[resource], board.places_from[resource + 1]):
        arc = arcs[place]
        rent = units[lines[arc]] * (upto[last_moment[place]] - upto[first_moment[place]])
        net = score[arc] - full[price[arc]] - rent
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


@compiled
def count_limits(board: Board, demand: Demand) -> None:
    """How many lines of each limit are in demand."""
    demand.limits[:] = 0
    if len(board.at_most):
        for price in range(len(demand.lines)):
            line = board.price_line[price]
            for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
                demand.limits[board.line_limits[at]] += demand.lines[price]
