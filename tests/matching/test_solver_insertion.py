"""Requests are placed where they gain most; what can't gain more is left out of the looking, and nothing else is."""

import numpy as np
import pytest

from benchmarks.matching import instances
from pooling.matching.compiled import NEVER, Ints
from pooling.matching.construction import by_value
from pooling.matching.insertion import insert_all
from pooling.matching.packing import empty
from pooling.matching.problem import SCALE
from pooling.matching.rebuilding import in_order
from tests.matching.boards import relaxed_board


@pytest.mark.parametrize("family", ["everything", "flexible", "bundles"])
def test_looking_no_further_than_where_more_can_be_gained_finds_the_same_places(family: str) -> None:
    board = relaxed_board(instances.problem_of(family, 300, 1))
    places, chance = len(board.place_arc), np.random.default_rng(1)
    rent: Ints = chance.integers(0, 5_000, places) * SCALE
    hurried = in_order(board, rent, np.zeros(places, np.int64))
    patient = hurried._replace(
        line_most=np.zeros(0, np.int64), line_score=np.full(len(hurried.line_places), NEVER, np.int64)
    )
    order, one, other = by_value(board), empty(board), empty(board)
    insert_all(hurried, one, order, rent)
    insert_all(patient, other, order, rent)
    assert one.place.tolist() == other.place.tolist()
    assert (one.place != -1).sum() > 100
