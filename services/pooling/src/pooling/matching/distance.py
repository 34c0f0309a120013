"""Great circles: metres between places, rounded half up to whole metres.

The rule is the haversine. Places that are near each other are compared by the chord between them, a few products, whose
metres are the haversine's unless they lie within `DOUBT` of a half: then the haversine itself decides.
"""

from math import asin, cos, floor, pi, sin, sqrt

import numpy as np

from pooling.matching.compiled import NONE, Floats, inner

EARTH_RADIUS_M = 6_371_008.8
METRES_PER_DEGREE = EARTH_RADIUS_M * pi / 180

NEAR = 0.0025
"""Square of the chord (in radii; 318 km) up to which the series of the arc is right to a millionth of a metre."""
DOUBT = 1e-5
"""Metres; a hundred times what the chord's metres and the haversine's can differ by."""


def directions(place: Floats) -> Floats:
    """The places (degrees of latitude and longitude) on the unit sphere: x, y, z; NaN where there is no place."""
    north, east = np.radians(place[:, 0]), np.radians(place[:, 1])
    found, level = np.empty((len(place), 3)), np.cos(north)
    found[:, 0], found[:, 1], found[:, 2] = level * np.cos(east), level * np.sin(east), np.sin(north)
    return found


def chords(metres: Floats) -> Floats:
    """Squares of chords that places so near each other don't exceed, the half metre of rounding included."""
    half = (metres + 1.0) / (2 * EARTH_RADIUS_M)
    return np.where(half < pi / 2, 4 * np.sin(np.minimum(half, pi / 2)) ** 2, np.inf)


@inner
def square_between(ones: Floats, one: int, others: Floats, other: int) -> float:
    """The square of the chord between two directions; NaN if either has no place."""
    x = ones[one, 0] - others[other, 0]
    y = ones[one, 1] - others[other, 1]
    z = ones[one, 2] - others[other, 2]
    return x * x + y * y + z * z


@inner
def metres_along(square: float) -> int:
    """`metres_between` by the square of the chord; `NONE` where only the haversine can tell."""
    if square <= NEAR:
        series = 1.0 + square * (1 / 24 + square * (3 / 640 + square * (5 / 7168)))
        metres = EARTH_RADIUS_M * sqrt(square) * series + 0.5
        whole = floor(metres)
        if DOUBT < metres - whole < 1.0 - DOUBT:
            return whole
    return NONE


@inner
def metres_between(ones: Floats, one: int, others: Floats, other: int) -> int:
    """Great circle (haversine), rounded half up; 0 if either has no place."""
    if np.isnan(ones[one, 0]) or np.isnan(others[other, 0]):
        return 0
    south, north = ones[one, 0] * pi / 180, others[other, 0] * pi / 180
    rise = sin((north - south) / 2)
    turn = sin((others[other, 1] - ones[one, 1]) * pi / 180 / 2)
    part = rise * rise + cos(south) * cos(north) * turn * turn
    return floor(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(part))) + 0.5)
