"""Which resources a line may go to, times aside: kind, pole, features, measures, units, `only`, distance and price.

Resources are indexed in strips of latitude, sorted by longitude within a strip, so that a line looks only at those in
the box around its circle. The distance is the great circle's (haversine), rounded half up to whole metres.
"""

from dataclasses import dataclass
from math import asin, cos, floor, pi, sin, sqrt

import numpy as np

from pooling.matching.compiled import Flags, Floats, Ints, Words, compiled, inner
from pooling.matching.compiling import Compiled, Needs, Offers

EARTH_RADIUS_M = 6_371_008.8
MOST_STRIPS = 4096
METRES_PER_DEGREE = EARTH_RADIUS_M * pi / 180


@dataclass(frozen=True, slots=True)
class Strips:
    """Resources in order of kind, strip and longitude.

    `begins[kind * width + 0]` opens those of a kind without a place.
    """

    order: Ints
    longitude: Floats
    begins: Ints
    width: int
    south: float
    height: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Eligible (line, resource) pairs, by line then resource, with the metres between them and the cents they pay."""

    line: Ints
    resource: Ints
    metres: Ints
    price: Ints
    bonus: Ints


def strips(offers: Offers, kinds: int, height: float) -> Strips:
    """The index of all resources; `height` of a strip in degrees."""
    latitude, longitude = offers.place[:, 0], offers.place[:, 1]
    known = ~np.isnan(latitude)
    south, north = (latitude[known].min(), latitude[known].max()) if known.any() else (0.0, 0.0)
    height = max(height, (north - south) / MOST_STRIPS, 1e-6)
    row = np.where(known, 1 + np.floor((np.nan_to_num(latitude) - south) / height), 0).astype(np.int64)
    width = int((north - south) / height) + 3
    strip = offers.kind * width + row
    order = np.lexsort((np.arange(len(strip)), np.nan_to_num(longitude), strip)).astype(np.int64)
    begins = np.searchsorted(strip[order], np.arange(kinds * width + 1)).astype(np.int64)
    return Strips(order, longitude[order].copy(), begins, width, float(south), float(height))


def pairs(problem: Compiled) -> Pairs:
    """Every eligible pair, times aside."""
    needs, offers = problem.needs, problem.offers
    kinds = int(max(needs.kind.max(initial=0), offers.kind.max(initial=0))) + 1
    index = strips(offers, kinds, strip_height(needs))
    line, resource, metres = joined(needs, offers, index)
    price = offers.fixed[resource] + (offers.hour[resource] * needs.minutes[line] + 30) // 60
    kept = price <= needs.dearest[line]
    line, resource, metres, price = line[kept], resource[kept], metres[kept], price[kept]
    order = np.argsort(line * len(offers.kind) + resource)
    line, resource, metres, price = line[order], resource[order], metres[order], price[order]
    return Pairs(line, resource, metres, price, bonuses(line, resource, needs.bonus_from, needs.bonus, offers.features))


def strip_height(needs: Needs) -> float:
    """Half the usual radius, in degrees."""
    radii = needs.farthest[np.isfinite(needs.farthest)]
    return float(np.median(radii)) * 500 / METRES_PER_DEGREE if len(radii) else 1.0


def joined(needs: Needs, offers: Offers, index: Strips) -> tuple[Ints, Ints, Ints]:
    """Line, resource and metres of the pairs that pass everything but the price."""
    asked = (needs.kind, needs.pole, needs.place, needs.farthest, needs.features, needs.measures, needs.units)
    only = (needs.restricted, needs.only_from, needs.only)
    offered = (offers.kind, offers.poles, offers.place, offers.features, offers.measures, offers.units)
    strip = (index.order, index.longitude, index.begins, index.width, index.south, index.height)
    found, metres = join(asked, only, offered, strip)
    return found[:, 0].copy(), found[:, 1].copy(), metres


@compiled
def join(
    asked: tuple[Ints, Ints, Floats, Floats, Words, Floats, Ints],
    only: tuple[Flags, Ints, Ints],
    offered: tuple[Ints, Words, Floats, Words, Floats, Ints],
    strip: tuple[Ints, Floats, Ints, int, float, float],
) -> tuple[Ints, Ints]:
    """Pairs (line, resource) and their metres."""
    found = np.empty((1024, 2), np.int64)
    metres = np.empty(1024, np.int64)
    count = 0
    near = np.empty(len(offered[0]), np.int64)
    for line in range(len(asked[0])):
        size = listed(line, only, near) if only[0][line] else around(line, asked, strip, near)
        if count + size > len(metres):
            found, metres = grown(found, metres, count, size)
        for resource in near[:size]:
            if not suits(line, resource, asked, offered):
                continue
            distance = metres_between(asked[2], line, offered[2], resource)
            if distance / 1000.0 <= asked[3][line]:
                found[count, 0] = line
                found[count, 1] = resource
                metres[count] = distance
                count += 1
    return found[:count], metres[:count]


@inner
def grown(found: Ints, metres: Ints, count: int, size: int) -> tuple[Ints, Ints]:
    """Larger arrays with the same beginning."""
    wider = np.empty((2 * count + size, 2), np.int64)
    longer = np.empty(2 * count + size, np.int64)
    wider[:count] = found[:count]
    longer[:count] = metres[:count]
    return wider, longer


@inner
def listed(line: int, only: tuple[Flags, Ints, Ints], near: Ints) -> int:
    """The resources that a line names itself."""
    size = 0
    for at in range(only[1][line], only[1][line + 1]):
        near[size] = only[2][at]
        size += 1
    return size


@inner
def around(
    line: int,
    asked: tuple[Ints, Ints, Floats, Floats, Words, Floats, Ints],
    strip: tuple[Ints, Floats, Ints, int, float, float],
    near: Ints,
) -> int:
    """The resources of the line's kind in the box around its circle, and those without a place."""
    order, _, begins, width, south, height = strip
    first = asked[0][line] * width
    latitude = asked[2][line, 0]
    size = copied(order, begins[first], begins[first + 1], near, 0)
    reach = (asked[3][line] * 1000.0 + 1.0) / METRES_PER_DEGREE * 1.000001 + 1e-9
    if np.isnan(latitude) or reach >= 180.0:
        return copied(order, begins[first + 1], begins[first + width], near, size)
    low = max(1, floor((latitude - reach - south) / height) + 1)
    high = min(width - 1, floor((latitude + reach - south) / height) + 1)
    east = eastward(latitude, reach)
    for row in range(low, high + 1):
        size = along(strip, first + row, asked[2][line, 1], east, near, size)
    return size


