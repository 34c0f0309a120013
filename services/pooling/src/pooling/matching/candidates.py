"""Which resources a line may go to, times aside: kind, pole, features, measures, units, `only`, distance and price.

Resources are laid out by the cells of a grid over the map, so that a line looks only at those in the cells that the
box around its circle touches, and at these one after another in memory. Lines take their turns by cell too, so that
what the next one looks at has just been looked at; in the end their pairs are put in order.
"""

from dataclasses import dataclass

import numpy as np

from pooling.matching.compiled import NONE, Flags, Floats, Ints, Words, compiled, inner
from pooling.matching.compiling import Compiled
from pooling.matching.distance import chords, directions, metres_along, metres_between, square_between
from pooling.matching.grid import Grid, around, by_cell, grid_over

USUAL = 64
"""Pairs of a line for which there is room at first; memory that isn't used costs nothing."""
RANKED = 64
"""Resources of a line that are sorted by counting for each how many come before it."""
LINE, RESOURCE, METRES, PRICE, BONUS = range(5)
LOW_BITS = 2**32 - 1

Asked = tuple[Ints, Ints, Floats, Floats, Words, Floats, Ints]
Offered = tuple[Ints, Words, Floats, Words, Floats, Ints]
Spent = tuple[Ints, Ints, Ints, Ints]
"""By line its minutes and dearest price; by post fixed and hourly prices."""
Reach = tuple[Floats, Floats, Floats]
"""The directions of lines and of posts, and by line the square of the longest chord."""
Only = tuple[Flags, Ints, Ints, Ints]
"""Whether a line names its resources, where the posts of these begin and end, and the posts."""
Laid = tuple[Grid, Ints, Ints]
"""The grid, where its cells begin, and by post the resource."""


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
    grid = grid_over(offers.place, needs.farthest, kinds)
    turns, _ = by_cell(needs.kind, needs.place, grid, kinds)
    order, begins = by_cell(offers.kind, offers.place, grid, kinds)
    post = np.empty(len(order), np.int64)
    post[order] = np.arange(len(order))
    kept, where = join(
        turns,
        (needs.kind[turns], needs.pole[turns], needs.place[turns], needs.farthest[turns],
         needs.features[turns], needs.measures[turns], needs.units[turns]),
        (needs.restricted[turns], needs.only_from[turns], needs.only_from[turns + 1], post[needs.only]),
        (offers.kind[order], offers.poles[order], offers.place[order],
         offers.features[order], offers.measures[order], offers.units[order]),
        (needs.minutes[turns], needs.dearest[turns], offers.fixed[order], offers.hour[order]),
        (directions(needs.place[turns]), directions(offers.place[order]), chords(needs.farthest[turns] * 1000)),
        (grid, begins, order),
        np.empty(USUAL * len(turns), np.int64),
    )  # fmt: skip
    found = np.empty((5, int(where[:, 1].sum())), np.int64)
    put_in_order(kept, where, (needs.minutes, offers.fixed, offers.hour), found)
    add_bonuses(needs.bonus_from, needs.bonus, offers.features, found)
    return Pairs(*found)


@compiled
def join(
    turns: Ints, asked: Asked, only: Only, offered: Offered, spent: Spent, reach: Reach, laid: Laid, kept: Ints
) -> tuple[Ints, Ints]:
    """All pairs, a line's one after another by resource; by line (in the problem's order) their begin and number.

    A pair is one word of its resource and metres. They are written into `kept` if there is room. All else that is by
    line is in the order of the lines' turns.
    """
    where, count = np.empty((len(turns), 2), np.int64), 0
    room = len(laid[2]) + 1
    runs, near = np.empty((room + 3 * laid[0].rows, 2), np.int64), np.empty(room, np.int64)
    metres, fitting = np.empty(room, np.int64), np.empty(room, np.int64)
    for line in range(len(turns)):
        if only[0][line]:
            most = listed(line, only, runs)
        else:
            kind, place = asked[0][line], asked[2][line]
            most = around(kind, place[0], place[1], asked[3][line], laid[0], laid[1], runs)
        size = within_reach(line, runs[:most], reach, near)
        size = suiting(line, near[:size], asked, offered)
        measure(line, near[:size], asked[2], offered[2], reach, metres)
        size = pay(line, near[:size], metres, asked[3], spent, laid[2], fitting)
        if count + size > len(kept):
            kept = grown(kept, count, size)
        if size > RANKED:
            append_sorted(fitting[:size], kept[count:])
        else:
            append_ranked(fitting[:size], kept[count:])
        where[turns[line], 0], where[turns[line], 1] = count, size
        count += size
    return kept, where


@inner
def listed(line: int, only: Only, runs: Ints) -> int:
    """The posts that a line names itself, as runs; how many."""
    size = 0
    for at in range(only[1][line], only[2][line]):
        runs[size, 0], runs[size, 1] = only[3][at], only[3][at] + 1
        size += 1
    return size


