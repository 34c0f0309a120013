"""A good choice among many places, quickly: the relaxed model, in which what is nearly taken is taken, again and again.

Each time the linear programme is solved from where it was, the columns nearest to 1 are fixed there, as many as fit
beside each other. What doesn't work out is undone, and its dearest column given up ("diving": Berthold, "Primal
heuristics for mixed integer programs", 2006).
"""

from typing import Any, NamedTuple

import highspy
import numpy as np

from pooling.matching.compiled import Flags, Floats, Ints, compiled
from pooling.matching.model import Model

SURE = 0.95
SHARE = 0.05
"""Of the columns between 0 and 1, so many are fixed at a time."""
MOST_SOLVED = 60
NEARLY = 1e-6


def relaxed(highs: Any) -> Floats | None:
    """The programme's best values between 0 and 1, or nothing if there are none or time ran out."""
    highs.run()
    solved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return np.array(highs.getSolution().col_value) if solved else None


def between(values: Floats) -> Flags:
    """Which are neither 0 nor 1."""
    return (values > NEARLY) & (values < 1 - NEARLY)


def dive(highs: Any, model: Model, values: Floats) -> Floats | None:
    """Whole values from those of the relaxed model that `highs` holds solved, or nothing if it does not work out."""
    uses = by_column(model)
    room = room_of(model)
    for _ in range(MOST_SOLVED):
        open_ = between(values)
        if not open_.any():
            return np.rint(values)
        chosen = compatible(nearest(values, open_), uses, room)
        bound(highs, chosen, 1.0, 1.0)
        found = relaxed(highs)
        if found is None:
            give_up(highs, chosen, uses, room)
            found = relaxed(highs)
        if found is None:
            return None
        values = found
    return None


def nearest(values: Floats, open_: Flags) -> Ints:
    """The columns to take next, nearest to 1 first."""
    columns = np.flatnonzero(open_)
    columns = columns[np.argsort(-values[columns], kind="stable")]
    count = max(1, int(SHARE * len(columns)), int((values[columns] > SURE).sum()))
    return columns[:count].astype(np.int64)


class Uses(NamedTuple):
    """The rows where columns take room, and how much: those of column c from `columns_from[c]` on."""

    columns_from: Ints
    row: Ints
    factor: Floats


def by_column(model: Model) -> Uses:
    """Where each column takes room."""
    takes = np.flatnonzero(model.factors > 0)
    order = takes[np.argsort(model.columns[takes], kind="stable")]
    ends = np.bincount(model.columns[takes], minlength=len(model.gains)).cumsum()
    return Uses(np.append(0, ends), row_of_entry(model)[order], model.factors[order])


def row_of_entry(model: Model) -> Ints:
    """By entry, its row."""
    return np.repeat(np.arange(len(model.low)), np.diff(model.rows_from))


def room_of(model: Model) -> Floats:
    """By row, what its columns can take, at the most."""
    given = np.bincount(row_of_entry(model), np.minimum(0.0, model.factors), len(model.high))
    return model.high - given


@compiled
def compatible(columns: Ints, uses: Uses, room: Floats) -> Ints:
    """Those that fit beside each other, in this order; takes their room."""
    kept = np.zeros(len(columns), np.bool_)
    for at in range(len(columns)):
        own = slice(uses.columns_from[columns[at]], uses.columns_from[columns[at] + 1])
        if (room[uses.row[own]] >= uses.factor[own] - NEARLY).all():
            kept[at] = True
            room[uses.row[own]] -= uses.factor[own]
    return columns[kept]


def give_up(highs: Any, chosen: Ints, uses: Uses, room: Floats) -> None:
    """Makes the choice undone, and its first column impossible."""
    bound(highs, chosen, 0.0, 1.0)
    bound(highs, chosen[:1], 0.0, 0.0)
    for column in chosen:
        own = slice(uses.columns_from[column], uses.columns_from[column + 1])
        room[uses.row[own]] += uses.factor[own]


def bound(highs: Any, columns: Ints, low: float, high: float) -> None:
    """Changes the bounds of columns."""
    size = len(columns)
    highs.changeColsBounds(size, columns.astype(np.int32), np.full(size, low), np.full(size, high))
