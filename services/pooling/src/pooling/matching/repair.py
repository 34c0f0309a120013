"""A part of the plan made anew, exactly: its model solved by HiGHS, with the plan as it is to begin from."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import highspy
import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Floats, Ints
from pooling.matching.diving import between, dive, relaxed
from pooling.matching.insertion import take_away
from pooling.matching.model import Model, model_of
from pooling.matching.neighbourhood import with_room
from pooling.matching.packing import Packing, put

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


class Solved(NamedTuple):
    """Every column's value, the simplex iterations that it took, and whether nothing much better is possible."""

    columns: Floats
    iterations: int
    ended: bool


def repair(board: Board, packing: Packing, requests: Ints, places: Ints, seconds: float | None) -> Solved:
    """Chooses anew among these places, of these requests, and never worse."""
    lines = lines_of(board, requests)
    before = packing.place[lines].copy()
    for request in requests:
        take_away(board, packing, request)
    places = with_room(board, packing, places)
    model = model_of(board, packing, places, requests)
    start = starting(model, places, before)
    found = solved(model, start, seconds)
    better = model.worth(found.columns) > model.worth(start) + LEAST_GAIN
    for place in places[found.columns[: len(places)] > TAKEN] if better else before[before != NONE]:
        put(board, packing, place)
    return found


def lines_of(board: Board, requests: Ints) -> Ints:
    """The lines of requests."""
    return np.concatenate([np.arange(board.requests_from[q], board.requests_from[q + 1]) for q in requests])


def starting(model: Model, places: Ints, before: Ints) -> Floats:
    """Every column as the plan is now: places, then what follows from them."""
    values = np.zeros(len(model.gains))
    values[: len(places)] = np.isin(places, before)
    for _, _, columns, factors in model.rows:
        if len(columns) > 1 and factors[-1] < 0 and values[columns[:-1]].any():
            values[columns[-1]] = 1.0
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
    programme.num_col_, programme.num_row_ = columns, len(model.rows)
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_ = np.array(model.gains)
    programme.col_lower_, programme.col_upper_ = np.zeros(columns), np.ones(columns)
    programme.row_lower_ = np.array([low for low, _, _, _ in model.rows], float)
    programme.row_upper_ = np.array([high for _, high, _, _ in model.rows], float)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = np.cumsum([0, *(len(which) for _, _, which, _ in model.rows)]).astype(np.int32)
    programme.a_matrix_.index_ = np.concatenate(
        [np.empty(0, np.int64), *(which for _, _, which, _ in model.rows)]
    ).astype(np.int32)
    programme.a_matrix_.value_ = np.concatenate([np.empty(0), *(factors for _, _, _, factors in model.rows)])
    if whole:
        programme.integrality_ = [highspy.HighsVarType.kInteger] * columns
    return programme
