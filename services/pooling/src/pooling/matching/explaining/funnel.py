"""How many resources pass each condition of a line, one condition after another."""

import numpy as np

from pooling.matching.compiled import NONE, Ints, compiled
from pooling.matching.explaining.columns import Columns
from pooling.matching.explaining.room import NO_START, first_start, window_of
from pooling.matching.explaining.suiting import Suiting


def funnels(columns: Columns, suiting: Suiting) -> Ints:
    """By line, how many resources pass the first, the first two, ... of all conditions."""
    pairs = np.flatnonzero(suiting.change == NONE)
    row = suiting.row[pairs]
    passed = timely(columns, suiting.lines[row], suiting.resource[pairs])
    timed = (np.bincount(row[passed > stage], minlength=len(suiting.lines)) for stage in range(2))
    return np.column_stack((suiting.passed, *timed))


@compiled
def timely(columns: Columns, lines: Ints, resources: Ints) -> Ints:
    """By pair, 0 if the resource isn't free at any of the line's starts, 1 if it has no room then, else 2."""
    found = np.zeros(len(lines), np.int64)
    for pair in range(len(lines)):
        window = window_of(columns.asked, lines[pair])
        free, start = first_start(columns.calendar, window, resources[pair])
        found[pair] = free + (start != NO_START)
    return found
