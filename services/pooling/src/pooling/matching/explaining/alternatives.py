"""Where else a placed line could be, with the rest of the plan as it is."""

import numpy as np

from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.explaining.columns import FREE_FROM, Calendar, Columns, Window
from pooling.matching.explaining.room import NO_START, start_from, starts_between, window_of

ALTERNATIVES = 3


@compiled
def alternatives(columns: Columns, places: Ints, bound: Flags, pairs: tuple[Ints, Ints, Ints]) -> Ints:
    """The best other places of lines: rows (resource, start, cents gained by moving), best first.

    `places` are rows (line, resource, start, cents); `NONE` where there are fewer others (places x ALTERNATIVES x 3).
    `pairs` are, by line through the first column, the resources that suit it and the cents that it adds there,
    stability aside: soonest told if those where it may add most come first. A line that is `bound` keeps its start.
    """
    found = np.full((len(places), ALTERNATIVES, 3), NONE)
    asked = columns.asked
    for row in range(len(places)):
        line, start = places[row, 0], places[row, 2]
        window = window_of(asked, line)
        if bound[row]:
            window = Window(line, start, start, window.step, window.minutes, window.units)
        for at in range(pairs[0][line], pairs[0][line + 1]):
            resource, base = pairs[1][at], pairs[2][at] - places[row, 3]
            staying = columns.stability if asked.current_resource[line] == resource else 0
            instead(
                columns.calendar, window, (asked.current_start[line], staying), places[row], resource, base, found[row]
            )
    return found


@inner
def instead(
    calendar: Calendar, window: Window, home: tuple[int, int], place: Ints, resource: int, base: int, found: Ints
) -> None:
    """Keeps the places on one resource that are better than the worst kept so far.

    `home` is the start for which it gains more than `base`, and how much more.
    """
    for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
        start, last = starts_between(calendar, window, resource, period)
        while start <= last and better(found, resource, base + home[1]):
            start = start_from(calendar, window, resource, start, last)
            more = base + (home[1] if start == home[0] else 0)
            own = resource == place[1] and start == place[2]
            if start != NO_START and not own and better(found, resource, more):
                add(found, resource, start, more)
            start += window.step


@inner
def better(found: Ints, resource: int, more: int) -> bool:
    """Whether it comes before the last that is kept, or fewer are kept than may be: by gain, then by resource."""
    last = found[-1]
    return last[0] == NONE or more > last[2] or (more == last[2] and resource < last[0])


@inner
def add(found: Ints, resource: int, start: int, more: int) -> None:
    """Keeps a place, behind those that gain as much on this resource or on one before it."""
    at = ALTERNATIVES - 1
    while at > 0 and better(found[:at], resource, more):
        found[at] = found[at - 1]
        at -= 1
    found[at, 0] = resource
    found[at, 1] = start
    found[at, 2] = more
