"""The resources that suit one line best, by the rules of the batch (`candidates`, `starts`), from columns by slot."""

from math import floor

import numpy as np

from pooling.matching.candidates import Asked, Offered, bonus_of, price_of, suiting
from pooling.matching.columns import RUN
from pooling.matching.compiled import NONE, Floats, Ints, compiled, inner
from pooling.matching.distance import METRES_PER_DEGREE, metres_between
from pooling.matching.grid import eastward
from pooling.matching.starts import starts_of

CELL = 0.25
"""Degrees of latitude and of longitude that a cell of the map has."""
ACROSS = 1440
DOWN = 720
CELLS = ACROSS * DOWN + 1
"""The last is for what has no place."""

SCORE, METRES, SLOT, START, PRICE, BONUS = range(6)

Windows = tuple[Ints, Ints, Ints, Ints, Ints]
Money = tuple[int, int, int, Ints, Ints, Ints]
"""Value less what staying is worth, cents per km, the dearest price, bonuses (feature, cents), fixed, by hour."""
Stretches = tuple[Ints, Ints, Ints]
Calendars = tuple[Stretches, Stretches, Ints, Ints, Ints]


@compiled
def best_of(
    slots: Ints, asked: Asked, windows: Windows, money: Money, offered: Offered, calendars: Calendars, most: int
) -> Ints:
    """The best of these slots as rows (SCORE to BONUS): the highest score, then the nearest, then the lowest slot."""
    value, km_cost, dearest, bonuses, fixed, hour = money
    minutes, farthest = windows[3][0], asked[3][0]
    found = np.empty((most, 6), np.int64)
    suited, count = slots.copy(), 0
    for slot in suited[: suiting(0, suited, asked, offered)]:
        price = price_of(fixed[slot], hour[slot], minutes)
        bonus = bonus_of(bonuses, 0, len(bonuses), slot, offered[3])
        score = value + bonus - price
        if price > dearest or (count == most and score < found[count - 1, SCORE]):
            continue
        metres = metres_between(asked[2], 0, offered[2], slot)
        score -= (metres * km_cost + 500) // 1000
        if metres / 1000.0 > farthest or (count == most and not better(score, metres, slot, found[count - 1])):
            continue
        start = first_start(slot, windows, calendars)
        if start != NO_START:
            count = insert(found, count, (score, metres, slot, start, price, bonus))
    return found[:count].copy()


@inner
def insert(found: Ints, count: int, row: tuple[int, int, int, int, int, int]) -> int:
    """Puts a row where it belongs, the last out if it is full; how many there are."""
    at = min(count, len(found) - 1)
    while at > 0 and better(row[SCORE], row[METRES], row[SLOT], found[at - 1]):
        found[at] = found[at - 1]
        at -= 1
    found[at, SCORE], found[at, METRES], found[at, SLOT] = row[SCORE], row[METRES], row[SLOT]
    found[at, START], found[at, PRICE], found[at, BONUS] = row[START], row[PRICE], row[BONUS]
    return min(count + 1, len(found))


@compiled
def within(place: Floats, farthest: float, runs: Ints, next_run: Ints, used: int) -> Ints:
    """The slots of a kind in the box around a line's circle and those without a place; or, if these aren't few, all.

    `runs` has the first run of each cell plus 1, `next_run` the run after each run; `used` is how many slots there are.
    """
    reach = (farthest * 1000.0 + 1.0) / METRES_PER_DEGREE * 1.000001 + 1e-9
    if np.isnan(place[0]) or reach >= 180.0:
        return np.arange(used)
    low, high = cell_row(place[0] - reach), cell_row(place[0] + reach)
    east = eastward(place[0], reach)
    west_end, east_end = floor((place[1] - east + 180.0) / CELL), floor((place[1] + east + 180.0) / CELL)
    across = min(ACROSS, east_end - west_end + 1)
    if (high - low + 1) * across > used // RUN + 1:
        return np.arange(used)
    found = np.empty(used, np.int64)
    size = append_runs(runs[CELLS - 1] - 1, next_run, found, 0)
    for row in range(low, high + 1):
        for column in range(west_end, west_end + across):
            size = append_runs(runs[row * ACROSS + column % ACROSS] - 1, next_run, found, size)
    return found[:size].copy()


@inner
def cell_row(latitude: float) -> int:
    """The row of cells of a latitude."""
    return min(DOWN - 1, max(0, floor((latitude + 90.0) / CELL)))


@inner
def append_runs(run: int, next_run: Ints, found: Ints, size: int) -> int:
    """Adds the slots of this run and those after it; the new size."""
    while run != NONE:
        for slot in range(run * RUN, run * RUN + RUN):
            found[size] = slot
            size += 1
        run = next_run[run]
    return size


@inner
def better(score: int, metres: int, slot: int, row: Ints) -> bool:
    """Whether this comes before a row."""
    if score != row[SCORE]:
        return score > row[SCORE]
    if metres != row[METRES]:
        return metres < row[METRES]
    return slot < row[SLOT]


NO_START = -(2**62)


@inner
def first_start(slot: int, windows: Windows, calendars: Calendars) -> int:
    """The line's first start on a slot by its free and busy periods (`NO_START`: none)."""
    free, busy, before, after, units = calendars
    own_free = free[2][free[0][slot] : free[1][slot]]
    own_busy = busy[2][busy[0][slot] : busy[1][slot]]
    alone = (
        np.array([0, len(own_free)]), own_free, np.array([0, len(own_busy)]), own_busy,
        before[slot : slot + 1], after[slot : slot + 1], units[slot : slot + 1],
    )  # fmt: skip
    first = np.empty(1, np.int64)
    return first[0] if starts_of(0, 0, windows, alone, first, 0) else NO_START
