"""The best choice of a small model's columns: its relaxation, solved again and again from where it was.

A column between 0 and 1 is taken first, then given up, depth first (A. H. Land, A. G. Doig, *An automatic method of
solving discrete programming problems*, Econometrica 28, 1960). A part of thirty lines leaves a few columns open, and
each step costs a few pivots; HiGHS's own branch and bound begins with presolve, cuts and heuristics, ten milliseconds.
"""

from typing import Any

import numpy as np

from pooling.matching.compiled import Floats
from pooling.matching.diving import between, relaxed
from pooling.matching.model import Model
from pooling.matching.repair import CLOSE, LEAST_GAIN, programme, quiet

MOST_SOLVED = 30


def best_choice(model: Model, start: Floats) -> Floats:
    """The best choice found, or `start` if none is better; the best of all unless that takes MOST_SOLVED relaxations.

    Nothing is looked for that would gain less than `CLOSE` of the whole.
    """
    highs = quiet(None)
    highs.setOptionValue("presolve", "off")
    highs.passModel(programme(model, whole=False))
    values = relaxed(highs)
    if values is None:
        return start
    least = max(LEAST_GAIN, CLOSE * abs(objective(highs)))
    if not between(values).any():
        return np.rint(values) if objective(highs) > model.worth(start) + LEAST_GAIN else start
    best, worth, branches, solved = start, model.worth(start), [[branching(values), 1.0]], 1
    while branches and solved < MOST_SOLVED:
        column, side = branches[-1]
        highs.changeColBounds(int(column), side, side)
        values, solved = relaxed(highs), solved + 1
        if values is not None and objective(highs) > worth + least:
            if between(values).any():
                branches.append([branching(values), 1.0])
                continue
            best, worth = np.rint(values), objective(highs)
        backtrack(highs, branches)
    return best


def objective(highs: Any) -> float:
    """The relaxed model's value (cents), as last solved."""
    return float(highs.getInfo().objective_function_value)


def branching(values: Floats) -> int:
    """The column between 0 and 1 that is nearest to 1."""
    return int(np.argmax(np.where(between(values), values, -1.0)))


def backtrack(highs: Any, branches: list[list[float]]) -> None:
    """Goes on with the other side of the last column that was only taken so far; what is below it is open again."""
    while branches and branches[-1][1] == 0.0:
        column, _ = branches.pop()
        highs.changeColBounds(int(column), 0.0, 1.0)
    if branches:
        branches[-1][1] = 0.0
