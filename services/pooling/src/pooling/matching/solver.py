"""The best plan that a budget allows, and a proof of how good it is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf

import numpy as np

from pooling.matching.assignment import assigned, is_assignment
from pooling.matching.beginning import Beginning, beginning
from pooling.matching.bidding import Auction, bid, opened, quote_of
from pooling.matching.board import Board
from pooling.matching.bounding import Quote, all_asked, evaluate, no_demand
from pooling.matching.certificate import certificate
from pooling.matching.cliques import propose
from pooling.matching.compiled import NONE, Ints
from pooling.matching.compiling import Compiled
from pooling.matching.components import components
from pooling.matching.construction import from_prices
from pooling.matching.emptying import LONG, Emptying, can_empty, empty_some, emptying, restart
from pooling.matching.halving import bid_in_halves, halves
from pooling.matching.improvement import Improver, improve, improver
from pooling.matching.insertion import insert_all
from pooling.matching.packing import Packing, assign, clear, copy_of, worth
from pooling.matching.problem import SCALE, Budget, Placed, Plan, Problem
from pooling.matching.rebuilding import Rebuilding, best_of, rebuild_some, rebuildings
from pooling.matching.relaxing import relaxed
from pooling.matching.rents import regrets

Tell = Callable[[int, int], None]
STEPS = 50
SLOW, FAR = 0.001, 0.02
"""Once a round betters the bound by less than so much of it, with a step so long that many more will come, what is
placed anew gains more."""
SELDOM = 8
"""One round in so many is spent on prices all the same."""
OTHERS = 100
"""Where openings matter most, one round in so many isn't spent on emptying resources."""


class Search:
    """The best plan and prices so far, and the next round, cut short where it takes long and no seconds are `left`."""

    def __init__(self, first: Beginning, board: Board, seed: int, left: Callable[[], float]) -> None:
        self.left = left
        self.first = first
        self.problem: Compiled = first.problem
        self.board = board
        self.lacking = first.lacking
        self.order: Ints = first.order
        self.best: Packing = first.best
        self.value = first.value
        self.trial: Packing = copy_of(first.best)
        self.chance = np.random.default_rng(seed)
        self.rent: Ints = np.zeros(len(board.place_arc), np.int64)
        self.regret: Ints = np.zeros(len(board.place_arc), np.int64)
        self.auction: Auction = opened(board)
        self.halves = halves(board, self.auction.demand)
        self.helper = ThreadPoolExecutor(1)
        self.assignment = is_assignment(board)
        self.bidding, self.waiting = True, False
        self.hot = bool((board.capacity > 1).any() and len(board.place_arc))
        self.rebuildings: list[Rebuilding] = []
        self.improver: Improver | None = None
        bid(board, self.auction, 1)
        self.emptying: Emptying | None = None
        if can_empty(board) and propose(board, self.auction):
            self.emptying = emptying(board, self.best, self.chance)
        self.rounds = self.fruitless = 0

    @property
    def bound(self) -> int:
        """Cents."""
        return min(self.first.bound, self.asked)

    @property
    def asked(self) -> int:
        """The bound that bidding proves, in cents."""
        return int(self.auction.bound[0]) // SCALE

    @property
    def quote(self) -> Quote:
        """The prices that prove the bound."""
        if self.first.proved < self.auction.bound[0]:
            return all_asked(self.board)
        return quote_of(self.board, self.auction.best)

    def keep(self, packing: Packing) -> None:
        """Keeps a plan if it is better."""
        value = int(worth(self.board, packing))
        if value > self.value:
            self.value = value
            assign(self.best, packing)

    def round(self) -> bool:
        """One unit of work; whether another can help."""
        self.rounds += 1
        if self.assignment:
            self.assign()
        elif self.emptying is not None and self.rounds % OTHERS:
            self.empty_resources(self.emptying)
        elif self.bidding and not (self.hot and self.waiting and self.rounds % SELDOM):
            self.bid()
            if not self.rebuildings:
                self.construct(quote_of(self.board, self.auction.best))
        elif self.hot:
            self.rebuild()
        else:
            self.improve()
        return self.bound * SCALE > self.value

    def assign(self) -> None:
        """The best plan, and prices that prove it."""
        clear(self.trial)
        self.auction.best[:] = assigned(self.board, self.trial)
        self.auction.bound[0] = evaluate(self.board, quote_of(self.board, self.auction.best), no_demand(self.board))
        self.keep(self.trial)

    def bid(self) -> None:
        """Looks for better prices, and whether that is still worth while, or can wait."""
        if self.halves is None:
            self.bidding = bool(bid(self.board, self.auction, STEPS))
            return
        before = self.asked
        self.bidding = bid_in_halves(self.board, self.auction, self.halves, self.helper, STEPS, self.left)
        slow = before - self.asked < SLOW * abs(self.asked) and self.auction.step[0] > FAR
        self.waiting = self.waiting or slow

    def construct(self, quote: Quote) -> None:
        """Plans by the rents of these prices: requests where they are regretted least, and schedules first."""
        regrets(self.board, quote, self.rent, self.regret)
        clear(self.trial)
        insert_all(self.board, self.trial, self.order, self.rent)
        self.keep(self.trial)
        resources = self.chance.permutation(len(self.board.capacity))
        from_prices(self.board, self.trial, quote, resources, self.order, self.rent)
        self.keep(self.trial)

    def empty_resources(self, search: Emptying) -> None:
        """Looks for a plan with a resource less."""
        self.fruitless += 1
        if empty_some(self.board, search):
            self.keep(search.packing)
            self.fruitless = 0
        elif self.fruitless == LONG:
            restart(search, self.best)
            self.fruitless = 0

    def rebuild(self) -> None:
        """Takes away and places anew, where resources have several units: parts made anew come on slowly there."""
        if not self.rebuildings:
            regrets(self.board, quote_of(self.board, self.auction.best), self.rent, self.regret)
            self.rebuildings = rebuildings(
                self.board, self.best, self.value, self.order, self.rent, self.regret, self.chance
            )
        self.hot = rebuild_some(self.rebuildings, self.rent, self.chance, self.helper)
        self.keep(best_of(self.rebuildings))

    def improve(self) -> None:
        """Makes parts of the best plan anew."""
        if self.improver is None:
            self.improver = improver(self.board, quote_of(self.board, self.auction.best), self.chance)
        improve(self.improver, self.best, self.left, self.helper)
        self.value = int(worth(self.board, self.best))


