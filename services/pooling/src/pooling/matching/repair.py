"""A part of the plan made anew, exactly: its model solved by HiGHS, with the plan as it is to begin from."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import highspy
import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Floats, Ints
from pooling.matching.diving import between, dive, relaxed
from pooling.matching.insertion import take_all_away
from pooling.matching.model import Model, model_of
from pooling.matching.neighbourhood import with_room
from pooling.matching.packing import Packing, put_all

MOST_NODES = 20
MOST_WORK = 20_000
"""So many columns, counted each time that branch and bound asks whether to go on: a step takes longer with more."""
CLOSE = 1e-4
"""A part is solved when it is so near to its best, relatively."""
MOST_OPEN = 100
"""Columns that the relaxed model leaves between 0 and 1; beyond, branch and bound takes long."""
FEW = 150
"""Columns that a better solution might have otherwise; with more, one is dived for first."""
TAKEN = 0.5
LEAST_GAIN = 5e-4
"""Cents: half of the least that two plans can differ by."""


class Part(NamedTuple):
    """Requests, the places that they may have and those that they have, and the model with its columns as they are."""

    requests: Ints
    places: Ints
    before: Ints
    model: Model
    start: Floats


class Solved(NamedTuple):
    """Every column's value, the simplex iterations that it took, and whether nothing much better is possible."""

    columns: Floats
    iterations: int
    ended: bool


def part_of(board: Board, packing: Packing, requests: Ints, places: Ints) -> Part:
    """The part in which these requests choose anew among these places."""
    before = packing.place[lines_of(board, requests)]
    before = before[before != NONE]
    take_all_away(board, packing, requests)
    places = with_room(board, packing, places)
    model = model_of(board, packing, places, requests)
    put_all(board, packing, before)
    return Part(requests, places, before, model, starting(model, places, before))


def place_anew(board: Board, packing: Packing, part: Part, found: Solved) -> bool:
    """Places a part as it was solved, if the plan is better for it; whether it is.

    It isn't where another part took the room meanwhile.
    """
    if part.model.worth(found.columns) <= part.model.worth(part.start) + LEAST_GAIN:
        return False
    take_all_away(board, packing, part.requests)
    was = put_all(board, packing, part.before)
    take_all_away(board, packing, part.requests)
    if put_all(board, packing, part.places[found.columns[: len(part.places)] > TAKEN]) > was:
        return True
    take_all_away(board, packing, part.requests)
    put_all(board, packing, part.before)
    return False


def lines_of(board: Board, requests: Ints) -> Ints:
    """The lines of requests."""
    return np.concatenate([np.arange(board.requests_from[q], board.requests_from[q + 1]) for q in requests])


def starting(model: Model, places: Ints, before: Ints) -> Floats:
    """Every column as the plan is now: places, then what follows from them."""
    values = np.zeros(len(model.gains))
    values[: len(places)] = np.isin(places, before)
    taken = np.add.reduceat(values[model.columns], model.rows_from[:-1])
    last = model.rows_from[1:] - 1
    values[model.columns[last[(taken > 0) & (model.factors[last] < 0)]]] = 1.0
    return values


def solved(model: Model, start: Floats, seconds: float | None) -> Solved:
    """The best solution found: by diving, and exactly if the relaxed model leaves little open.

    What a column would cost (its reduced cost) is at most what the plan lacks, or it is as in the relaxed model.
    """
    highs = quiet(seconds)
    highs.setOptionValue("presolve", "off")
    highs.passModel(programme(model, whole=False))
    values = relaxed(highs)
    spent = int(highs.getInfo().simplex_iteration_count)
    if values is None:
        return Solved(start, spent, ended=False)
    still_open = int(between(values).sum())
    if not still_open:
        return Solved(np.rint(values), spent, ended=True)
    most, costs = float(np.dot(model.gains, values)), np.abs(highs.getSolution().col_dual)
    if still_open > MOST_OPEN or int((costs < most - model.worth(start)).sum()) > FEW:
        found = dive(highs, model, values)
        if found is not None and model.worth(found) > model.worth(start):
            start = found
    short = most - model.worth(start)
    if still_open > MOST_OPEN or short < CLOSE * abs(most):
        return Solved(start, spent, ended=still_open <= MOST_OPEN)
    known = np.where(costs > short + LEAST_GAIN, np.rint(values), NONE)
    return exactly(model, start, known, seconds)


def exactly(model: Model, start: Floats, known: Floats, seconds: float | None) -> Solved:
    """The best solution by branch and bound, no worse than `start`, within the work that a part may take.

    `known` says which columns are 0 or 1 in all better ones; `NONE` where that isn't known.
    """
    highs = quiet(seconds)
    highs.setOptionValue("mip_rel_gap", CLOSE)
    highs.setOptionValue("mip_max_nodes", MOST_NODES)
    whole = programme(model, whole=True)
    whole.col_lower_, whole.col_upper_ = np.where(known == NONE, 0.0, known), np.where(known == NONE, 1.0, known)
    highs.passModel(whole)
    solution = highspy.HighsSolution()
    solution.col_value = start.tolist()
    highs.setSolution(solution)
    highs.setCallback(stop_when_long(len(start)), None)
    highs.startCallback(highspy.cb.HighsCallbackType.kCallbackMipInterrupt)
    highs.run()
    ended = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    found = highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    columns = np.array(highs.getSolution().col_value) if found else start
    columns = max(start, columns, key=model.worth)  # presolving may lose a part of `start`
    return Solved(columns, int(highs.getInfo().simplex_iteration_count), ended)


def quiet(seconds: float | None) -> Any:
    """A solver that prints nothing, not even its name: `highspy.Highs` does when it is made."""
    highs = highspy._core._Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    if seconds is not None:
        highs.setOptionValue("time_limit", max(0.0, seconds))
    return highs


def stop_when_long(columns: int) -> Callable[[object, str, Any, Any, Any], None]:
    """Ends a search that takes long, told by how often it asks: that is the same on every machine.

    HiGHS asks at each step of branch and bound, and of the cuts before. The iterations that it tells then are -1.
    """
    stages = count()

    def stop(_kind: object, _said: str, _told: Any, asked: Any, _data: object) -> None:
        asked.user_interrupt = next(stages) * columns >= MOST_WORK

    return stop


def programme(model: Model, *, whole: bool) -> highspy.HighsLp:
    """The model as HiGHS wants it."""
    columns = len(model.gains)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = columns, len(model.low)
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_ = model.gains
    programme.col_lower_, programme.col_upper_ = np.zeros(columns), np.ones(columns)
    programme.row_lower_, programme.row_upper_ = model.low, model.high
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = model.rows_from.astype(np.int32)
    programme.a_matrix_.index_ = model.columns.astype(np.int32)
    programme.a_matrix_.value_ = model.factors
    if whole:
        programme.integrality_ = [highspy.HighsVarType.kInteger] * columns
    return programme
