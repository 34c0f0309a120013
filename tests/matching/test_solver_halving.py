"""Two threads find the same as one."""

from concurrent.futures import ThreadPoolExecutor
from math import inf

import numpy as np
import pytest

from benchmarks.matching import instances
from pooling.matching import halving
from pooling.matching.bidding import bid, opened
from pooling.matching.components import halves_of_requests, shares
from pooling.matching.halving import bid_in_halves, halves
from pooling.matching.packing import empty, put_all
from pooling.matching.problem import Limit, Line, Problem, Request, Resource
from tests.matching.boards import relaxed_board

VAN = Resource("r", "van", ("p",), free=((0, 1440),))


@pytest.mark.parametrize("family", ["fixed", "bundles", "everything"])
def test_prices_found_by_two_threads_are_those_of_one(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    board = relaxed_board(instances.problem_of(family, 300, 1))
    one, two = opened(board), opened(board)
    monkeypatch.setattr(halving, "LARGE", 0)
    parts = halves(board, two.demand)
    assert parts is not None
    assert 0 < parts.middle < len(board.capacity)
    with ThreadPoolExecutor(1) as helper:
        assert bid(board, one, 60) == bid_in_halves(board, two, parts, helper, 60, lambda: inf)
    assert one.bound[0] == two.bound[0]
    assert np.array_equal(one.flat, two.flat)
    assert np.array_equal(one.best, two.best)


def test_bidding_in_halves_ends_when_no_seconds_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    board = relaxed_board(instances.problem_of("fixed", 300, 1))
    auction, looks = opened(board), iter([2.0, 1.0, 0.0])
    monkeypatch.setattr(halving, "LARGE", 0)
    parts = halves(board, auction.demand)
    assert parts is not None
    with ThreadPoolExecutor(1) as helper:
        assert bid_in_halves(board, auction, parts, helper, 60, lambda: next(looks))
    twice = opened(board)
    bid(board, twice, 2)
    assert np.array_equal(auction.flat, twice.flat)


def test_a_small_problem_is_not_halved() -> None:
    board = relaxed_board(instances.problem_of("fixed", 300, 1))
    assert halves(board, opened(board).demand) is None


def asked(name: str, minute: int) -> Request:
    """An hour of the van."""
    return Request(name, "p", (Line(name, "van", 1_000, 60, (minute, minute), 30),))


def halved(*requests: Request) -> list[list[int]]:
    """The halves of requests for one van."""
    board = relaxed_board(Problem((VAN,), requests))
    return [own.tolist() for own in halves_of_requests(board)]


def test_requests_of_other_hours_are_in_the_other_half() -> None:
    assert halved(asked("a", 480), asked("b", 540)) == [[0], [1]]


def test_requests_that_overlap_through_another_are_in_one_half() -> None:
    assert halved(asked("a", 480), asked("b", 570), asked("c", 525)) == [[0, 1, 2]]


@pytest.mark.parametrize(("most", "placed", "expected"), [(5, 0, [[2], [3]]), (4, 1, [[2], [3]]), (1, 1, [[1], [1]])])
def test_halves_share_what_a_limit_leaves_by_the_lines_that_they_have_there(
    most: int, placed: int, expected: list[list[int]]
) -> None:
    requests = [asked(name, 480 + 60 * at) for at, name in enumerate("abcde")]
    problem = Problem((VAN,), tuple(requests), limits=(Limit(tuple("abcde"), most),))
    board = relaxed_board(problem)
    packing = empty(board)
    put_all(board, packing, np.arange(placed))
    halves = [np.array([0, 1]), np.array([2, 3, 4])]
    assert [limits.tolist() for limits in shares(board, packing, halves)] == expected
