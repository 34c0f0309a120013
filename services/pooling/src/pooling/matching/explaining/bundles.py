"""Whether the lines of a request that have no place could have one together, and whether that would be worth it."""

from typing import NamedTuple

import numpy as np

from pooling.matching.compiled import Ints, compiled, inner
from pooling.matching.explaining.columns import AFTER, BEFORE, BEGIN, BLOCKS_FROM, FREE_FROM, UNITS, Columns
from pooling.matching.explaining.room import most_units, starts_between, taken_at, window_of

NOT_TOGETHER, NOT_WORTH_IT, RAISES, UNKNOWN = range(4)
MOST_TRIES = 20_000
"""Places tried, after which a bundle's answer is `UNKNOWN`."""


Pairs = tuple[Ints, Ints, Ints]


class Rooms(NamedTuple):
    """Places with room, by group and then by member, best first: cents without the opening, and the opening.

    `hope` is the most that a place can add, its opening shared by the whole bundle. A group is a start that all of the
    bundle has to have; 0 if it may differ.
    """

    group: Ints
    member: Ints
    resource: Ints
    start: Ints
    cents: Ints
    opening: Ints
    hope: Ints


def verdict(columns: Columns, lines: Ints, suiting: Pairs, same_start: bool) -> int:
    """What is true of placing these lines of a request all at once, with the rest of the plan as it is.

    `suiting` are members (positions in `lines`), the resources that suit them, times aside, and the cents that they
    add there, stability and opening aside.
    """
    found = found_rooms(columns, lines, suiting)
    if len(lines) == 1:
        return (RAISES if (found[:, 3] > found[:, 4]).any() else NOT_WORTH_IT) if len(found) else NOT_TOGETHER
    rooms = sorted_rooms(found, len(lines), same_start)
    answer, tries = NOT_TOGETHER, 0
    for group in np.split(np.arange(len(found)), np.flatnonzero(np.diff(rooms.group)) + 1):
        edges = group[:1].sum() + np.searchsorted(rooms.member[group], np.arange(len(lines) + 1))
        if (np.diff(edges) > 0).all():
            of_group, tried = search(columns, lines, rooms, edges.astype(np.int64), MOST_TRIES - tries)
            answer, tries = max(answer, int(of_group)), tries + tried
        if answer >= RAISES:
            break
    return answer


@compiled
def found_rooms(columns: Columns, lines: Ints, suiting: Pairs) -> Ints:
    """Rows (member, resource, start, cents, opening) of every place with room."""
    found = np.empty((64, 5), np.int64)
    count = 0
    asked, calendar = columns.asked, columns.calendar
    members, resources, cents = suiting
    for pair in range(len(members)):
        line, resource = lines[members[pair]], resources[pair]
        window = window_of(asked, line)
        for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
            first, last = starts_between(calendar, window, resource, period)
            for start in range(first, last + 1, window.step):
                if most_units(calendar, window, resource, start) >= window.units:
                    found = found if count < len(found) else doubled(found)
                    stays = asked.current_resource[line] == resource and asked.current_start[line] == start
                    found[count, 0], found[count, 1], found[count, 2] = members[pair], resource, start
                    found[count, 3] = cents[pair] + (columns.stability if stays else 0)
                    found[count, 4] = columns.opening[resource]
                    count += 1
    return found[:count].copy()


@inner
def doubled(rows: Ints) -> Ints:
    """Twice as many rows, beginning with the same."""
    more = np.empty((2 * len(rows), rows.shape[1]), np.int64)
    more[: len(rows)] = rows
    return more


def sorted_rooms(found: Ints, members: int, same_start: bool) -> Rooms:
    """The same, by group and member, the most hopeful first."""
    hope = found[:, 3] - found[:, 4] // members
    group = found[:, 2] if same_start else np.zeros(len(found), np.int64)
    order = np.lexsort((-hope, found[:, 0], group))
    columns = (group, *found.T, hope)
    return Rooms(*(np.ascontiguousarray(column[order]) for column in columns))


