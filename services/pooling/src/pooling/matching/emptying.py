"""Fewer resources for the same lines, where opening one costs: one is emptied, and its lines look for room elsewhere.

A waiting line that finds no room on what is open pushes others out: of all that wait and all their places, that pair is
taken whose line weighs most more than what is in its way. Where nothing is gained by that, all that wait weigh more
from then on; and what is pushed out doesn't come back there for some steps ("ejection pool": Nagata and Bräysy, "A
powerful route minimization heuristic for the vehicle routing problem with time windows", 2009; of partial colourings:
Blöchliger and Zufferey, "A graph coloring heuristic using partial solutions and a reactive tabu scheme", 2008). Now and
then an open resource is exchanged for a closed one. When nothing waits any more, the next resource is emptied.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Flags, Ints, compiled, inner
from pooling.matching.neighbourhood import longest_blocks
from pooling.matching.packing import Packing, allowed, assign, copy_of, line_of, put, remove, resource_of

STEPS = 5_000
"""In a round."""
EXCHANGE = 1_000
"""One step in so many exchanges a resource."""
BARRED = 10
"""For so many steps, and up to as many again, a line doesn't come back."""
LONG = 40
"""After so many rounds without success, it begins anew."""
CLOSED = 2**40
"""More than all lines that are in the way weigh."""


class Emptying(NamedTuple):
    """A plan of its own, which lacks what waits, and what is known of it.

    By place the weight of what is in the way, and until which step it is barred; by line its weight and its position in
    `waiting`; by resource whether it is closed, and its longest block. `numbers`: how many wait, the step, and the
    state of chance.
    """

    packing: Packing
    in_the_way: Ints
    barred: Ints
    weight: Ints
    waiting: Ints
    position: Ints
    closed: Flags
    longest: Ints
    numbers: Ints


def emptying(board: Board, packing: Packing, chance: np.random.Generator) -> Emptying:
    """The search before its first step, from this plan."""
    lines, places = len(board.units), len(board.place_arc)
    return Emptying(
        copy_of(packing), np.zeros(places, np.int64), np.zeros(places, np.int64), np.ones(lines, np.int64),
        np.zeros(lines, np.int64), np.full(lines, NONE), np.zeros(len(board.capacity), np.bool_), longest_blocks(board),
        np.array([0, 0, chance.integers(1, 2**62)]),
    )  # fmt: skip


def can_empty(board: Board) -> bool:
    """Whether openings cost something, and a line is alone on a resource and in its request."""
    return bool(board.opening.any() and (board.capacity == 1).all() and not board.together.any())


@compiled
def empty_some(board: Board, search: Emptying) -> bool:
    """A round's steps; whether nothing waits any more: then the plan may be better.

    If nothing waits to begin with, a resource is closed first.
    """
    if search.numbers[0] == 0:
        begin(board, search)
    for _ in range(STEPS):
        if search.numbers[0] == 0:
            return True
        search.numbers[1] += 1
        if search.numbers[1] % EXCHANGE == 0:
            exchange(board, search)
        else:
            place_one(board, search)
    return search.numbers[0] == 0


def restart(search: Emptying, packing: Packing) -> None:
    """Begins anew from a plan, and so, as chance has it, with another resource."""
    assign(search.packing, packing)
    search.numbers[0] = 0


@inner
def begin(board: Board, search: Emptying) -> None:
    """Lets wait what has no place and could have one; if that is nothing, what is on some resource."""
    look_around(board, search)
    for line in range(len(board.units)):
        unplaced = search.packing.place[line] == NONE
        if unplaced and board.line_places_from[line + 1] > board.line_places_from[line]:
            wait(search, line)
    emptied = some_used(search)
    if search.numbers[0] == 0 and emptied != NONE:
        mark(board, search, emptied, closed=True)
        while search.packing.first[emptied] != NONE:
            take_off(board, search, search.packing.first[emptied])


@inner
def look_around(board: Board, search: Emptying) -> None:
    """Closes what isn't used, makes all lines weigh the same, and notes what is in whose way."""
    search.weight[:] = 1
    search.in_the_way[:] = 0
    for resource in range(len(search.closed)):
        search.closed[resource] = False
        if search.packing.first[resource] == NONE:
            mark(board, search, resource, closed=True)
    for place in search.packing.place:
        if place != NONE:
            weigh(board, search, place, 1)


@inner
def some_used(search: Emptying) -> int:
    """A resource with something on it, by chance (`NONE`: there is none)."""
    found, count = NONE, 0
    for resource in range(len(search.closed)):
        if search.packing.first[resource] != NONE:
            count += 1
            if drawn(search, count) == 0:
                found = resource
    return found


@inner
def mark(board: Board, search: Emptying, resource: int, closed: bool) -> None:
    """Closes or opens a resource."""
    search.closed[resource] = closed
    for place in range(board.places_from[resource], board.places_from[resource + 1]):
        search.in_the_way[place] += CLOSED if closed else -CLOSED


