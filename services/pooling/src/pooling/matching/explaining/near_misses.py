"""What one change of a line would open to it: the smallest change of each condition, found by trying.

A near miss passes all conditions but the changed one, has a start with room, and is worth its price. Among equal
changes it is the first resource of the problem, at its earliest start.
"""

import numpy as np

from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.explaining.columns import Calendar, Columns, Window
from pooling.matching.explaining.room import NO_START, first_start, next_start, previous_start, roomiest, window_of
from pooling.matching.explaining.suiting import START, UNITS, Suiting

CHANGES = 6
RESOURCE, START_AT, SIZE = range(3)


@compiled
def near_misses(columns: Columns, suiting: Suiting, wanted: Flags, alone: Flags) -> Ints:
    """By line and change: resource (`NONE`: there is none), start and size (lines x CHANGES x 3).

    Sizes are minutes, metres, cents, measures, features, and units (less than asked for). Only for the `wanted` lines;
    one that is `alone` has to be worth its price by itself.
    """
    found = np.full((len(suiting.lines), CHANGES, 3), NONE)
    window = window_of(columns.asked, 0)
    for pair in range(len(suiting.row)):
        row, change, resource = suiting.row[pair], suiting.change[pair], suiting.resource[pair]
        if not wanted[row] or (alone[row] and suiting.worth[pair] <= columns.opening[resource]):
            continue
        if window.line != suiting.lines[row]:
            window = window_of(columns.asked, suiting.lines[row])
        if change == NONE:
            try_times(columns.calendar, window, resource, found[row])
        elif change == UNITS:
            try_units(columns.calendar, window, resource, found[row, UNITS])
        elif found[row, change, RESOURCE] == NONE:
            start = first_start(columns.calendar, window, resource)[1]
            if start != NO_START:
                keep(found[row, change], resource, start, suiting.size[pair])
    return found


@inner
def try_units(calendar: Calendar, window: Window, resource: int, found: Ints) -> None:
    """Takes the start at which most units are left, if more are than found before, or as many on a later resource."""
    most, start = roomiest(calendar, window, resource)
    sooner = found[SIZE] == window.units - most and resource < found[RESOURCE]
    if most > 0 and (sooner or window.units - most < size_of(found)):
        keep(found, resource, start, window.units - most)


@inner
def try_times(calendar: Calendar, window: Window, resource: int, found: Ints) -> None:
    """The starts next to the window, for a resource that is only taken or not free; or fewer units within it."""
    sooner = previous_start(calendar, window, resource, size_of(found[START]))
    if sooner != NO_START:
        keep(found[START], resource, sooner, window.earliest - sooner)
    later = next_start(calendar, window, resource, size_of(found[START]))
    if later != NO_START:
        keep(found[START], resource, later, later - window.latest)
    if window.units > 1:
        try_units(calendar, window, resource, found[UNITS])


@inner
def size_of(before: Ints) -> int:
    """The size of the change found before, or more than any."""
    return NO_START if before[RESOURCE] == NONE else before[SIZE]


@inner
def keep(found: Ints, resource: int, start: int, size: int) -> None:
    """Writes a near miss down."""
    found[RESOURCE] = resource
    found[START_AT] = start
    found[SIZE] = size