@compiled
def search(columns: Columns, lines: Ints, rooms: Rooms, edges: Ints, most: int) -> tuple[int, int]:
    """The verdict on the places of a group, and how many were tried: one member after another, by what is hoped.

    `edges` says where each member's places begin. What remains of a member's is left out once it can't raise the plan's
    value, if some set of places is known.
    """
    answer, tries, depth = NOT_TOGETHER, 0, 0
    following, chosen = edges[:-1].copy(), edges[:-1].copy()
    while depth >= 0:
        at = following[depth]
        if at == edges[depth + 1] or (answer == NOT_WORTH_IT and hoped(rooms, edges, chosen, depth, at) <= 0):
            depth -= 1
            continue
        if tries >= most:
            return UNKNOWN, tries
        tries += 1
        following[depth] += 1
        if not fits_beside(columns, lines, rooms, chosen, depth, at):
            continue
        chosen[depth] = at
        if depth < len(lines) - 1:
            depth += 1
            following[depth] = edges[depth]
        elif together(rooms, chosen) > 0:
            return RAISES, tries
        else:
            answer = NOT_WORTH_IT
    return answer, tries


@inner
def hoped(rooms: Rooms, edges: Ints, chosen: Ints, depth: int, at: int) -> int:
    """The most cents that this place adds with those chosen before it and any after it."""
    cents = rooms.hope[at]
    for member in range(len(chosen)):
        if member != depth:
            cents += rooms.hope[chosen[member] if member < depth else edges[member]]
    return cents


@inner
def together(rooms: Rooms, chosen: Ints) -> int:
    """Cents that these places add, each resource opened once."""
    cents = 0
    for member in range(len(chosen)):
        at = chosen[member]
        first = True
        for other in chosen[:member]:
            first = first and rooms.resource[other] != rooms.resource[at]
        cents += rooms.cents[at] - (rooms.opening[at] if first else 0)
    return cents


@inner
def fits_beside(columns: Columns, lines: Ints, rooms: Rooms, chosen: Ints, depth: int, at: int) -> bool:
    """Whether a place has room beside those chosen for the members before."""
    begin, end = block(columns, lines, rooms, at)
    calendar, resource, beside = columns.calendar, rooms.resource[at], False
    for other in chosen[:depth]:
        if rooms.resource[other] == resource:
            beside = True
            moment = max(begin, block(columns, lines, rooms, other)[0])
            if moment < end and not spare(columns, lines, rooms, chosen, depth, at, moment):
                return False
    for row in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM] if beside else 0):
        moment = calendar.blocks[row, BEGIN]
        if begin < moment < end and not spare(columns, lines, rooms, chosen, depth, at, moment):
            return False
    return True


@inner
def block(columns: Columns, lines: Ints, rooms: Rooms, at: int) -> tuple[int, int]:
    """When a place begins and ends, with the buffers."""
    resource, start = rooms.resource[at], rooms.start[at]
    minutes = columns.asked.minutes[lines[rooms.member[at]]]
    return start - columns.calendar.hosts[resource, BEFORE], start + minutes + columns.calendar.hosts[resource, AFTER]


@inner
def spare(columns: Columns, lines: Ints, rooms: Rooms, chosen: Ints, depth: int, at: int, moment: int) -> bool:
    """Whether a place, those chosen and the rest of the plan need no more units than there are, at a moment."""
    line, resource = lines[rooms.member[at]], rooms.resource[at]
    units = taken_at(columns.calendar, resource, moment, line) + columns.asked.units[line]
    for other in chosen[:depth]:
        begin, end = block(columns, lines, rooms, other)
        if rooms.resource[other] == resource and begin <= moment < end:
            units += columns.asked.units[lines[rooms.member[other]]]
    return units <= columns.calendar.hosts[resource, UNITS]
