"""Plans of resources with several units: taken away and placed anew, and bounded with no line twice at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks.matching import instances
from pooling.matching.board import Board
from pooling.matching.compiled import Ints
from pooling.matching.construction import by_value
from pooling.matching.insertion import insert_all
from pooling.matching.packing import Packing, copy_of, empty, worth
from pooling.matching.problem import Budget, Line, Problem, Request, Resource
from pooling.matching.rebuilding import Rebuilding, best_of, rebuild, rebuild_some, rebuildings
from pooling.matching.solver import solve
from tests.matching.boards import relaxed_board

NO_RENT = np.zeros(0, np.int64)


def started(family: str, seed: int) -> tuple[Board, Packing, list[Rebuilding]]:
    board = relaxed_board(instances.problem_of(family, 300, seed))
    packing, order = empty(board), by_value(board)
    insert_all(board, packing, order, NO_RENT)
    free: Ints = np.zeros(len(board.place_arc), np.int64)
    chance = np.random.default_rng(seed)
    return board, packing, rebuildings(board, packing, int(worth(board, packing)), order, free, free, chance)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_placed_anew_is_worth_what_the_steps_count_and_the_best_is_kept(seed: int) -> None:
    board, packing, (search, *_) = started("everything", seed)
    for _ in range(10):
        rebuild(search, NO_RENT, 100)
        assert search.value.tolist() == [worth(board, search.packing), worth(board, search.best)]
        assert (search.open == (search.packing.first != -1)).all()
    assert worth(board, search.best) > worth(board, packing)


def test_a_step_that_loses_more_than_the_heat_allows_leaves_the_plan_as_it_was() -> None:
    board, _, (search, *_) = started("everything", 1)
    search.heat[:] = 0.0
    for _ in range(200):
        before, value = copy_of(search.packing), int(search.value[0])
        rebuild(search, NO_RENT, 1)
        assert search.value[0] >= value
        if search.value[0] == value:
            assert worth(board, search.packing) == worth(board, before)
    assert (search.packing.place != -1).any()


@pytest.mark.parametrize("family", ["units", "everything"])
def test_halves_placed_anew_side_by_side_are_one_plan_with_the_gains_of_both(family: str) -> None:
    board, packing, searches = started(family, 1)
    chance, free = np.random.default_rng(1), np.zeros(len(board.place_arc), np.int64)
    with ThreadPoolExecutor(1) as helper:
        assert rebuild_some(searches, free, chance, helper)
    plan, before = best_of(searches), int(worth(board, packing))
    gains = [int(worth(board, search.best)) - before for search in searches]
    assert len(gains) == 2
    assert min(gains) > 0
    assert worth(board, plan) == before + sum(gains)
    assert overlapping(board, plan) == []
    assert (plan.placed <= board.at_most).all()


def overlapping(board: Board, packing: Packing) -> list[int]:
    """The resources that have more units in use than they have, at the begin of some block."""
    resource = board.arc_resource[board.place_arc]
    placed = packing.place[packing.place != -1]
    return [
        int(resource[place])
        for place in placed
        if sum(
            int(board.units[board.arc_line[board.place_arc[other]]])
            for other in placed
            if resource[other] == resource[place] and board.begin[other] <= board.begin[place] < board.end[other]
        )
        > board.capacity[resource[place]]
    ]


def test_no_resource_is_thought_to_serve_a_line_twice_at_a_time() -> None:
    line = Line("l", "van", 1_000, 60, (480, 510), 30)
    many = Problem((Resource("r", "van", ("p",), units=2, free=((0, 1440),)),), (Request("q", "p", (line,)),))
    plan = solve(many, Budget(rounds=1), 1)
    board = relaxed_board(many)
    assert np.diff(board.nodes_from).tolist() == [3], "two places, of which the second isn't there after the first"
    assert (plan.value, plan.bound) == (1_000, 1_000)
