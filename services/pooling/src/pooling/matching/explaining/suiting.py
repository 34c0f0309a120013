"""Which resources suit a line, times aside, and which would but for one condition: lines against all resources.

The conditions are `CONDITIONS` from the kind to the price, and those that a near miss may change are numbered here.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pooling.matching.candidates import bonus_of, price_of
from pooling.matching.compiled import NONE, Flags, Floats, Ints, Words, compiled, inner
from pooling.matching.compiling import Compiled
from pooling.matching.distance import metres_between

START, MAX_KM, MAX_PRICE, AT_LEAST, FEATURES, UNITS = range(6)
FARTHEST_M = 2**25
"""More metres than between any two places."""
MOST_PAIRS = 1_000_000
"""Lines times resources that are looked at in one go."""


class Wanted(NamedTuple):
    """What of `compiling.Needs` tells where, by line."""

    pole: Ints
    restricted: Flags
    only_from: Ints
    only: Ints
    features: Words
    measures: Floats
    units: Ints
    place: Floats
    farthest: Floats
    minutes: Ints
    dearest: Ints
    value: Ints
    bonus_from: Ints
    bonus: Ints


class Given(NamedTuple):
    """What of `compiling.Offers` is held against it, by resource."""

    poles: Words
    features: Words
    measures: Floats
    units: Ints
    place: Floats
    fixed: Ints
    hour: Ints


class Suiting(NamedTuple):
    """What resources are to some lines.

    `passed` counts, by line, the resources that pass the first, the first two, ... conditions. Pairs are of a row (the
    line's position) and a resource; `change` is the one condition that fails (`NONE`: all hold), `size` how large its
    change would have to be. Those of the same row and change are in the order in which they are to be tried; those of
    which all conditions hold are sorted by row. `worth` is
    what the line adds there to the plan's value, stability and opening aside.
    """

    lines: Ints
    passed: Ints
    row: Ints
    resource: Ints
    change: Ints
    size: Ints
    worth: Ints


def suiting(problem: Compiled, lines: Ints) -> Iterator[Suiting]:
    """Some lines after others, against all resources."""
    for kind in np.unique(problem.needs.kind[lines]):
        own = lines[problem.needs.kind[lines] == kind]
        resources = np.flatnonzero(problem.offers.kind == kind)
        step = max(1, MOST_PAIRS // max(1, len(resources)))
        for at in range(0, len(own), step):
            yield of_one_kind(problem, own[at : at + step], resources)


def of_one_kind(problem: Compiled, lines: Ints, resources: Ints) -> Suiting:
    """These lines against these resources, which are all those of their kind."""
    wanted = Wanted(*(getattr(problem.needs, name) for name in Wanted._fields))
    given = Given(*(getattr(problem.offers, name) for name in Given._fields))
    passed, found, part = compared(wanted, given, lines, resources, problem.problem.km_cost)
    row, resource, change, size, _ = found
    order = in_order(row, resource, change, size, part)
    return Suiting(lines, passed, *found.take(order, axis=1))


@compiled
def compared(wanted: Wanted, given: Given, lines: Ints, resources: Ints, km_cost: int) -> tuple[Ints, Ints, Floats]:
    """`Suiting.passed`; row, resource, change, size and worth by pair (5 x pairs); by pair, what `lacking` tells."""
    passed = np.zeros((len(lines), 8), np.int64)
    passed[:, 0] = len(resources)
    found, parts = np.empty((5, len(lines) * len(resources)), np.int64), np.empty(len(lines) * len(resources))
    pairs = 0
    for row, line in enumerate(lines):
        only = wanted.only[wanted.only_from[line] : wanted.only_from[line + 1]]
        first, last = wanted.bonus_from[line], wanted.bonus_from[line + 1]
        for resource in resources:
            if not holds(given.poles, resource, wanted.pole[line]):
                continue
            passed[row, 1] += 1
            if wanted.restricted[line] and not among(only, resource):
                continue
            missing = without(wanted.features, line, given.features, resource)
            short, part = lacking(wanted.measures, line, given.measures, resource)
            fewer = max(0, wanted.units[line] - given.units[resource])
            price = price_of(given.fixed[resource], given.hour[resource], wanted.minutes[line])
            dear = price > wanted.dearest[line]
            failing = (missing > 0) + (short > 0) + (fewer > 0)
            passed[row, 2] += 1
            passed[row, 3] += missing == 0
            passed[row, 4] += missing == 0 and short == 0
            passed[row, 5] += failing == 0
            if failing + dear > 1:
                continue
            metres = metres_between(wanted.place, line, given.place, resource)
            far = metres / 1000 > wanted.farthest[line]
            passed[row, 6] += failing + far == 0
            passed[row, 7] += failing + far + dear == 0
            if failing + far + dear > 1:
                continue
            change, size = the_change((far, metres), (dear, price), short, missing, fewer)
            spent = price + (metres * km_cost + 500) // 1000
            worth = wanted.value[line] + bonus_of(wanted.bonus, first, last, resource, given.features) - spent
            found[0, pairs], found[1, pairs], found[2, pairs] = row, resource, change
            found[3, pairs], found[4, pairs], parts[pairs] = size, worth, part
            pairs += 1
    return passed, found[:, :pairs], parts[:pairs]


@inner
def the_change(far: tuple[bool, int], dear: tuple[bool, int], short: int, missing: int, fewer: int) -> tuple[int, int]:
    """The one condition that fails, or `NONE`, and how large its change would have to be."""
    if far[0]:
        return MAX_KM, far[1]
    if dear[0]:
        return MAX_PRICE, dear[1]
    if short > 0:
        return AT_LEAST, short
    if missing > 0:
        return FEATURES, missing
    return (UNITS, fewer) if fewer > 0 else (NONE, 0)


@inner
def holds(sets: Words, row: int, number: int) -> bool:
    """Whether a number is in a set."""
    return bool((sets[row, number >> 6] >> np.uint64(number & 63)) & np.uint64(1))


@inner
def among(ordered: Ints, number: int) -> bool:
    """Whether a number is one of these."""
    at = np.searchsorted(ordered, number)
    return bool(at < len(ordered) and ordered[at] == number)


@inner
def without(asked: Words, line: int, offered: Words, resource: int) -> int:
    """How many of the features asked for the resource doesn't have."""
    count = 0
    for word in range(asked.shape[1]):
        left = asked[line, word] & ~offered[resource, word]
        while left:
            left &= left - np.uint64(1)
            count += 1
    return count


@inner
def lacking(asked: Floats, line: int, offered: Floats, resource: int) -> tuple[int, float]:
    """How many measures the resource has less of than asked for, and the largest part by which it falls short.

    A part is of the measure asked for, or of 1 if that is more; infinite if the resource doesn't have the measure.
    """
    count, most = 0, 0.0
    for measure in range(asked.shape[1]):
        of, has = asked[line, measure], offered[resource, measure]
        if has < of:
            count += 1
            most = max(most, (of - has) / max(1.0, abs(of)))
    return count, most


def in_order(row: Ints, resource: Ints, change: Ints, size: Ints, part: Floats) -> Ints:
    """By row and change the smallest first, of equal ones the first resource; the many that are too far last."""
    close, far = np.flatnonzero(change != MAX_KM), np.flatnonzero(change == MAX_KM)
    close = close[np.lexsort((part[close], size[close], change[close], row[close]))]
    key = (row[far] * FARTHEST_M + size[far]) * (resource.max(initial=0) + 1) + resource[far]
    return np.concatenate((close, far[np.argsort(key)]))
