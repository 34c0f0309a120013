"""Small models written by hand, and whether a choice of their columns is allowed."""

from collections.abc import Iterable, Sequence

import numpy as np

from pooling.matching.compiled import Floats
from pooling.matching.model import Model

Row = tuple[Sequence[int], Sequence[float], float]


def modelled(gains: Iterable[float], rows: Iterable[Row]) -> Model:
    """The model of columns with these gains, and rows: columns, their factors and the most that they sum up to."""
    rows = list(rows)
    columns, factors, high = zip(*rows, strict=True)
    return Model(
        np.array(list(gains), float),
        np.zeros(len(rows)),
        np.array(high, float),
        np.cumsum([0, *map(len, columns)]).astype(np.int64),
        np.concatenate([np.array(own, np.int64) for own in columns]),
        np.concatenate([np.array(own, float) for own in factors]),
    )


def excluding(gains: Iterable[float], groups: Iterable[Sequence[int]]) -> Model:
    """The model in which one of each group can be taken at most."""
    return modelled(gains, [(group, [1.0] * len(group), 1.0) for group in groups])


def allowed(model: Model, values: Floats) -> bool:
    """Whether no row sums up to more than it may."""
    rows = zip(model.rows_from, model.rows_from[1:], model.high, strict=False)
    return all(
        sum(values[model.columns[at]] * model.factors[at] for at in range(low, high)) <= most
        for low, high, most in rows
    )
