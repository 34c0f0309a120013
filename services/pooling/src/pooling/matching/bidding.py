"""Prices that prove a good bound: what too many resources want gets dearer, what nobody wants cheaper.

A subgradient method whose direction is a running average of the excess of supply over demand (deflection: Camerini,
Fratta and Maffioli 1975; Barahona and Anbil's volume algorithm, 2000), with Polyak's step towards a target a little
below the least bound so far. After some steps without a better bound it goes back to the best prices and steps more
shortly.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import Demand, Quote, best_start, evaluate, most_scored, no_demand, sizes_of
from pooling.matching.compiled import NEVER, Floats, Ints, compiled, inner

MEMORY = 0.7
AMBITION = 0.02
PATIENCE = 10
SHORTER = 0.7
LEAST_STEP = 1e-3
MOST = 10**18
"""Thousandths of a cent: what sums of prices don't exceed, nor sums of scores (`reading` sees to that)."""


class Auction(NamedTuple):
    """The method's state.

    `asked` are the prices as floats; `flat` is what `quote` shows by sort; `best` proved `bound`.
    """

    asked: Floats
    direction: Floats
    ceiling: Floats
    flat: Ints
    quote: Quote
    best: Ints
    bound: Ints
    demand: Demand
    step: Floats
    scale: Floats


def opened(board: Board) -> Auction:
    """The method before its first step.

    Every line at half of what its best arc would bring, limits and moments free.
    """
    sizes = sizes_of(board)
    flat = np.zeros(sum(sizes), np.int64)
    ceiling = ceilings(board, len(flat))
    asked = np.zeros(len(flat))
    asked[: sizes[0]] = np.maximum(0, most_scored(board)) / 2
    best = np.rint(asked).astype(np.int64)
    return Auction(
        asked, np.zeros(len(flat)), ceiling, flat, quote_of(board, flat), best,
        np.array([NEVER]), no_demand(board), np.array([1.0, 0.0]),
        scales(board),
    )  # fmt: skip


def scales(board: Board) -> Floats:
    """How finely each price moves: one that so many units pay changes the bound so many times as much."""
    return np.concatenate((
        np.ones(len(board.price_line)), 1.0 / np.maximum(1, board.at_most), 1.0 / np.maximum(1, board.moment_left)
    ))  # fmt: skip


def quote_of(board: Board, flat: Ints) -> Quote:
    """A view of all prices by sort."""
    lines, limits, _ = sizes_of(board)
    return Quote(flat[:lines], flat[lines : lines + limits], flat[lines + limits :])


def ceilings(board: Board, size: int) -> Floats:
    """More than any price has to be, but no more than what all that pay it can pay within 64 bits."""
    best = np.zeros(len(board.units))
    np.maximum.at(best, board.arc_line, board.arc_score)
    asked = np.bincount(board.request, best, len(board.together)) if len(best) else best
    most = np.full(size, best.max(initial=0.0) + 1)
    bundled = board.together[board.request]
    most[: len(board.price_line)] = np.where(bundled, asked[board.request], best)[board.price_line]
    return np.minimum(most, payable(board))


def payable(board: Board) -> Floats:
    """By price, the most that it may be, so that what all together pay isn't more than `MOST`.

    A bundle's lines may be paid for their places, a limit is paid by the line, and a moment by the unit.
    """
    bundled = board.together[board.request][board.price_line]
    lines = np.where(bundled, MOST / (len(board.place_arc) + len(bundled) + 1), MOST)
    limits = MOST / (np.maximum(1.0, board.at_most) * max(1, len(board.at_most)))
    counts = np.diff(board.moments_from)
    moments = MOST / (np.maximum(1.0, board.moment_left) * np.repeat(counts, counts))
    return np.floor(np.concatenate((lines, limits, moments)))


@compiled
def bid(board: Board, auction: Auction, steps: int) -> bool:
    """Makes so many steps; whether it is worth while to go on."""
    for _ in range(steps):
        ask(auction)
        if not learn(board, auction, evaluate(board, auction.quote, auction.demand)):
            return False
    return True


@compiled
def ask(auction: Auction) -> None:
    """Shows the prices asked in whole numbers."""
    for at in range(len(auction.asked)):
        auction.flat[at] = np.int64(np.floor(auction.asked[at] + 0.5))


@compiled
def learn(board: Board, auction: Auction, bound: int) -> bool:
    """Changes the prices by what was answered; whether it is worth while to go on."""
    judge(auction, bound)
    return auction.step[0] >= LEAST_STEP and move(board, auction, bound)


