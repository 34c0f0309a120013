"""The first plan, as soon as it is known what may go where, and a bound that scores alone prove.

Where every line pays the most that it scores anywhere, no resource earns anything. So no plan is worth more than what
the requests get back: what each could have at best if it were alone.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board, board_of
from pooling.matching.bounding import Quote, all_asked, granted
from pooling.matching.compiled import Ints
from pooling.matching.compiling import Compiled, compile_problem
from pooling.matching.construction import by_value
from pooling.matching.insertion import insert_all
from pooling.matching.packing import Packing, empty, worth
from pooling.matching.problem import SCALE, Problem
from pooling.matching.starts import Lacking

NO_RENT = np.zeros(0, np.int64)


class Beginning(NamedTuple):
    """The problem, its board that isn't relaxed yet, and the best plan and prices so far.

    `order` is of requests; `value` and `proved`, the bound, are in thousandths of a cent.
    """

    problem: Compiled
    board: Board
    lacking: Lacking
    order: Ints
    best: Packing
    value: int
    quote: Quote
    proved: int

    @property
    def bound(self) -> int:
        """Cents."""
        return self.proved // SCALE


def beginning(problem: Problem) -> Beginning:
    """A plan of the most valuable requests first, if it is worth more than nothing, and its bound."""
    columns = compile_problem(problem)
    board, lacking = board_of(columns)
    order, best = by_value(board), empty(board)
    nothing = int(worth(board, best))
    insert_all(board, best, order, NO_RENT)
    value = int(worth(board, best))
    if value <= nothing:
        best, value = empty(board), nothing
    quote = all_asked(board)
    proved = int(granted(board, quote, np.empty_like(quote.lines)))
    return Beginning(columns, board, lacking, order, best, value, quote, proved)
