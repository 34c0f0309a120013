"""Prices that prove how many resources have to be opened: as many as there are lines under way at one moment.

Lines that are surely under way at the same moment, wherever they go, can't share a unit. Where every line pays all
that it scores, and those of that moment pay so much less as opening a resource costs, no resource earns more than its
opening; so the bound is what all lines score, less an opening for each line of the moment. With equal openings this is
the bound of the shift minimisation problem by its largest clique (Krishnamoorthy, Ernst and Baatar 2012).
"""

import numpy as np

from pooling.matching.bidding import Auction, quote_of
from pooling.matching.board import Board
from pooling.matching.bounding import evaluate, most_scored, no_demand
from pooling.matching.compiled import NEVER, Flags, Ints


def propose(board: Board, auction: Auction) -> bool:
    """Goes on from the prices of the dearest moment if they prove a better bound; whether they do."""
    flat = np.zeros(len(auction.flat), np.int64)
    flat[: len(board.price_line)] = clique_prices(board)
    bound = int(evaluate(board, quote_of(board, flat), no_demand(board)))
    if bound >= auction.bound[0]:
        return False
    auction.bound[0] = bound
    auction.best[:] = flat
    auction.asked[:] = flat
    return True


def clique_prices(board: Board) -> Ints:
    """A price per line (or line and start), in thousandths of a cent; the limits and moments stay free."""
    prices = most_scored(board)
    rebate = np.where(dearest_moment(board), least_openings(board), 0)[board.price_line]
    alone = ~board.together[board.request[board.price_line]]
    return prices - np.where(alone, np.clip(prices, 0, rebate), 0)


def least_openings(board: Board) -> Ints:
    """By line, the least that opening one of its resources costs; 0 for a line without any."""
    least = np.full(len(board.units), NEVER)
    np.minimum.at(least, board.arc_line, board.opening[board.arc_resource])
    return np.where(least == NEVER, 0, least)


def dearest_moment(board: Board) -> Flags:
    """Which lines are under way, whatever their place, at the moment when their openings sum to most."""
    line = board.arc_line[board.place_arc]
    begin, end = np.full(len(board.units), -NEVER), np.full(len(board.units), NEVER)
    np.maximum.at(begin, line, board.begin)
    np.minimum.at(end, line, board.end)
    cost = np.where((begin < end) & (begin > -NEVER), least_openings(board), 0)
    own = np.flatnonzero(cost)
    times = np.concatenate((end[own], begin[own]))
    changes = np.concatenate((-cost[own], cost[own]))
    order = np.lexsort((changes, times))
    total = np.cumsum(changes[order])
    if not len(total):
        return np.zeros(len(cost), bool)
    moment = times[order][np.argmax(total)]
    return (cost > 0) & (begin <= moment) & (moment < end)
