"""A plan being made: which place each line has, and what each resource and limit has left."""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NEVER, NONE, Ints, compiled, inner


class Packing(NamedTuple):
    """By line its place (`NONE` if none) and the next line on the same resource; by resource the first; by limit."""

    place: Ints
    following: Ints
    first: Ints
    placed: Ints


def empty(board: Board) -> Packing:
    """Nothing placed."""
    lines, resources = len(board.units), len(board.capacity)
    return Packing(
        np.full(lines, NONE), np.full(lines, NONE), np.full(resources, NONE), np.zeros(len(board.at_most), np.int64)
    )


def copy_of(packing: Packing) -> Packing:
    """The same plan, to be changed without changing this."""
    return Packing(*(column.copy() for column in packing))


@compiled
def assign(into: Packing, packing: Packing) -> None:
    """Makes one plan like another."""
    into.place[:] = packing.place
    into.following[:] = packing.following
    into.first[:] = packing.first
    into.placed[:] = packing.placed


@compiled
def clear(packing: Packing) -> None:
    """Takes everything away."""
    packing.place[:] = NONE
    packing.following[:] = NONE
    packing.first[:] = NONE
    packing.placed[:] = 0


@inner
def line_of(board: Board, place: int) -> int:
    """The line that a place is for."""
    return board.arc_line[board.place_arc[place]]


@inner
def resource_of(board: Board, place: int) -> int:
    """The resource that a place is on."""
    return board.arc_resource[board.place_arc[place]]


@inner
def gain_of(board: Board, packing: Packing, place: int) -> int:
    """What a place adds to the plan as it is, the opening of its resource included."""
    opened = packing.first[resource_of(board, place)] == NONE
    return board.arc_score[board.place_arc[place]] - (board.opening[resource_of(board, place)] if opened else 0)


@compiled
def put(board: Board, packing: Packing, place: int) -> None:
    """Places a line."""
    line, resource = line_of(board, place), resource_of(board, place)
    packing.place[line] = place
    packing.following[line] = packing.first[resource]
    packing.first[resource] = line
    for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
        packing.placed[board.line_limits[at]] += 1


@compiled
def put_all(board: Board, packing: Packing, places: Ints) -> int:
    """Places lines there, as long as there is room; what all gain, or `-NEVER` if there is none for all."""
    gain = 0
    for place in places:
        if not (allowed(board, packing, line_of(board, place)) and has_room(board, packing, place)):
            return int(-NEVER)
        gain += gain_of(board, packing, place)
        put(board, packing, place)
    return gain


@compiled
def remove(board: Board, packing: Packing, line: int) -> None:
    """Takes a placed line away."""
    resource = resource_of(board, packing.place[line])
    if packing.first[resource] == line:
        packing.first[resource] = packing.following[line]
    else:
        at = packing.first[resource]
        while packing.following[at] != line:
            at = packing.following[at]
        packing.following[at] = packing.following[line]
    packing.place[line] = NONE
    packing.following[line] = NONE
    for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
        packing.placed[board.line_limits[at]] -= 1


@inner
def allowed(board: Board, packing: Packing, line: int) -> bool:
    """Whether the line's limits admit one more."""
    for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
        if packing.placed[board.line_limits[at]] >= board.at_most[board.line_limits[at]]:
            return False
    return True


@inner
def has_room(board: Board, packing: Packing, place: int) -> bool:
    """Whether a place fits beside what is on its resource already."""
    resource = resource_of(board, place)
    spare = board.capacity[resource] - board.units[line_of(board, place)]
    return fits(
        place, spare, packing.first[resource], packing.place, packing.following, board.begin, board.end, board.units,
        board.busy_from[resource], board.busy_from[resource + 1], board.busy,
    )  # fmt: skip


@inner
def fits(
    place: int, spare: int, first: int, placed: Ints, following: Ints, begins: Ints, ends: Ints, units: Ints,
    low: int, high: int, busy: Ints,
) -> bool:  # fmt: skip
    """Whether a place leaves `spare` units to others wherever it meets them: the lines from `first` on, and busy rows.

    Only the columns that it needs, since handing on a whole board takes longer than this does.
    """
    begin, end = begins[place], ends[place]
    alone = True
    line = first
    while line != NONE:
        other = placed[line]
        if begins[other] < end and begin < ends[other]:
            alone = False
            moment = max(begin, begins[other])
            if units_used(moment, first, placed, following, begins, ends, units, low, high, busy) > spare:
                return False
        line = following[line]
    if alone:
        return True
    for period in range(low, high):
        moment = busy[period, 0]
        inside = begin < moment < end
        if inside and units_used(moment, first, placed, following, begins, ends, units, low, high, busy) > spare:
            return False
    return True


@inner
def units_used(
    moment: int, first: int, placed: Ints, following: Ints, begins: Ints, ends: Ints, units: Ints,
    low: int, high: int, busy: Ints,
) -> int:  # fmt: skip
    """Units placed or busy at a moment: of the lines from `first` on, and of the busy rows from `low` to `high`."""
    used = 0
    line = first
    while line != NONE:
        if begins[placed[line]] <= moment < ends[placed[line]]:
            used += units[line]
        line = following[line]
    for period in range(low, high):
        if busy[period, 0] <= moment < busy[period, 1]:
            used += busy[period, 2]
    return used


@compiled
def units_at(board: Board, packing: Packing, resource: int, moment: int) -> int:
    """Units placed or busy at a moment."""
    return units_used(
        moment, packing.first[resource], packing.place, packing.following, board.begin, board.end, board.units,
        board.busy_from[resource], board.busy_from[resource + 1], board.busy,
    )  # fmt: skip


@compiled
def worth(board: Board, packing: Packing) -> int:
    """The plan's value in thousandths of a cent."""
    total = board.constant
    for place in packing.place:
        if place != NONE:
            total += board.arc_score[board.place_arc[place]]
    for resource in range(len(board.capacity)):
        if packing.first[resource] != NONE:
            total -= board.opening[resource]
    return total
