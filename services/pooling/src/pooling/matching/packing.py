"""A plan being made: which place each line has, and what each resource and limit has left."""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Ints, compiled, inner


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
    begin, end = board.begin[place], board.end[place]
    spare = board.capacity[resource] - board.units[line_of(board, place)]
    alone = True
    line = packing.first[resource]
    while line != NONE:
        other = packing.place[line]
        if board.begin[other] < end and begin < board.end[other]:
            alone = False
            moment = max(begin, board.begin[other])
            if units_at(board, packing, resource, moment) > spare:
                return False
        line = packing.following[line]
    return alone or busy_leaves(board, packing, resource, begin, end, spare)


@inner
def busy_leaves(board: Board, packing: Packing, resource: int, begin: int, end: int, spare: int) -> bool:
    """Whether the units suffice where busy periods begin within a block."""
    for period in range(board.busy_from[resource], board.busy_from[resource + 1]):
        moment = board.busy[period, 0]
        if begin < moment < end and units_at(board, packing, resource, moment) > spare:
            return False
    return True


@compiled
def units_at(board: Board, packing: Packing, resource: int, moment: int) -> int:
    """Units placed or busy at a moment."""
    units = 0
    line = packing.first[resource]
    while line != NONE:
        place = packing.place[line]
        if board.begin[place] <= moment < board.end[place]:
            units += board.units[line]
        line = packing.following[line]
    for period in range(board.busy_from[resource], board.busy_from[resource + 1]):
        if board.busy[period, 0] <= moment < board.busy[period, 1]:
            units += board.busy[period, 2]
    return units


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