@inner
def within_reach(line: int, runs: Ints, reach: Reach, near: Ints) -> int:
    """Writes the posts of these runs that aren't too far for a line; how many there are.

    Without a branch, which would be guessed wrong half the time.
    """
    size, farthest = 0, reach[2][line]
    for run in range(len(runs)):
        for post in range(runs[run, 0], runs[run, 1]):
            near[size] = post
            size += not square_between(reach[0], line, reach[1], post) > farthest
    return size


@inner
def suiting(line: int, posts: Ints, asked: Asked, offered: Offered) -> int:
    """Puts those of these posts to the front that suit a line: kind, pole, units, features and measures; how many."""
    kind, pole, units, size = asked[0][line], asked[1][line], asked[6][line], 0
    word, bit = pole >> 6, np.uint64(pole & 63)
    for post in posts:
        suits = (offered[0][post] == kind) & (offered[5][post] >= units)
        suits &= ((offered[1][post, word] >> bit) & np.uint64(1)) != 0
        for each in range(asked[4].shape[1]):
            suits &= (asked[4][line, each] & ~offered[3][post, each]) == 0
        for measure in range(asked[5].shape[1]):
            suits &= offered[4][post, measure] >= asked[5][line, measure]
        posts[size] = post
        size += suits
    return size


@inner
def measure(line: int, posts: Ints, place: Floats, places: Floats, reach: Reach, metres: Ints) -> None:
    """Writes the metres to these posts; what chords can't tell at the end, as it would slow down the others."""
    unknown = 0
    for at in range(len(posts)):
        metres[at] = metres_along(square_between(reach[0], line, reach[1], posts[at]))
        unknown += metres[at] == NONE
    if unknown:
        for at in range(len(posts)):
            if metres[at] == NONE:
                metres[at] = metres_between(place, line, places, posts[at])


@inner
def pay(line: int, posts: Ints, metres: Ints, farthest: Floats, spent: Spent, order: Ints, fitting: Ints) -> int:
    """Writes those of these posts that aren't too dear or too far, resource and metres in one word; how many."""
    fixed, hour, size = spent[2], spent[3], 0
    minutes, dearest = spent[0][line], spent[1][line]
    for at in range(len(posts)):
        post, far = posts[at], metres[at]
        price = price_of(fixed[post], hour[post], minutes)
        fitting[size] = (order[post] << 32) | far
        size += (price <= dearest) & (far / 1000.0 <= farthest[line])
    return size


@inner
def price_of(fixed: int, hour: int, minutes: int) -> int:
    """The cents that a resource costs for so many minutes: the hourly price by the minute, to the nearest cent."""
    return fixed + (hour * minutes + 30) // 60


@inner
def grown(kept: Ints, count: int, more: int) -> Ints:
    """Twice as long with the same beginning, and room for so many more."""
    longer = np.empty(2 * count + more, np.int64)
    longer[:count] = kept[:count]
    return longer


@inner
def append_ranked(keys: Ints, kept: Ints) -> None:
    """Writes a line's pairs by resource."""
    for at in range(len(keys)):
        place = 0
        for other in range(len(keys)):
            place += keys[other] < keys[at]
        kept[place] = keys[at]


@inner
def append_sorted(keys: Ints, kept: Ints) -> None:
    """The same for many (D. L. Shell)."""
    gap = 1
    while gap < len(keys) // 2:
        gap = 2 * gap + gap // 4 + 1
    while gap > 0:
        for at in range(gap, len(keys)):
            key, hole = keys[at], at
            while hole >= gap and keys[hole - gap] > key:
                keys[hole] = keys[hole - gap]
                hole -= gap
            keys[hole] = key
        gap = gap * 4 // 9
    kept[: len(keys)] = keys


@compiled
def put_in_order(kept: Ints, where: Ints, spent: tuple[Ints, Ints, Ints], found: Ints) -> None:
    """Writes the columns LINE to PRICE of all pairs by line; `spent` is minutes by line, prices by resource."""
    minutes, fixed, hour = spent
    place = 0
    for line in range(len(where)):
        for at in range(where[line, 0], where[line, 0] + where[line, 1]):
            resource, metres = kept[at] >> 32, kept[at] & LOW_BITS
            found[LINE, place], found[RESOURCE, place], found[METRES, place] = line, resource, metres
            found[PRICE, place] = price_of(fixed[resource], hour[resource], minutes[line])
            place += 1


@compiled
def add_bonuses(bonus_from: Ints, bonus: Ints, features: Words, found: Ints) -> None:
    """Writes the column BONUS."""
    for pair in range(found.shape[1]):
        first, last = bonus_from[found[LINE, pair]], bonus_from[found[LINE, pair] + 1]
        found[BONUS, pair] = bonus_of(bonus, first, last, found[RESOURCE, pair], features)


@inner
def bonus_of(bonus: Ints, first: int, last: int, resource: int, features: Words) -> int:
    """The cents of a line's preferred features, rows (feature, cents) from first to last, that the resource has."""
    total = 0
    for at in range(first, last):
        feature = bonus[at, 0]
        if (features[resource, feature >> 6] >> np.uint64(feature & 63)) & np.uint64(1):
            total += bonus[at, 1]
    return total
