"""When a pair may be placed: the starts that fit the line's window, the resource's free time and what is busy.

The starts of a request with `same_start` are only those that all of its lines have in common; when a line of a bundle
has none, the bundle can never be placed and all of its lines have none.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pooling.matching.candidates import Pairs
from pooling.matching.compiled import NONE, Ints, compiled, inner
from pooling.matching.compiling import Compiled, offsets

LARGE = 100_000
"""Pairs whose starts are worth a second thread's while."""
ANY = None

Lacking = dict[int, dict[int | None, int]]
"""By bundle and start that it can't use (`ANY`: whatever the start), a line without a placement.

`NONE`: not in every window.
"""

Windows = tuple[Ints, Ints, Ints, Ints, Ints]
Calendars = tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]


def placements(problem: Compiled, pairs: Pairs) -> tuple[Ints, Ints, Lacking]:
    """Where each pair's starts begin and the last one's end, the starts, and what bundles lack."""
    needs, offers = problem.needs, problem.offers
    windows = (needs.earliest, needs.latest, needs.step, needs.minutes, needs.units)
    calendars = (
        offers.free_from, offers.free, offers.busy_from, offers.busy, offers.before, offers.after, offers.units,
    )  # fmt: skip
    sizes, start = all_starts(pairs, windows, calendars)
    return playable(problem, pairs.line, offsets(sizes), start)


def all_starts(pairs: Pairs, windows: Windows, calendars: Calendars) -> tuple[Ints, Ints]:
    """How many starts each pair has, and every pair's starts, one after another; of many pairs found by two threads."""
    count = len(pairs.line)
    if count < LARGE:
        return some_starts(pairs.line, pairs.resource, windows, calendars, 0, count)
    with ThreadPoolExecutor(1) as helper:
        rest = helper.submit(some_starts, pairs.line, pairs.resource, windows, calendars, count // 2, count)
        found = some_starts(pairs.line, pairs.resource, windows, calendars, 0, count // 2)
    sizes, starts = zip(found, rest.result(), strict=True)
    return np.concatenate(sizes), np.concatenate(starts)


@compiled
def some_starts(
    line: Ints, resource: Ints, windows: Windows, calendars: Calendars, low: int, high: int
) -> tuple[Ints, Ints]:
    """The same of the pairs from `low` to `high`."""
    sizes, starts, at = np.zeros(high - low, np.int64), np.empty(1024 + high - low, np.int64), 0
    for pair in range(low, high):
        size = starts_of(line[pair], resource[pair], windows, calendars, starts, at)
        if at + size > len(starts):
            longer = np.empty((at + size) * (high - low) // (pair - low + 1) + at // 8 + size, np.int64)
            longer[:at] = starts[:at]
            starts = longer
            starts_of(line[pair], resource[pair], windows, calendars, starts, at)
        sizes[pair - low] = size
        at += size
    return sizes, starts[:at]


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


def playable(problem: Compiled, line: Ints, starts_from: Ints, start: Ints) -> tuple[Ints, Ints, Lacking]:
    """Only the starts that a bundle can use at all, and for each that it can't use a line that has nowhere to go.

    `line` is by pair.
    """
    lacking: Lacking = {}
    bundles = np.flatnonzero(problem.together)
    if not len(bundles):
        return starts_from, start, lacking
    kept = np.ones(len(start), bool)
    begins = starts_from[np.searchsorted(line, np.arange(len(problem.lines) + 1))]
    for request in bundles:
        members = range(int(problem.requests_from[request]), int(problem.requests_from[request + 1]))
        own = [slice(begins[member], begins[member + 1]) for member in members]
        if problem.same_start[request]:
            possible = [set(start[places].tolist()) for places in own]
            lacking[int(request)] = lack = lacking_starts(problem, members, possible)
            for places in own:
                kept[places] = [when in possible[0] and when not in lack for when in start[places].tolist()]
        elif not all(places.stop > places.start for places in own):
            without = next(at for at, places in zip(members, own, strict=True) if places.stop == places.start)
            lacking[int(request)] = {ANY: without}
            kept[own[0].start : own[-1].stop] = False
    upto = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))
    return upto[starts_from], start[kept], lacking


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
