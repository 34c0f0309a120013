"""Where else a placed line could be, with the rest of the plan as it is.

People look for another resource rather than for another hour of the same: each comes once, unless there are too few.
"""

import numpy as np

from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.explaining.columns import FREE_FROM, Calendar, Columns, Window
from pooling.matching.explaining.room import NO_START, start_from, starts_between, window_of

ALTERNATIVES = 3
RESOURCE, START, GAIN = range(3)


@compiled
def alternatives(columns: Columns, places: Ints, bound: Flags, pairs: tuple[Ints, Ints, Ints]) -> Ints:
    """The best other places of lines: rows (resource, start, cents gained by moving), best first.

    At most one on each resource; if fewer than ALTERNATIVES resources have one, the best of their others as well.
    `places` are rows (line, resource, start, cents); `NONE` where there are fewer others (places x ALTERNATIVES x 3).
    `pairs` are, by line through the first column, the resources that suit it and the cents that it adds there,
    stability aside: soonest told if those where it may add most come first. A line that is `bound` keeps its start.
    """
    found = np.full((len(places), ALTERNATIVES, 3), NONE)
    others = np.empty((ALTERNATIVES, 3), np.int64)
    asked = columns.asked
    for row in range(len(places)):
        line, start = places[row, 0], places[row, 2]
        window = window_of(asked, line)
        if bound[row]:
            window = Window(line, start, start, window.step, window.minutes, window.units)
        others[:] = NONE
        for at in range(pairs[0][line], pairs[0][line + 1]):
            resource, base = pairs[1][at], pairs[2][at] - places[row, 3]
            staying = columns.stability if asked.current_resource[line] == resource else 0
            home = asked.current_start[line], staying
            instead(columns.calendar, window, home, places[row], resource, base, found[row], others)
        for at in range(ALTERNATIVES - np.count_nonzero(found[row, :, RESOURCE] != NONE)):
            if others[at, RESOURCE] != NONE:
                add(found[row], others[at, RESOURCE], others[at, START], others[at, GAIN])
    return found


@inner
def instead(
    calendar: Calendar, window: Window, home: tuple[int, int], place: Ints, resource: int, base: int,
    found: Ints, others: Ints,
) -> None:  # fmt: skip
    """Keeps the best place on one resource, and its others as long as there are few resources.

    `home` is the start for which it gains more than `base`, and how much more.
    """
    best, gain, few = NO_START, 0, found[-1, RESOURCE] == NONE
    for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
        start, last = starts_between(calendar, window, resource, period)
        while start <= last:
            hope = base + (home[1] if start <= home[0] else 0)
            first = best == NO_START and better(found, resource, start, hope)
            if not (first or (best != NO_START and hope > gain) or (few and better(others, resource, start, hope))):
                break
            start = start_from(calendar, window, resource, start, last)
            more = base + (home[1] if start == home[0] else 0)
            if start != NO_START and not (resource == place[1] and start == place[2]):
                if best == NO_START or more > gain:
                    if best != NO_START:
                        add(others, resource, best, gain)
                    best, gain = start, more
                else:
                    add(others, resource, start, more)
            start += window.step
    if best != NO_START:
        add(found, resource, best, gain)


@inner
def better(found: Ints, resource: int, start: int, gain: int) -> bool:
    """Whether it comes before the last that is kept, or fewer are kept than may be: by gain, resource and start."""
    last = found[-1]
    if last[RESOURCE] == NONE or gain != last[GAIN]:
        return last[RESOURCE] == NONE or gain > last[GAIN]
    return resource < last[RESOURCE] or (resource == last[RESOURCE] and start < last[START])


@inner
def add(found: Ints, resource: int, start: int, gain: int) -> None:
    """Keeps a place if it is one of the best, where it belongs."""
    if not better(found, resource, start, gain):
        return
    at = ALTERNATIVES - 1
    while at > 0 and better(found[:at], resource, start, gain):
        found[at] = found[at - 1]
        at -= 1
    found[at, RESOURCE], found[at, START], found[at, GAIN] = resource, start, gain
