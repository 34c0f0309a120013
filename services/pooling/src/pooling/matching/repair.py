"""A part of the plan made anew, exactly: its model solved by HiGHS, with the plan as it is to begin from."""

import highspy
import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Floats, Ints
from pooling.matching.insertion import take_away
from pooling.matching.model import Model, model_of
from pooling.matching.neighbourhood import with_room
from pooling.matching.packing import Packing, put

MOST_NODES = 200
TAKEN = 0.5


def repair(board: Board, packing: Packing, requests: Ints, places: Ints, seconds: float | None) -> bool:
    """Chooses anew among these places, of these requests; false, and nothing has changed, if time ran out."""
    lines = lines_of(board, requests)
    before = packing.place[lines].copy()
    for request in requests:
        take_away(board, packing, request)
    places = with_room(board, packing, places)
    model = model_of(board, packing, places, requests)
    chosen = solved(model, starting(model, places, before), seconds)
    after = before[before != NONE] if chosen is None else places[chosen[: len(places)] > TAKEN]
    for place in after:
        put(board, packing, place)
    return chosen is not None


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


def solved(model: Model, start: Floats, seconds: float | None) -> Floats | None:
    """Every column in the best solution found, or nothing if time ran out."""
    highs = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "mip_rel_gap": 1e-6, "mip_max_nodes": MOST_NODES}
    for name, option in options.items():
        highs.setOptionValue(name, option)
    if seconds is not None:
        highs.setOptionValue("time_limit", max(0.0, seconds))
    highs.passModel(programme(model))
    solution = highspy.HighsSolution()
    solution.col_value = start.tolist()
    highs.setSolution(solution)
    highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
        return None
    return np.array(highs.getSolution().col_value)


def programme(model: Model) -> highspy.HighsLp:
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
    programme.integrality_ = [highspy.HighsVarType.kInteger] * columns
    return programme
