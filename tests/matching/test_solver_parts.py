"""Parts of a problem are counted, and parts of a plan are made anew without making it worse."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import inf

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import nothing_asked
from pooling.matching.compiled import Ints
from pooling.matching.diving import between, dive, relaxed
from pooling.matching.improvement import improve, improver
from pooling.matching.model import Model
from pooling.matching.packing import empty, put, worth
from pooling.matching.problem import SCALE, Budget, Limit, Line, Problem, Request, Resource
from pooling.matching.repair import part_of, place_anew, programme, quiet, solved
from pooling.matching.solver import solve
from tests.matching.boards import relaxed_board
from tests.matching.models import allowed, excluding

DAY = ((0, 1440),)


def asked(name: str, resource: str, minute: int = 480) -> Request:
    line = Line(f"l{name}", "van", 1_000, 60, (minute, minute), only=frozenset({resource}))
    return Request(name, "p", (line,))


def offered(count: int) -> tuple[Resource, ...]:
    return tuple(Resource(f"r{at}", "van", ("p",), free=DAY) for at in range(count))


def test_what_shares_neither_resource_nor_limit_is_a_part_of_its_own() -> None:
    requests = (asked("a", "r0"), asked("b", "r0", 600), asked("c", "r1"), asked("d", "r2"))
    assert solve(Problem(offered(4), requests), Budget(rounds=0), 1).components == 3
    together = Problem(offered(4), requests, limits=(Limit(("lc", "ld"), 1),))
    assert solve(together, Budget(rounds=0), 1).components == 2


def odd_ring(size: int) -> Model:
    """Columns in rings of five of which neighbours exclude each other: relaxed, all are at a half."""
    gains = [10.0 + at % 5 / 1_000 for at in range(size)]
    return excluding(gains, [(at, at + 1 if at % 5 < 4 else at - 4) for at in range(size)])


def test_diving_makes_whole_columns_of_halves_and_keeps_every_row() -> None:
    model = odd_ring(500)
    highs = quiet(None)
    highs.passModel(programme(model, whole=False))
    values = relaxed(highs)
    assert values is not None
    assert between(values).sum() == 500
    found = dive(highs, model, values)
    assert found is not None
    assert set(found.tolist()) == {0.0, 1.0}
    assert allowed(model, found)
    assert found.sum() == 200


def test_a_small_part_is_solved_exactly() -> None:
    found = solved(odd_ring(50), np.zeros(50), None)
    assert found.ended
    assert found.columns.sum() == 20


def test_a_part_leaves_room_for_what_ends_between_the_begins_of_its_places() -> None:
    hours = (("staying", 2, 0, 60), ("first", 1, 30, 90), ("second", 1, 40, 80), ("third", 1, 90, 60))
    requests = tuple(
        Request(f"q{name}", "p", (Line(name, "van", 1_000, minutes, (start, start), units=units),))
        for name, units, start, minutes in hours
    )
    board = relaxed_board(Problem((Resource("r", "van", ("p",), units=3, free=DAY),), requests))
    packing = empty(board)
    put(board, packing, int(board.line_places[board.line_places_from[0]]))
    part = part_of(board, packing, np.arange(1, 4), board.line_places[1:].astype(np.int64))
    assert place_anew(board, packing, part, solved(part.model, part.start, None))
    assert (packing.place >= 0).sum() == 3, "until 60 the first and the second have one unit between them"


def test_of_two_parts_that_take_the_same_room_the_second_stays_as_it_was() -> None:
    requests = (asked("a", "r0"), asked("b", "r0", 510))
    board = relaxed_board(Problem(offered(1), requests))
    packing = empty(board)
    parts = [part_of(board, packing, np.array([at]), np.flatnonzero(line_of_place(board) == at)) for at in (0, 1)]
    found = [solved(part.model, part.start, None) for part in parts]
    assert [part.model.worth(each.columns) for part, each in zip(parts, found, strict=True)] == [1_000, 1_000]
    assert place_anew(board, packing, parts[0], found[0])
    assert not place_anew(board, packing, parts[1], found[1])
    assert worth(board, packing) == 1_000 * SCALE


def test_requests_without_lines_are_in_no_part() -> None:
    nothing = tuple(Request(f"nothing {at}", "p", (), together=at % 2 == 0) for at in range(6))
    board = relaxed_board(Problem(offered(1), (asked("a", "r0"), *nothing, asked("b", "r0", 510))))
    packing, search = empty(board), improver(board, nothing_asked(board), np.random.default_rng(1))
    with ThreadPoolExecutor(1) as helper:
        for _ in range(10):
            search.size = 1
            improve(search, packing, lambda: inf, helper)
    assert worth(board, packing) == 1_000 * SCALE


def line_of_place(board: Board) -> Ints:
    return board.arc_line[board.place_arc].astype(np.int64)


def test_solving_prints_nothing() -> None:
    script = "from pooling.matching.repair import quiet; quiet(None).run()"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert run.stdout == ""
