"""The board of a problem, with all that bounds need."""

from pooling.matching.board import Board, board_of
from pooling.matching.compiling import compile_problem
from pooling.matching.problem import Problem
from pooling.matching.relaxing import relaxed


def relaxed_board(problem: Problem) -> Board:
    """Made as if there were no end of time."""
    board = relaxed(board_of(compile_problem(problem))[0], lambda: 1.0)
    assert board is not None
    return board
