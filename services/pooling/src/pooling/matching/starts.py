"""When a pair may be placed: the starts that fit the line's window, the resource's free time and what is busy.

The starts of a request with `same_start` are only those that all of its lines have in common; when a line of a bundle
has none, the bundle can never be placed and all of its lines have none.
"""

import numpy as np

from pooling.matching.candidates import Pairs
from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.compiling import Compiled

ANY = None

Lacking = dict[int, dict[int | None, int]]
"""By bundle and start that it can't use (`ANY`: whatever the start), a line without a placement.

`NONE`: not in every window.
"""

Windows = tuple[Ints, Ints, Ints, Ints, Ints]
Calendars = tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]


def placements(problem: Compiled, pairs: Pairs) -> tuple[Ints, Ints, Lacking]:
    """Each possible placement's pair and start, by pair and start, and what bundles lack."""
    needs, offers = problem.needs, problem.offers
    windows = (needs.earliest, needs.latest, needs.step, needs.minutes, needs.units)
    calendars = (
        offers.free_from, offers.free, offers.busy_from, offers.busy, offers.before, offers.after, offers.units,
    )  # fmt: skip
    sizes = count_starts(pairs.line, pairs.resource, windows, calendars)
    pair = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    start = fill_starts(pairs.line, pairs.resource, windows, calendars, len(pair))
    kept, lacking = playable(problem, pairs.line[pair], start)
    return pair[kept], start[kept], lacking


@compiled
def count_starts(line: Ints, resource: Ints, windows: Windows, calendars: Calendars) -> Ints:
    """How many starts each pair has."""
    sizes = np.zeros(len(line), np.int64)
    nothing = np.empty(0, np.int64)
    for pair in range(len(line)):
        sizes[pair] = starts_of(line[pair], resource[pair], windows, calendars, nothing, 0)
    return sizes


@compiled
def fill_starts(line: Ints, resource: Ints, windows: Windows, calendars: Calendars, total: int) -> Ints:
    """Every pair's starts, one after another."""
    starts = np.empty(total, np.int64)
    at = 0
    for pair in range(len(line)):
        at += starts_of(line[pair], resource[pair], windows, calendars, starts, at)
    return starts


@inner
def starts_of(line: int, resource: int, windows: Windows, calendars: Calendars, starts: Ints, at: int) -> int:
    """Writes a pair's starts into `starts` from `at` on, if there is room, and returns their number."""
    earliest, latest, step, minutes = windows[0][line], windows[1][line], windows[2][line], windows[3][line]
    free_from, free, busy_from = calendars[0], calendars[1], calendars[2]
    size = 0
    for period in range(free_from[resource], free_from[resource + 1]):
        first = earliest + max(0, -((earliest - free[period, 0]) // step)) * step
        last = min(latest, free[period, 1] - minutes)
        for start in range(first, last + 1, step):
            if busy_from[resource] == busy_from[resource + 1] or left(line, resource, start, windows, calendars):
                if at + size < len(starts):
                    starts[at + size] = start
                size += 1
    return size


@inner
def left(line: int, resource: int, start: int, windows: Windows, calendars: Calendars) -> bool:
    """Whether what is busy leaves the line's units all along its blocked period."""
    begin = start - calendars[4][resource]
    end = start + windows[3][line] + calendars[5][resource]
    spare = calendars[6][resource] - windows[4][line]
    for period in range(calendars[2][resource], calendars[2][resource + 1]):
        moment = max(begin, calendars[3][period, 0] - calendars[4][resource])
        if moment < end and taken_at(resource, moment, calendars) > spare:
            return False
    return True


@inner
def taken_at(resource: int, moment: int, calendars: Calendars) -> int:
    """Units that busy periods block at a moment."""
    before, after = calendars[4][resource], calendars[5][resource]
    units = 0
    for period in range(calendars[2][resource], calendars[2][resource + 1]):
        if calendars[3][period, 0] - before <= moment < calendars[3][period, 1] + after:
            units += calendars[3][period, 2]
    return units


def playable(problem: Compiled, line: Ints, start: Ints) -> tuple[Flags, Lacking]:
    """Which placements a bundle can use at all, and for each start that it can't use a line that has nowhere to go."""
    kept = np.ones(len(line), bool)
    lacking: Lacking = {}
    bundles = np.flatnonzero(problem.together)
    if not len(bundles):
        return kept, lacking
    order = np.argsort(line, kind="stable")
    begins = np.searchsorted(line[order], np.arange(len(problem.lines) + 1))
    for request in bundles:
        members = range(int(problem.requests_from[request]), int(problem.requests_from[request + 1]))
        own = [order[begins[member] : begins[member + 1]] for member in members]
        if problem.same_start[request]:
            possible = [set(start[places].tolist()) for places in own]
            lacking[int(request)] = lack = lacking_starts(problem, members, possible)
            for places in own:
                kept[places] = [when in possible[0] and when not in lack for when in start[places].tolist()]
        elif not all(len(places) for places in own):
            lacking[int(request)] = {ANY: next(at for at, places in zip(members, own, strict=True) if not len(places))}
            kept[np.concatenate(own)] = False
    return kept, lacking


def lacking_starts(problem: Compiled, members: range, possible: list[set[int]]) -> dict[int | None, int]:
    """By common start of a bundle, the first of its lines that has nowhere to go then; all others are open to all."""
    common = common_starts(problem, members)
    lack: dict[int | None, int] = {}
    for when in sorted(set().union(*possible) | common):
        if when not in common:
            lack[when] = NONE
        elif not all(when in starts for starts in possible):
            lack[when] = next(at for at, starts in zip(members, possible, strict=True) if when not in starts)
    return lack


def common_starts(problem: Compiled, members: range) -> set[int]:
    """The starts that the windows of a bundle's lines have in common."""
    needs = problem.needs
    windows = [range(int(needs.earliest[m]), int(needs.latest[m]) + 1, int(needs.step[m])) for m in members]
    shortest = min(windows, key=len, default=range(0))
    return {start for start in shortest if all(start in window for window in windows)}