def solve(problem: Problem, budget: Budget, seed: int, tell: Tell | None = None) -> Plan:
    """The best plan found within the budget.

    `tell(value, bound)`, in cents, is called with the first plan, and then before and after each round. Raised by it,
    KeyboardInterrupt ends the search, with the best plan so far.
    """
    began = budget.clock()

    def left() -> float:
        return inf if budget.seconds is None else budget.seconds - (budget.clock() - began)

    first = beginning(problem)
    board = None if stopped(first, tell) else relaxed(first.board, left)
    if board is None:
        return plan_of(first, seed, 0, budget.clock() - began)
    search, rounds, going = Search(first, board, seed, left), 0, True
    while going and not stopped(search, tell) and left() > 0 and (budget.rounds is None or rounds < budget.rounds):
        rounds += 1
        going = search.round()
    return plan_of(search, seed, rounds, budget.clock() - began)


def stopped(found: Beginning | Search, tell: Tell | None) -> bool:
    """Whether the search ends as its best plan is told."""
    try:
        if tell is not None:
            tell(found.value // SCALE, found.bound)
    except KeyboardInterrupt:
        return True
    return False


def plan_of(found: Beginning | Search, seed: int, rounds: int, seconds: float) -> Plan:
    """What was found by the names of the problem."""
    board, problem, quote = found.board, found.problem, found.quote
    bound = int(evaluate(board, quote, no_demand(board))) // SCALE
    placed = []
    for line in np.flatnonzero(found.best.place != NONE):
        place = found.best.place[line]
        resource = int(board.arc_resource[board.place_arc[place]])
        start = int(board.begin[place] + board.before[resource])
        placed.append(Placed(problem.lines[line].id, problem.problem.resources[resource].id, start))
    prices = certificate(problem, board, found.lacking, quote)
    return Plan(found.value // SCALE, bound, tuple(placed), prices, seed, rounds, seconds, int(components(board)))
