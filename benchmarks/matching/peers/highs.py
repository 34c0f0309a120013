"""HiGHS: the clique LP rounded by greedy, and the whole as a MIP. Never in one process with OR-Tools."""

import math
import time

import highspy
import numpy as np

from benchmarks.matching import greedy
from benchmarks.matching.arcs import Real
from benchmarks.matching.model import Model
from benchmarks.matching.peers.answer import Answer

SOLVED = highspy.HighsModelStatus.kOptimal


def rounded(model: Model, seconds: float) -> Answer:
    """Solve the LP; then place requests by their share in it, each on what has most of it, and fill up."""
    began = time.perf_counter()
    solver = _solver(model, seconds - (time.perf_counter() - began))
    solver.run()
    if solver.getModelStatus() != SOLVED:
        return Answer(None, None)
    share = np.round(np.array(solver.getSolution().col_value)[: model.placements], 6)
    lines = np.bincount(model.line, share, len(model.request)) / np.bincount(model.request)[model.request]
    order = greedy.by_worth(model, lines)
    return Answer(greedy.place(model, order, share), _bound(model, solver.getObjectiveValue()))


def mip(model: Model, seconds: float) -> Answer:
    """Branch and cut until time is up."""
    began = time.perf_counter()
    solver = _solver(model, 0.0)
    columns = len(model.score)
    kinds = np.full(columns, highspy.HighsVarType.kInteger)
    solver.changeColsIntegrality(columns, np.arange(columns, dtype=np.int32), kinds)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("time_limit", max(0.1, seconds - (time.perf_counter() - began)))
    solver.run()
    found = solver.getInfo()
    bound = _bound(model, found.mip_dual_bound) if math.isfinite(found.mip_dual_bound) else None
    if found.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Answer(None, bound)
    chosen = np.flatnonzero(np.array(solver.getSolution().col_value)[: model.placements] > 0.5)
    return Answer(chosen.tolist(), bound)


def _bound(model: Model, objective: float) -> int:
    """Whole cents: what the solver's own tolerance might hide is far below a thousandth of one."""
    return int(model.constant[0]) + math.floor(objective + 1e-3)


def _solver(model: Model, seconds: float) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", max(0.1, seconds))
    programme = highspy.HighsLp()
    columns, rows = len(model.score), len(model.high)
    programme.num_col_, programme.num_row_ = columns, rows
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_ = model.score.astype(float)
    programme.col_lower_, programme.col_upper_ = np.zeros(columns), np.ones(columns)
    programme.row_lower_, programme.row_upper_ = _finite(model.low), _finite(model.high)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = model.edges.astype(np.int32)
    programme.a_matrix_.index_ = model.column.astype(np.int32)
    programme.a_matrix_.value_ = model.weight.astype(float)
    solver.passModel(programme)
    return solver


def _finite(limits: Real) -> Real:
    """HiGHS has an infinity of its own."""
    return np.clip(limits, -highspy.kHighsInf, highspy.kHighsInf)