@inner
def copied(order: Ints, begin: int, end: int, near: Ints, size: int) -> int:
    """A run of the index appended to what is near; returns the new size."""
    for at in range(begin, end):
        near[size] = order[at]
        size += 1
    return size


@inner
def eastward(latitude: float, reach: float) -> float:
    """Degrees of longitude to which a circle of `reach` degrees extends (Bronshtein: the tangent meridian)."""
    if abs(latitude) + reach >= 90.0:
        return 180.0
    return asin(min(1.0, sin(reach * pi / 180) / cos(latitude * pi / 180))) * 180 / pi + 1e-9


@inner
def along(
    strip: tuple[Ints, Floats, Ints, int, float, float], row: int, centre: float, east: float, near: Ints, size: int
) -> int:
    """A strip's resources between two meridians, across the antimeridian too."""
    order, longitude, begins = strip[0], strip[1], strip[2]
    if east >= 180.0:
        return copied(order, begins[row], begins[row + 1], near, size)
    for turn in (-360.0, 0.0, 360.0):
        if centre + turn - east > 180.0 or centre + turn + east < -180.0:
            continue
        at = begins[row] + np.searchsorted(longitude[begins[row] : begins[row + 1]], centre + turn - east)
        while at < begins[row + 1] and longitude[at] <= centre + turn + east:
            near[size] = order[at]
            size += 1
            at += 1
    return size


@inner
def suits(
    line: int,
    resource: int,
    asked: tuple[Ints, Ints, Floats, Floats, Words, Floats, Ints],
    offered: tuple[Ints, Words, Floats, Words, Floats, Ints],
) -> bool:
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
def metres_between(ones: Floats, one: int, others: Floats, other: int) -> int:
    """Great circle (haversine), rounded half up; 0 if either has no place."""
    if np.isnan(ones[one, 0]) or np.isnan(others[other, 0]):
        return 0
    south, north = ones[one, 0] * pi / 180, others[other, 0] * pi / 180
    rise = sin((north - south) / 2)
    turn = sin((others[other, 1] - ones[one, 1]) * pi / 180 / 2)
    part = rise * rise + cos(south) * cos(north) * turn * turn
    return floor(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(part))) + 0.5)


@compiled
def bonuses(line: Ints, resource: Ints, bonus_from: Ints, bonus: Ints, features: Words) -> Ints:
    """By pair, the cents of the preferred features that the resource has."""
    found = np.zeros(len(line), np.int64)
    for pair in range(len(line)):
        own = bonus[bonus_from[line[pair]] : bonus_from[line[pair] + 1]]
        found[pair] = bonus_of(own, resource[pair], features)
    return found


@inner
def bonus_of(own: Ints, resource: int, features: Words) -> int:
    """The cents of a line's preferred features, rows (feature, cents), that the resource has."""
    total = 0
    for at in range(len(own)):
        feature = own[at, 0]
        if (features[resource, feature >> 6] >> np.uint64(feature & 63)) & np.uint64(1):
            total += own[at, 1]
    return total
