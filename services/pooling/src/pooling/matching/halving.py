"""Large problems' work done by two threads, half each: compiled functions let others run beside them.

What comes out is the same as one thread's, to the last thousandth of a cent.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np

from pooling.matching.bidding import Auction, ask, learn
from pooling.matching.board import Board
from pooling.matching.bounding import Demand, Quote, answered, count_limits, granted, summed
from pooling.matching.compiled import Ints

LARGE = 300_000
"""Nodes and places of a board whose halves are worth a thread's while."""


class Halves(NamedTuple):
    """The first resource of the second half, and what is written while halves are answered."""

    middle: int
    full: Ints
    other: Demand


def halves(board: Board, demand: Demand) -> Halves | None:
    """The halves of a large board, of about equal work; nothing for a small one."""
    work = np.diff(board.nodes_from) + np.where(board.exact, 0, np.diff(board.places_from))
    if work.sum() < LARGE:
        return None
    lines = np.zeros_like(demand.lines)
    return Halves(
        int(np.searchsorted(work.cumsum(), work.sum() // 2)), np.zeros_like(lines), demand._replace(lines=lines)
    )


def bid_in_halves(
    board: Board, auction: Auction, parts: Halves, helper: Executor, steps: int, left: Callable[[], float]
) -> bool:
    """Makes so many steps of bidding, or those until no seconds are left; whether it is worth while to go on."""
    for _ in range(steps):
        if left() <= 0:
            break
        ask(auction)
        bound = evaluate_in_halves(board, auction.quote, auction.demand, parts, helper)
        if not learn(board, auction, bound):
            return False
    return True


def evaluate_in_halves(board: Board, quote: Quote, demand: Demand, parts: Halves, helper: Executor) -> int:
    """The bound that a quote proves, in thousandths of a cent, and the demand that answers it."""
    back = granted(board, quote, parts.full)
    other = helper.submit(answered, board, quote, parts.full, parts.other, parts.middle, len(demand.worth))
    worth = answered(board, quote, parts.full, demand, 0, parts.middle) + other.result()
    demand.lines[:] += parts.other.lines
    count_limits(board, demand)
    return int(summed(back, worth))