@inner
def weigh(board: Board, search: Emptying, place: int, sign: int) -> None:
    """Puts a line's weight in the way of all that its place overlaps, or takes it away."""
    resource = resource_of(board, place)
    weight = sign * search.weight[line_of(board, place)]
    low, high = board.places_from[resource], board.places_from[resource + 1]
    begin, end = board.begin[place], board.end[place]
    at = low + np.searchsorted(board.begin[low:high], begin - search.longest[resource])
    while at < high and board.begin[at] < end:
        if board.end[at] > begin:
            search.in_the_way[at] += weight
        at += 1


@inner
def wait(search: Emptying, line: int) -> None:
    """Puts a line among those that wait."""
    search.waiting[search.numbers[0]] = line
    search.position[line] = search.numbers[0]
    search.numbers[0] += 1


@inner
def take_off(board: Board, search: Emptying, line: int) -> None:
    """Takes a line from its place, to wait."""
    weigh(board, search, search.packing.place[line], -1)
    remove(board, search.packing, line)
    wait(search, line)


@inner
def put_on(board: Board, search: Emptying, place: int) -> None:
    """Puts a waiting line on a place that is free."""
    line = line_of(board, place)
    last = search.waiting[search.numbers[0] - 1]
    search.waiting[search.position[line]] = last
    search.position[last] = search.position[line]
    search.numbers[0] -= 1
    put(board, search.packing, place)
    weigh(board, search, place, 1)


@inner
def drawn(search: Emptying, below: int) -> int:
    """A number from 0, by chance (xorshift: Marsaglia 2003)."""
    state = np.uint64(search.numbers[2])
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    search.numbers[2] = np.int64(state)
    return int(np.int64((state >> np.uint64(11)) % np.uint64(below)))


@inner
def place_one(board: Board, search: Emptying) -> None:
    """Gives a waiting line the place at which least weight is lost."""
    place, lost = best_pair(board, search)
    if place == NONE:
        return
    if lost >= 0:
        for at in range(search.numbers[0]):
            search.weight[search.waiting[at]] += 1
    push_out(board, search, place)
    put_on(board, search, place)


@inner
def best_pair(board: Board, search: Emptying) -> tuple[int, int]:
    """Of the places of all that wait, that which loses least weight (`NONE`: none is open), by chance among equals."""
    best, least, equals = NONE, CLOSED // 2, 0
    for at in range(search.numbers[0]):
        line = search.waiting[at]
        if not allowed(board, search.packing, line):
            continue
        for index in range(board.line_places_from[line], board.line_places_from[line + 1]):
            place = board.line_places[index]
            lost = search.in_the_way[place] - search.weight[line]
            if lost > least or (search.in_the_way[place] and search.barred[place] > search.numbers[1]):
                continue
            equals = equals + 1 if lost == least else 1
            if equals == 1 or drawn(search, equals) == 0:
                best = place
            least = lost
    return best, least


@inner
def push_out(board: Board, search: Emptying, place: int) -> None:
    """Lets wait what overlaps a place."""
    begin, end = board.begin[place], board.end[place]
    line = search.packing.first[resource_of(board, place)]
    while line != NONE:
        following, other = search.packing.following[line], search.packing.place[line]
        if board.begin[other] < end and begin < board.end[other]:
            take_off(board, search, line)
            search.barred[other] = search.numbers[1] + BARRED + drawn(search, BARRED)
        line = following


@inner
def exchange(board: Board, search: Emptying) -> None:
    """Opens a closed resource, and closes the open one of whose lines it can take over most, by weight."""
    opened = some_closed(board, search)
    if opened == NONE:
        return
    there = np.full(len(board.units), NONE, np.int64)
    for place in range(board.places_from[opened], board.places_from[opened + 1]):
        there[line_of(board, place)] = place
    closed = least_lost(search, there)
    if closed == NONE:
        return
    mark(board, search, opened, closed=False)
    mark(board, search, closed, closed=True)
    while search.packing.first[closed] != NONE:
        line = search.packing.first[closed]
        take_off(board, search, line)
        if there[line] != NONE and search.in_the_way[there[line]] == 0:
            put_on(board, search, there[line])


@inner
def some_closed(board: Board, search: Emptying) -> int:
    """A closed resource by chance (`NONE`: there is none)."""
    found, count = NONE, 0
    for resource in range(len(search.closed)):
        if search.closed[resource] and board.places_from[resource + 1] > board.places_from[resource]:
            count += 1
            if drawn(search, count) == 0:
                found = resource
    return found


@inner
def least_lost(search: Emptying, there: Ints) -> int:
    """The open resource whose lines without a place `there` weigh least, by chance among equals."""
    best, least, equals = NONE, CLOSED, 0
    for resource in range(len(search.closed)):
        if search.closed[resource]:
            continue
        weight = 0
        line = search.packing.first[resource]
        while line != NONE:
            weight += search.weight[line] if there[line] == NONE else 0
            line = search.packing.following[line]
        if weight <= least:
            equals = equals + 1 if weight == least else 1
            if equals == 1 or drawn(search, equals) == 0:
                best = resource
            least = weight
    return best
