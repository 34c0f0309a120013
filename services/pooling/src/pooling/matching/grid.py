"""A grid over the map: what is near a place lies in a few runs of cells, one after another in memory.

Cells are numbered by kind, then row, then column; before a kind's first row is a cell for what has no place.
"""

from math import asin, cos, floor, pi, sin
from typing import NamedTuple

import numpy as np

from pooling.matching.compiled import Floats, Ints, compiled, inner
from pooling.matching.distance import METRES_PER_DEGREE

MOST_ACROSS = 1024
"""Cells of the grid in a row, and rows."""
MOST_CELLS = 5_000_000
"""Cells of all kinds together, each of eight bytes whether anything lies in it or not."""


class Grid(NamedTuple):
    """Rows and columns, south and west, and a cell's height and width in degrees."""

    rows: int
    columns: int
    south: float
    west: float
    height: float
    width: float


def grid_over(place: Floats, farthest: Floats, kinds: int) -> Grid:
    """A grid over these places (degrees) for such radii (km), which each of so many kinds has cells of.

    Cells are as high as half the usual radius and as wide on the ground, or more if there would be too many.
    """
    known = ~np.isnan(place[:, 0])
    (south, north), (west, east) = (
        (float(each.min()), float(each.max())) if len(each) else (0.0, 0.0) for each in place[known].T
    )
    radii = farthest[np.isfinite(farthest)]
    height = float(np.median(radii)) * 500 / METRES_PER_DEGREE if len(radii) else 1.0
    height = max(height, (north - south) / MOST_ACROSS, 1e-6)
    width = max(height / max(0.01, cos((south + north) * pi / 360)), (east - west) / MOST_ACROSS)
    while True:
        rows, columns = int((north - south) / height) + 1, int((east - west) / width) + 1
        if kinds * rows * columns <= MOST_CELLS or rows * columns == 1:
            return Grid(rows, columns, south, west, height, width)
        height, width = 2 * height, 2 * width


@compiled
def by_cell(kind: Ints, place: Floats, grid: Grid, kinds: int) -> tuple[Ints, Ints]:
    """What lies in each cell, in its own order, one cell after another; and where each cell begins and the last ends.

    What lies beside the grid is in the nearest cell.
    """
    cell = np.empty(len(kind), np.int64)
    begins = np.zeros(kinds * (grid.rows * grid.columns + 1) + 1, np.int64)
    for each in range(len(kind)):
        cell[each] = cell_of(kind[each], place[each, 0], place[each, 1], grid)
        begins[cell[each] + 1] += 1
    for at in range(1, len(begins)):
        begins[at] += begins[at - 1]
    free, order = begins[:-1].copy(), np.empty(len(kind), np.int64)
    for each in range(len(kind)):
        order[free[cell[each]]] = each
        free[cell[each]] += 1
    return order, begins


@inner
def cell_of(kind: int, latitude: float, longitude: float, grid: Grid) -> int:
    """The number of a place's cell, or of the nearest."""
    first = kind * (grid.rows * grid.columns + 1)
    if np.isnan(latitude):
        return first
    row = min(grid.rows - 1, max(0, floor((latitude - grid.south) / grid.height)))
    column = min(grid.columns - 1, max(0, floor((longitude - grid.west) / grid.width)))
    return first + 1 + row * grid.columns + column


@inner
def around(kind: int, latitude: float, longitude: float, farthest: float, grid: Grid, begins: Ints, runs: Ints) -> int:
    """Runs of what is of a kind in the cells around a circle (km), and has no place; how many."""
    first, rows, columns = kind * (grid.rows * grid.columns + 1), grid.rows, grid.columns
    reach = (farthest * 1000.0 + 1.0) / METRES_PER_DEGREE * 1.000001 + 1e-9
    if np.isnan(latitude) or reach >= 180.0:
        runs[0, 0], runs[0, 1] = begins[first], begins[first + rows * columns + 1]
        return 1
    runs[0, 0], runs[0, 1] = begins[first], begins[first + 1]
    low = max(0, floor((latitude - reach - grid.south) / grid.height))
    high = min(rows - 1, floor((latitude + reach - grid.south) / grid.height))
    east, size = eastward(latitude, reach), 1
    after = 0
    for turn in (-360.0, 0.0, 360.0):
        left = max(after, floor((longitude + turn - east - grid.west) / grid.width))
        right = min(columns - 1, floor((longitude + turn + east - grid.west) / grid.width))
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
