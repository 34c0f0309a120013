"""Places worth something and their arcs, in order: counted first, so that each is written where it belongs."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from pooling.matching.candidates import Pairs
from pooling.matching.compiled import Flags, Ints, Shorts, compiled, inner
from pooling.matching.compiling import Compiled
from pooling.matching.problem import SCALE

LARGE = 100_000
"""Places whose order is worth a second thread's while."""


class Places(NamedTuple):
    """The places in order and the arcs that they are of; by resource, where its places and its arcs begin."""

    places_from: Ints
    arc: Shorts
    begin: Ints
    end: Ints
    arcs_from: Ints
    arc_line: Shorts
    arc_resource: Shorts
    arc_score: Ints
    arc_price: Shorts


class Wanted(NamedTuple):
    """What pairs and lines say of their places: by pair its line, resource, starts, and what it scores away from home.

    By line whether each of its starts has a price and so an arc of its own, whether it is wanted even where it scores
    nothing, and where and when its home is, which scores `stability` more. Money is in cents.
    """

    line: Ints
    resource: Ints
    starts_from: Ints
    start: Ints
    score: Ints
    by_start: Flags
    together: Flags
    home: Ints
    home_start: Ints
    stability: int


def ordered(
    problem: Compiled, found: Pairs, starts_from: Ints, start: Ints, prices_from: Ints, price_start: Ints
) -> Places:
    """Places worth something, sorted by resource, begin and line, with arcs sorted by resource and line."""
    needs, offers = problem.needs, problem.offers
    kilometres = (found.metres * problem.problem.km_cost + 500) // 1000
    score = needs.value[found.line] + found.bonus - found.price - kilometres
    wanted = Wanted(
        found.line, found.resource, starts_from, start, score,
        problem.same_start[needs.request], problem.together[needs.request],
        needs.current_resource, needs.current_start, problem.problem.stability,
    )  # fmt: skip
    places_from, arcs_from = counted(wanted, len(offers.kind))
    size, arcs = int(places_from[-1]), int(arcs_from[-1])
    places = Places(
        places_from, np.empty(size, np.int32), np.empty(size, np.int64), np.empty(size, np.int64),
        arcs_from, np.empty(arcs, np.int32), np.empty(arcs, np.int32), np.empty(arcs, np.int64),
        np.empty(arcs, np.int32),
    )  # fmt: skip
    write(wanted, places, prices_from, price_start)
    sort_all(places, needs.minutes, offers.before, offers.after)
    return places


@compiled
def counted(wanted: Wanted, resources: int) -> tuple[Ints, Ints]:
    """By resource, where its places and its arcs begin."""
    places_from, arcs_from = np.zeros(resources + 1, np.int64), np.zeros(resources + 1, np.int64)
    for pair in range(len(wanted.line)):
        away, at_home = worth_something(wanted, pair)
        by_start = wanted.by_start[wanted.line[pair]]
        places_from[wanted.resource[pair] + 1] += away + at_home
        arcs_from[wanted.resource[pair] + 1] += away + at_home if by_start else min(1, away) + at_home
    return np.cumsum(places_from), np.cumsum(arcs_from)


@inner
def worth_something(wanted: Wanted, pair: int) -> tuple[int, int]:
    """How many of a pair's starts are worth something away from the line's home, and at home."""
    line, first, last = wanted.line[pair], wanted.starts_from[pair], wanted.starts_from[pair + 1]
    at_home = 0
    if wanted.home[line] == wanted.resource[pair]:
        for at in range(first, last):
            at_home += wanted.start[at] == wanted.home_start[line]
    away = last - first - at_home if wanted.together[line] or wanted.score[pair] > 0 else 0
    return away, at_home if wanted.together[line] or wanted.score[pair] + wanted.stability > 0 else 0