@inner
def judge(auction: Auction, bound: int) -> None:
    """Keeps the best prices; without success for long, returns to them with a shorter step."""
    if bound < auction.bound[0] - 1e-5 * abs(auction.bound[0]):
        auction.step[1] = 0
    else:
        auction.step[1] += 1
    if bound < auction.bound[0]:
        auction.bound[0] = bound
        auction.best[:] = auction.flat
    if auction.step[1] > PATIENCE:
        auction.step[0] *= SHORTER
        auction.step[1] = 0
        auction.asked[:] = auction.best


@inner
def move(board: Board, auction: Auction, bound: int) -> bool:
    """One step against the direction; false if there is nowhere to go."""
    excess = np.zeros(len(auction.asked))
    supply_excess(board, auction, excess)
    size = 0.0
    for at in range(len(excess)):
        auction.direction[at] = MEMORY * auction.direction[at] + (1 - MEMORY) * excess[at] * auction.scale[at]
        size += auction.direction[at] * auction.direction[at]
    if size == 0.0:
        return False
    least = float(auction.bound[0])
    length = auction.step[0] * (bound - least + AMBITION * abs(least) + 1.0) / size
    for at in range(len(excess)):
        asked = auction.asked[at] - length * auction.direction[at] * auction.scale[at]
        auction.asked[at] = min(auction.ceiling[at], max(-auction.ceiling[at], asked))
    project(board, auction.asked)
    return True


@inner
def supply_excess(board: Board, auction: Auction, excess: Floats) -> None:
    """How much more of each price's thing there is than is wanted, where the price may still move that way."""
    for request in range(len(board.together)):
        if board.same_start[request]:
            excess_of_start(board, request, auction, excess)
        elif board.together[request]:
            excess_of_bundle(board, request, auction, excess)
        else:
            for line in range(board.requests_from[request], board.requests_from[request + 1]):
                price = board.prices_from[line]
                excess[price] = free_to_move(auction.quote.lines[price], 1 - auction.demand.lines[price])
    first = len(board.price_line)
    for limit in range(len(board.at_most)):
        spare = board.at_most[limit] - auction.demand.limits[limit]
        excess[first + limit] = free_to_move(auction.quote.limits[limit], spare)
    first += len(board.at_most)
    for moment in range(len(board.moment)):
        spare = board.moment_left[moment] - auction.demand.moments[moment]
        excess[first + moment] = free_to_move(auction.quote.moments[moment], spare)


@inner
def free_to_move(price: int, excess: int) -> float:
    """A price of nothing can't fall."""
    return float(excess) if price > 0 else min(0.0, float(excess))


@inner
def excess_of_bundle(board: Board, request: int, auction: Auction, excess: Floats) -> None:
    """A bundle is bought if its lines' prices are worth it; at a worth of nothing, as much as is wanted on average."""
    first, last = board.requests_from[request], board.requests_from[request + 1]
    worth, wanted = 0, 0
    for line in range(first, last):
        worth += auction.quote.lines[board.prices_from[line]]
        wanted += auction.demand.lines[board.prices_from[line]]
    bought = 1.0 if worth > 1000 else min(1.0, wanted / (last - first))
    for line in range(first, last):
        excess[board.prices_from[line]] = bought - auction.demand.lines[board.prices_from[line]]


@inner
def excess_of_start(board: Board, request: int, auction: Auction, excess: Floats) -> None:
    """A bundle with one start is bought at its most worthy start."""
    _, bought = best_start(board, request, auction.quote.lines)
    for line in range(board.requests_from[request], board.requests_from[request + 1]):
        first = board.prices_from[line]
        for start in range(board.prices_from[line + 1] - first):
            excess[first + start] = (1.0 if start == bought else 0.0) - auction.demand.lines[first + start]


@inner
def project(board: Board, asked: Floats) -> None:
    """No price below nothing, but of a bundle's lines only the sum."""
    for request in range(len(board.together)):
        first, last = board.requests_from[request], board.requests_from[request + 1]
        if not board.together[request]:
            for line in range(first, last):
                asked[board.prices_from[line]] = max(0.0, asked[board.prices_from[line]])
        elif not board.same_start[request]:
            total = 0.0
            for line in range(first, last):
                total += asked[board.prices_from[line]]
            for line in range(first, last):
                asked[board.prices_from[line]] -= min(0.0, total) / (last - first)
    for at in range(len(board.price_line), len(asked)):
        asked[at] = max(0.0, asked[at])
