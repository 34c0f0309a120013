"""Which resources a line may go to, times aside: kind, pole, features, measures, units, `only`, distance and price.

Resources are laid out by kind and by the cells of a grid over the map, so that a line looks only at those in the cells
that the box around its circle touches, and at these one after another in memory.
"""

from dataclasses import dataclass
from math import asin, cos, floor, pi, sin

import numpy as np

from pooling.matching.compiled import Flags, Floats, Ints, Words, compiled, inner
from pooling.matching.compiling import Compiled, Needs, Offers
from pooling.matching.distance import METRES_PER_DEGREE, chords, directions, metres_along, square_between

MOST_ACROSS = 1024
"""Cells of the grid in a row, and rows."""
RANKED = 64
"""Resources of a line that are sorted by counting for each how many come before it."""
LINE, RESOURCE, METRES, PRICE, BONUS = range(5)
LOW_BITS = 2**32 - 1

Asked = tuple[Ints, Ints, Floats, Floats, Words, Floats, Ints]
Offered = tuple[Ints, Words, Floats, Words, Floats, Ints]
Spent = tuple[Ints, Ints, Ints, Ints, Ints, Ints]
"""By line its minutes, dearest price and where its bonuses begin; these; the fixed price and that by hour, by post."""
Reach = tuple[Floats, Floats, Floats]
"""The directions of lines and of posts, and by line the square of the longest chord."""
Cells = tuple[Ints, int, int, float, float, float, float]
"""Where each cell begins, rows, columns, south and west, and a cell's height and width in degrees."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Eligible (line, resource) pairs, by line then resource, with the metres between them and the cents they pay."""

    line: Ints
    resource: Ints
    metres: Ints
    price: Ints
    bonus: Ints


def pairs(problem: Compiled) -> Pairs:
    """Every eligible pair, times aside."""
    needs, offers = problem.needs, problem.offers
    kinds = int(max(needs.kind.max(initial=0), offers.kind.max(initial=0))) + 1
    order, cells = laid_out(offers, kinds, cell_height(needs))
    post = np.empty(len(order), np.int64)
    post[order] = np.arange(len(order))
    found = join(
        (needs.kind, needs.pole, needs.place, needs.farthest, needs.features, needs.measures, needs.units),
        (needs.restricted, needs.only_from, post[needs.only]),
        (offers.kind[order], offers.poles[order], offers.place[order],
         offers.features[order], offers.measures[order], offers.units[order]),
        (needs.minutes, needs.dearest, needs.bonus_from, needs.bonus, offers.fixed[order], offers.hour[order]),
        (directions(needs.place), directions(offers.place[order]), chords(needs.farthest * 1000)),
        order,
        cells,
    )  # fmt: skip
    return Pairs(*found)


def cell_height(needs: Needs) -> float:
    """Half the usual radius, in degrees."""
    radii = needs.farthest[np.isfinite(needs.farthest)]
    return float(np.median(radii)) * 500 / METRES_PER_DEGREE if len(radii) else 1.0


def laid_out(offers: Offers, kinds: int, height: float) -> tuple[Ints, Cells]:
    """The resources by kind and cell, and the cells; where a resource is in that order is its **post**.

    A kind has its resources without a place before its first row. Cells are `height` degrees high and as wide on the
    ground, or more if there would be too many.
    """
    latitude, longitude = offers.place[:, 0], offers.place[:, 1]
    known = ~np.isnan(latitude)
    ends = (
        np.array([offers.place[known].min(axis=0), offers.place[known].max(axis=0)])
        if known.any()
        else np.zeros((2, 2))
    )
    (south, west), (north, east) = ends.tolist()
    height = max(height, (north - south) / MOST_ACROSS, 1e-6)
    width = max(height / max(0.01, cos((south + north) * pi / 360)), (east - west) / MOST_ACROSS)
    rows, columns = int((north - south) / height) + 1, int((east - west) / width) + 1
    row = np.floor((np.nan_to_num(latitude) - south) / height).astype(np.int64)
    column = np.floor((np.nan_to_num(longitude) - west) / width).astype(np.int64)
    cell = offers.kind * (rows * columns + 1) + np.where(known, 1 + row * columns + column, 0)
    order = np.argsort(cell, kind="stable")
    begins = np.searchsorted(cell[order], np.arange(kinds * (rows * columns + 1) + 1))
    return order, (begins, rows, columns, south, west, height, width)