@compiled
def write(wanted: Wanted, places: Places, prices_from: Ints, price_start: Ints) -> None:
    """Writes arcs by resource and line, a line's home last; and places by resource and line, with starts as begins."""
    line_of_pair, starts_from, start, begin, arc_of_place = (
        wanted.line, wanted.starts_from, wanted.start, places.begin, places.arc,
    )  # fmt: skip
    next_place, next_arc = places.places_from.copy(), places.arcs_from.copy()
    for pair in range(len(line_of_pair)):
        away, at_home = worth_something(wanted, pair)
        if away + at_home == 0:
            continue
        line, resource = line_of_pair[pair], wanted.resource[pair]
        lives, by_start, place = wanted.home[line] == resource, wanted.by_start[line], next_place[resource]
        arc, last = next_arc[resource], next_arc[resource] + min(1, away)
        for at in range(starts_from[pair], starts_from[pair + 1]):
            home = lives and start[at] == wanted.home_start[line]
            if (home and not at_home) or (not home and not away):
                continue
            own = last if home and not by_start else arc
            price = prices_from[line]
            if by_start:
                price += np.searchsorted(price_start[price : prices_from[line + 1]], start[at])
                arc += 1
            begin[place], arc_of_place[place] = start[at], own
            score = wanted.score[pair] + (wanted.stability if home else 0)
            write_arc(places, own, line, resource, SCALE * score, price)
            place += 1
        next_place[resource] = place
        next_arc[resource] = arc if by_start else last + at_home


@inner
def write_arc(places: Places, arc: int, line: int, resource: int, score: int, price: int) -> None:
    """Writes an arc down."""
    places.arc_line[arc], places.arc_resource[arc] = line, resource
    places.arc_score[arc], places.arc_price[arc] = score, price


def sort_all(places: Places, minutes: Ints, before: Ints, after: Ints) -> None:
    """Sorts each resource's places by begin and line, large problems' by two threads."""
    resources, size = len(before), len(places.arc)
    if size < LARGE:
        sort_some(places, minutes, before, after, 0, resources)
        return
    middle = int(np.searchsorted(places.places_from, size // 2))
    with ThreadPoolExecutor(1) as helper:
        rest = helper.submit(sort_some, places, minutes, before, after, middle, resources)
        sort_some(places, minutes, before, after, 0, middle)
        rest.result()


@compiled
def sort_some(places: Places, minutes: Ints, before: Ints, after: Ints, first: int, last: int) -> None:
    """Sorts the places of these resources from their starts by begin, equals as they are, and writes when they end."""
    begin, end, arc, arc_line = places.begin, places.end, places.arc, places.arc_line
    keys, arcs = np.empty(0, np.int64), np.empty(0, np.int32)
    for resource in range(first, last):
        low, high = places.places_from[resource], places.places_from[resource + 1]
        size = high - low
        if size > len(keys):
            keys, arcs = np.empty(2 * size, np.int64), np.empty(2 * size, np.int32)
        if size > 1 and not in_order(begin, low, high):
            earliest = begin[low:high].min()
            arcs[:size] = arc[low:high]
            for at in range(size):
                keys[at] = (begin[low + at] - earliest) * size + at
            keys[:size].sort()
            for at in range(size):
                begin[low + at] = earliest + keys[at] // size
                arc[low + at] = arcs[keys[at] % size]
        for place in range(low, high):
            end[place] = begin[place] + minutes[arc_line[arc[place]]] + after[resource]
            begin[place] -= before[resource]


@inner
def in_order(begin: Ints, low: int, high: int) -> bool:
    """Whether these rise."""
    for at in range(low + 1, high):  # noqa: SIM110 - numba has no generators here
        if begin[at] < begin[at - 1]:
            return False
    return True


@compiled
def by_line(places: Places, lines: int) -> tuple[Ints, Shorts, Ints]:
    """By line, where its places begin, its places, and what they score."""
    arc, arc_line, arc_score = places.arc, places.arc_line, places.arc_score
    begins = np.zeros(lines + 1, np.int64)
    for place in range(len(arc)):
        begins[arc_line[arc[place]] + 1] += 1
    begins = np.cumsum(begins)
    following, found, score = begins.copy(), np.empty(len(arc), np.int32), np.empty(len(arc), np.int64)
    for place in range(len(arc)):
        line = arc_line[arc[place]]
        found[following[line]], score[following[line]] = place, arc_score[arc[place]]
        following[line] += 1
    return begins, found, score
