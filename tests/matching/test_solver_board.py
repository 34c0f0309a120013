"""The board has every place that is worth something, in order, whoever of two threads wrote it."""

import numpy as np
import pytest

from benchmarks.matching import instances
from pooling.matching import placing, starts
from pooling.matching.board import Board, board_of
from pooling.matching.bounding import best_start
from pooling.matching.compiling import compile_problem
from pooling.matching.problem import Current, Line, Problem, Request, Resource


def board_of_problem(problem: Problem) -> Board:
    return board_of(compile_problem(problem))[0]


@pytest.mark.parametrize("family", ["flexible", "bundles", "everything", "one-to-one"])
def test_two_threads_make_the_board_that_one_makes(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = instances.problem_of(family, 300, 1)
    one = board_of_problem(problem)
    monkeypatch.setattr(placing, "LARGE", 0)
    monkeypatch.setattr(starts, "LARGE", 0)
    two = board_of_problem(problem)
    for name in Board._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)


@pytest.mark.parametrize("family", ["flexible", "bundles", "everything"])
def test_places_rise_on_each_resource_and_for_each_line(family: str) -> None:
    board = board_of_problem(instances.problem_of(family, 300, 1))
    line = board.arc_line[board.place_arc]
    resource = board.arc_resource[board.place_arc]
    assert (np.lexsort((line, board.begin, resource)) == np.arange(len(line))).all()
    assert (np.lexsort((board.arc_price, board.arc_line, board.arc_resource)) == np.arange(len(board.arc_line))).all()
    assert (np.lexsort((board.line_places, line[board.line_places])) == np.arange(len(line))).all()
    assert (board.line_score == board.arc_score[board.place_arc[board.line_places]]).all()
    counts = np.bincount(line, minlength=len(board.units))
    assert (np.diff(board.line_places_from) == counts).all()


def test_what_scores_nothing_away_from_home_has_a_place_at_home_only() -> None:
    vans = tuple(Resource(f"van {at}", "van", ("p",), free=((0, 600),)) for at in range(2))
    poor = Line("poor", "van", 0, 60, (0, 120), 60, current=Current("van 1", 60))
    rich = Line("rich", "van", 10, 60, (0, 120), 60, current=Current("van 0", 120))
    board = board_of_problem(Problem(vans, (Request("q", "p", (poor,)), Request("r", "p", (rich,))), stability=5))
    assert board.arc_line.tolist() == [1, 1, 0, 1]
    assert board.arc_score.tolist() == [10_000, 15_000, 5_000, 10_000]
    arcs = [board.place_arc[low:high].tolist() for low, high in ((0, 3), (3, 7))]
    assert arcs == [[0, 0, 1], [3, 2, 3, 3]]
    assert board.begin.tolist() == [0, 60, 120, 0, 60, 60, 120]


def test_a_bundle_without_lines_that_is_the_last_has_no_start_to_be_paid_for() -> None:
    line = Line("l", "van", 10, 60, (0, 0))
    empty = Request("empty", "p", (), together=True, same_start=True)
    board = board_of_problem(Problem((), (Request("q", "p", (line,)), empty)))
    uncompiled = best_start.py_func  # type: ignore[attr-defined]  # which looks whether what it reads is there
    assert uncompiled(board, 1, np.zeros(1, np.int64)) == (0, -1)
