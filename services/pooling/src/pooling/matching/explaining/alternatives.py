"""Where else a placed line could be, with the rest of the plan as it is."""

import numpy as np

from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.explaining.columns import Calendar, Columns, Window
from pooling.matching.explaining.room import most_units, starts_between, window_of

ALTERNATIVES = 3


@compiled
def alternatives(columns: Columns, places: Ints, bound: Flags, pairs: tuple[Ints, Ints, Ints]) -> Ints:
    """The best other places of lines: rows (resource, start, cents gained by moving), best first.

    `places` are rows (line, resource, start, cents); `NONE` where there are fewer others (places x ALTERNATIVES x 3).
    `pairs` are, by line through the first column, the resources that suit it and the cents that it adds there,
    stability aside. A line that is `bound` keeps its start.
    """
    found = np.full((len(places), ALTERNATIVES, 3), NONE)
    asked = columns.asked
    for row in range(len(places)):
        line = places[row, 0]
        window = window_of(asked, line)
        home = asked.current_resource[line], asked.current_start[line], columns.stability
        for at in range(pairs[0][line], pairs[0][line + 1]):
            base = pairs[2][at] - places[row, 3]
            instead(columns.calendar, window, home, places[row], bound[row], pairs[1][at], base, found[row])
    return found


@inner
def instead(
    calendar: Calendar,
    window: Window,
    home: tuple[int, int, int],
    place: Ints,
    bound: bool,
    resource: int,
    base: int,
    found: Ints,
) -> None:
    """Keeps the places on one resource that are better than the worst kept so far."""
    staying = home[2] if home[0] == resource else 0
    for period in range(calendar.free_from[resource], calendar.free_from[resource + 1]):
        first, last = starts_between(calendar, window, resource, period)
        for start in range(first, last + 1, window.step):
            if not better(found, base + staying):
                return
            own = resource == place[1] and start == place[2]
            more = base + (staying if start == home[1] else 0)
            if own or (bound and start != place[2]) or not better(found, more):
                continue
            if most_units(calendar, window, resource, start) >= window.units:
                add(found, resource, start, more)


@inner
def better(found: Ints, more: int) -> bool:
    """Whether so much is more than what the worst kept gains, or fewer are kept than may be."""
    return found[-1, 0] == NONE or more > found[-1, 2]


@inner
def add(found: Ints, resource: int, start: int, more: int) -> None:
    """Keeps a place, behind those that gain as much."""
    at = ALTERNATIVES - 1
    while at > 0 and (found[at - 1, 0] == NONE or found[at - 1, 2] < more):
        found[at] = found[at - 1]
        at -= 1
    found[at, 0] = resource
    found[at, 1] = start
    found[at, 2] = more
