"""Which resources suit a line, times aside, and which would but for one condition: lines against all resources.

The conditions are `CONDITIONS` from the kind to the price, and those that a near miss may change are numbered here.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pooling.matching.candidates import bonuses, metres_between
from pooling.matching.compiled import NONE, Flags, Floats, Ints, compiled
from pooling.matching.compiling import Compiled

START, MAX_KM, MAX_PRICE, AT_LEAST, FEATURES, UNITS = range(6)
FARTHEST_M = 2**25
"""More metres than between any two places."""
MOST_PAIRS = 1_000_000
"""Lines times resources that are looked at in one go."""


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
    needs, offers = problem.needs, problem.offers
    base = (of_pole(problem, lines, resources), of_choice(problem, lines, resources))
    missing, (short, part) = missing_features(problem, lines, resources), short_measures(problem, lines, resources)
    fewer = np.maximum(0, needs.units[lines, None] - offers.units[resources])
    price = offers.fixed[resources] + (offers.hour[resources] * needs.minutes[lines, None] + 30) // 60
    dear = price > needs.dearest[lines, None]
    failing = sum((fails.astype(np.int8) for fails in (missing > 0, short > 0, fewer > 0, dear)), np.int8(0))
    open_ = base[0] & base[1]
    far, metres = too_far(problem, lines, resources, open_ & (failing <= 1))
    stages = (*base, missing == 0, short == 0, fewer == 0, ~far, ~dear)
    left = np.ones(open_.shape, bool)
    passed = [np.count_nonzero(np.logical_and(left, stage, out=left), axis=1) for stage in stages]
    row, column = np.nonzero(open_ & (failing + far <= 1))
    change, size = np.full(len(row), NONE), np.zeros(len(row), np.int64)
    conditions = ((MAX_KM, far, metres), (MAX_PRICE, dear, price), (AT_LEAST, short, short),
                  (FEATURES, missing, missing), (UNITS, fewer, fewer))  # fmt: skip
    for number, fails, by in conditions:
        at = np.flatnonzero(fails[row, column])
        change[at], size[at] = number, by[row[at], column[at]]
    order = in_order(row, column, change, size, part[row, column])
    row, column, counts = row[order], column[order], np.column_stack((np.full(len(lines), len(resources)), *passed))
    cents = worths(problem, (lines[row], resources[column]), metres[row, column], price[row, column])
    return Suiting(lines, counts, row, resources[column], change[order], size[order], cents)


def in_order(row: Ints, column: Ints, change: Ints, size: Ints, part: Floats) -> Ints:
    """By row and change the smallest first, of equal ones the first resource; the many that are too far last."""
    close, far = np.flatnonzero(change != MAX_KM), np.flatnonzero(change == MAX_KM)
    close = close[np.lexsort((part[close], size[close], change[close], row[close]))]
    key = (row[far] * FARTHEST_M + size[far]) * (column.max(initial=0) + 1) + column[far]
    return np.concatenate((close, far[np.argsort(key)]))


def worths(problem: Compiled, pairs: tuple[Ints, Ints], metres: Ints, price: Ints) -> Ints:
    """By pair, value and bonuses less price and travel, in cents."""
    needs, offers = problem.needs, problem.offers
    line, resource = pairs
    bonus = bonuses(line, resource, needs.bonus_from, needs.bonus, offers.features)
    spent = price + (metres * problem.problem.km_cost + 500) // 1000
    cents: Ints = needs.value[line] + bonus - spent
    return cents


def of_pole(problem: Compiled, lines: Ints, resources: Ints) -> Flags:
    """Whether the resource serves the line's pole (lines x resources, as all of these)."""
    pole = problem.needs.pole[lines]
    words = problem.offers.poles[resources][:, pole >> 6].T
    found: Flags = (words >> (pole & 63).astype(np.uint64)[:, None]) & np.uint64(1) != 0
    return found


def of_choice(problem: Compiled, lines: Ints, resources: Ints) -> Flags:
    """Whether the resource is one of `only`, or there is none."""
    needs = problem.needs
    found = np.broadcast_to(~needs.restricted[lines, None], (len(lines), len(resources))).copy()
    for row in np.flatnonzero(needs.restricted[lines]):
        only = needs.only[needs.only_from[lines[row]] : needs.only_from[lines[row] + 1]]
        found[row] = np.isin(resources, only)
    return found


def missing_features(problem: Compiled, lines: Ints, resources: Ints) -> Ints:
    """How many of the features asked for the resource doesn't have."""
    asked, offered = problem.needs.features[lines], problem.offers.features[resources]
    found = np.zeros((len(lines), len(resources)), np.int64)
    for word in np.flatnonzero(asked.any(axis=0)):
        found += np.bitwise_count(asked[:, word, None] & ~offered[:, word])
    return found


def short_measures(problem: Compiled, lines: Ints, resources: Ints) -> tuple[Ints, Floats]:
    """How many measures the resource has less of than asked for, and the largest part by which it falls short.

    A part is of the measure asked for, or of 1 if that is more; infinite if the resource doesn't have the measure.
    """
    asked, offered = problem.needs.measures[lines], problem.offers.measures[resources]
    found = np.zeros((len(lines), len(resources)), np.int64)
    parts = np.zeros(found.shape)
    for measure in np.flatnonzero(np.isfinite(asked).any(axis=0)):
        short = offered[:, measure] < asked[:, measure, None]
        found += short
        row, column = np.nonzero(short)
        of = asked[row, measure]
        part = (of - offered[column, measure]) / np.maximum(1.0, np.abs(of))
        parts[row, column] = np.maximum(parts[row, column], part)
    return found, parts


def too_far(problem: Compiled, lines: Ints, resources: Ints, pairs: Flags) -> tuple[Flags, Ints]:
    """Whether the distance is more than it may be, and the metres: for these pairs, 0 for others."""
    needs, offers = problem.needs, problem.offers
    row, column = np.nonzero(pairs)
    metres = np.zeros(pairs.shape, np.int64)
    metres[row, column] = metres_of(needs.place, lines[row], offers.place, resources[column])
    return metres / 1000 > needs.farthest[lines, None], metres


@compiled
def metres_of(ones: Floats, one: Ints, others: Floats, other: Ints) -> Ints:
    """The distances of pairs of places, in whole metres."""
    found = np.empty(len(one), np.int64)
    for at in range(len(one)):
        found[at] = metres_between(ones, one[at], others, other[at])
    return found