@compiled
def join(
    asked: Asked,
    only: tuple[Flags, Ints, Ints],
    offered: Offered,
    spent: Spent,
    reach: Reach,
    order: Ints,
    cells: Cells,
) -> Ints:
    """The columns LINE to BONUS of all pairs (5 x pairs)."""
    lines, count = len(asked[0]), 0
    found = np.empty((5, 1024 + lines), np.int64)
    runs, fitting = np.empty((len(order) + 3 * cells[1] + 1, 2), np.int64), np.empty((5, len(order)), np.int64)
    for line in range(lines):
        most = listed(line, only, runs) if only[0][line] else around(line, asked, cells, runs)
        size = fit(line, runs[:most], asked, offered, spent, reach, order, fitting)
        if count + size > found.shape[1]:
            found = grown(found, count, max(count // 4 + size, (count + size) * (lines - line) // (line + 1)))
        if size > RANKED:
            append_sorted(line, size, fitting, found, count)
        else:
            append_ranked(line, size, fitting, found, count)
        count += size
    return found[:, :count]


@inner
def fit(
    line: int, runs: Ints, asked: Asked, offered: Offered, spent: Spent, reach: Reach, order: Ints, fitting: Ints
) -> int:
    """Writes the resources that a line may go to, with METRES to BONUS, out of runs of posts; how many there are."""
    minutes, dearest, bonus_from, bonus, fixed, hour = spent
    first, last, size = bonus_from[line], bonus_from[line + 1], 0
    for run in range(len(runs)):
        for post in range(runs[run, 0], runs[run, 1]):
            square = square_between(reach[0], line, reach[1], post)
            if square > reach[2][line] or not suits(line, post, asked, offered):
                continue
            price = fixed[post] + (hour[post] * minutes[line] + 30) // 60
            metres = metres_along(square, asked[2], line, offered[2], post)
            if price <= dearest[line] and metres / 1000.0 <= asked[3][line]:
                fitting[RESOURCE, size], fitting[METRES, size], fitting[PRICE, size] = order[post], metres, price
                fitting[BONUS, size] = bonus_of(bonus, first, last, post, offered[3])
                size += 1
    return size


@inner
def grown(found: Ints, count: int, more: int) -> Ints:
    """Longer columns with the same beginning, and room for so many more."""
    longer = np.empty((5, count + more), np.int64)
    longer[:, :count] = found[:, :count]
    return longer


@inner
def append_ranked(line: int, size: int, fitting: Ints, found: Ints, count: int) -> None:
    """Writes a line's pairs behind those before, by resource."""
    resources = fitting[RESOURCE, :size]
    for at in range(size):
        place = count
        for other in range(size):
            place += resources[other] < resources[at]
        write(line, at, fitting, found, place)


@inner
def append_sorted(line: int, size: int, fitting: Ints, found: Ints, count: int) -> None:
    """The same for many: sorted first (D. L. Shell)."""
    keys = np.empty(size, np.int64)
    for at in range(size):
        keys[at] = (fitting[RESOURCE, at] << 32) | at
    gap = 1
    while gap < size // 2:
        gap = 2 * gap + gap // 4 + 1
    while gap > 0:
        for at in range(gap, size):
            key, hole = keys[at], at
            while hole >= gap and keys[hole - gap] > key:
                keys[hole] = keys[hole - gap]
                hole -= gap
            keys[hole] = key
        gap = gap * 4 // 9
    for at in range(size):
        write(line, keys[at] & LOW_BITS, fitting, found, count + at)


@inner
def write(line: int, at: int, fitting: Ints, found: Ints, place: int) -> None:
    """Writes a pair down."""
    found[LINE, place] = line
    found[RESOURCE, place], found[METRES, place] = fitting[RESOURCE, at], fitting[METRES, at]
    found[PRICE, place], found[BONUS, place] = fitting[PRICE, at], fitting[BONUS, at]


@inner
def listed(line: int, only: tuple[Flags, Ints, Ints], runs: Ints) -> int:
    """The posts that a line names itself, as runs; how many."""
    size = 0
    for at in range(only[1][line], only[1][line + 1]):
        runs[size, 0], runs[size, 1] = only[2][at], only[2][at] + 1
        size += 1
    return size


@inner
def around(line: int, asked: Asked, cells: Cells, runs: Ints) -> int:
    """Runs of the posts of the line's kind in the cells around its circle, and of those without a place; how many."""
    begins, rows, columns, south, west, height, width = cells
    first = asked[0][line] * (rows * columns + 1)
    latitude, longitude = asked[2][line, 0], asked[2][line, 1]
    reach = (asked[3][line] * 1000.0 + 1.0) / METRES_PER_DEGREE * 1.000001 + 1e-9
    if np.isnan(latitude) or reach >= 180.0:
        runs[0, 0], runs[0, 1] = begins[first], begins[first + rows * columns + 1]
        return 1
    runs[0, 0], runs[0, 1] = begins[first], begins[first + 1]
    low, high = (
        max(0, floor((latitude - reach - south) / height)),
        min(rows - 1, floor((latitude + reach - south) / height)),
    )
    east, size = eastward(latitude, reach), 1
    after = 0
    for turn in (-360.0, 0.0, 360.0):
        left = max(after, floor((longitude + turn - east - west) / width))
        right = min(columns - 1, floor((longitude + turn + east - west) / width))
        after = max(after, right + 1)
        for row in range(low, high + 1 if left <= right else low):
            runs[size, 0] = begins[first + 1 + row * columns + left]
            runs[size, 1] = begins[first + 1 + row * columns + right + 1]
            size += 1
    return size


@inner
def eastward(latitude: float, reach: float) -> float:
    """Degrees of longitude to which a circle of `reach` degrees extends (Bronshtein: the tangent meridian)."""
    if abs(latitude) + reach >= 90.0:
        return 180.0
    return asin(min(1.0, sin(reach * pi / 180) / cos(latitude * pi / 180))) * 180 / pi + 1e-9


@inner
def suits(line: int, resource: int, asked: Asked, offered: Offered) -> bool:
    """Kind, pole, units, features and measures."""
    pole = asked[1][line]
    if asked[0][line] != offered[0][resource] or asked[6][line] > offered[5][resource]:
        return False
    if not (offered[1][resource, pole >> 6] >> np.uint64(pole & 63)) & np.uint64(1):
        return False
    for word in range(asked[4].shape[1]):
        if asked[4][line, word] & ~offered[3][resource, word]:
            return False
    for measure in range(asked[5].shape[1]):  # noqa: SIM110 - numba has no generators here
        if not offered[4][resource, measure] >= asked[5][line, measure]:
            return False
    return True


@inner
def bonus_of(bonus: Ints, first: int, last: int, resource: int, features: Words) -> int:
    """The cents of a line's preferred features, rows (feature, cents) from first to last, that the resource has."""
    total = 0
    for at in range(first, last):
        feature = bonus[at, 0]
        if (features[resource, feature >> 6] >> np.uint64(feature & 63)) & np.uint64(1):
            total += bonus[at, 1]
    return total
