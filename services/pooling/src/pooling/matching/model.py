"""The exact model of a part of the plan: which of its possible places to take, as a mixed-integer programme.

Columns are places (taken or not), bundles, bundles' starts and openings. Rows: a line once; a bundle's lines all or
none; the units of a resource at every moment when places begin (for one unit, the cliques of overlapping places);
limits.
"""

from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Floats, Ints, Shorts, compiled, inner
from pooling.matching.packing import Packing, line_of, resource_of, units_at

NO_END = 1e30


class Model(NamedTuple):
    """Columns with their gain (cents), and rows: what their columns sum up to, by factors, is from `low` to `high`.

    The entries of row r are from `rows_from[r]` to `rows_from[r + 1]`. Where one place or more need a further column,
    that is the last of the row, with a factor below 0.
    """

    gains: Floats
    low: Floats
    high: Floats
    rows_from: Ints
    columns: Ints
    factors: Floats

    def worth(self, values: Floats) -> float:
        """What the columns gain at these values (cents), as taken or not."""
        return float(np.dot(self.gains, np.rint(values)))


class Draft(NamedTuple):
    """A model being written: the same columns as lists."""

    gains: list[float]
    low: list[float]
    high: list[float]
    rows_from: list[int]
    columns: list[int]
    factors: list[float]


def model_of(board: Board, packing: Packing, places: Ints, requests: Ints) -> Model:
    """The model of choosing among these places of these requests, none of whose lines is placed in `packing`."""
    return Model(*written(board, packing, places, requests))


@compiled
def written(
    board: Board, packing: Packing, places: Ints, requests: Ints
) -> tuple[Floats, Floats, Floats, Ints, Ints, Floats]:
    """The columns of the model."""
    gains = [board.arc_score[board.place_arc[place]] / 1000 for place in places]
    draft = Draft(gains, no_floats(), no_floats(), [0], no_ints(), no_floats())
    once(board, draft, places, requests)
    units(board, packing, draft, places)
    within_limits(board, packing, draft, places)
    return (
        np.array(draft.gains), np.array(draft.low), np.array(draft.high),
        np.array(draft.rows_from), np.array(draft.columns), np.array(draft.factors),
    )  # fmt: skip


@inner
def no_floats() -> list[float]:
    """An empty list, of which the compiler knows what will be in it."""
    return [0.0 for _ in range(0)]


@inner
def no_ints() -> list[int]:
    """The same for whole numbers."""
    return [0 for _ in range(0)]


@inner
def column(draft: Draft) -> int:
    """A further column that gains nothing."""
    draft.gains.append(0.0)
    return len(draft.gains) - 1


@inner
def entry(draft: Draft, of_column: int, factor: float) -> None:
    """A column of the row being written."""
    draft.columns.append(of_column)
    draft.factors.append(factor)


@inner
def end_row(draft: Draft, low: float, high: float) -> None:
    """Ends the row being written."""
    draft.low.append(low)
    draft.high.append(high)
    draft.rows_from.append(len(draft.columns))


@inner
def once(board: Board, draft: Draft, places: Ints, requests: Ints) -> None:
    """A line once, bundles all or none."""
    line = board.arc_line[board.place_arc[places]]
    order = np.argsort(line, kind="mergesort")
    line = line[order]
    for request in requests:
        first, last = board.requests_from[request], board.requests_from[request + 1]
        if board.same_start[request]:
            at_one_start(board, draft, places, line, order, first, last)
            continue
        whole = column(draft) if board.together[request] else NONE
        for member in range(first, last):
            low, high = np.searchsorted(line, member), np.searchsorted(line, member, side="right")
            for own in order[low:high]:
                entry(draft, own, 1.0)
            if whole != NONE:
                entry(draft, whole, -1.0)
                end_row(draft, 0.0, 0.0)
            elif high > low:
                end_row(draft, 0.0, 1.0)


@inner
def at_one_start(board: Board, draft: Draft, places: Ints, line: Shorts, order: Ints, first: int, last: int) -> None:
    """A bundle, of lines from `first` to `last`, with one start for all; `line` is that of each place in `order`."""
    own = order[np.searchsorted(line, first) : np.searchsorted(line, last)]
    arc = board.place_arc[places[own]]
    price = board.arc_price[arc]
    begun = len(draft.gains)
    for start in np.unique(price - board.prices_from[board.arc_line[arc]]):
        chosen = column(draft)
        for member in range(first, last):
            for at in range(len(own)):
                if price[at] == board.prices_from[member] + start:
                    entry(draft, own[at], 1.0)
            entry(draft, chosen, -1.0)
            end_row(draft, 0.0, 0.0)
    for chosen in range(begun, len(draft.gains)):
        entry(draft, chosen, 1.0)
    if begun < len(draft.gains):
        end_row(draft, 0.0, 1.0)


@inner
def units(board: Board, packing: Packing, draft: Draft, places: Ints) -> None:
    """The units of each resource at its moments, and its opening."""
    resource = board.arc_resource[board.place_arc[places]]
    order = np.argsort(resource, kind="mergesort")
    low = 0
    while low < len(order):
        high = low
        while high < len(order) and resource[order[high]] == resource[order[low]]:
            high += 1
        units_of(board, packing, draft, places, order[low:high])
        low = high


@inner
def units_of(board: Board, packing: Packing, draft: Draft, places: Ints, own: Ints) -> None:
    """The units of one resource, of which these columns are."""
    resource = resource_of(board, places[own[0]])
    opened = NONE
    if board.opening[resource] > 0 and packing.first[resource] == NONE:
        opened = column(draft)
        draft.gains[opened] = -board.opening[resource] / 1000
    begins, ends = board.begin[places[own]], board.end[places[own]]
    asked = board.units[board.arc_line[board.place_arc[places[own]]]]
    for moment in moments(board, packing, resource, begins, ends):
        there = (begins <= moment) & (moment < ends)
        if there.any():
            left = board.capacity[resource] - units_at(board, packing, resource, moment)
            row_of_moment(draft, own[there], asked[there], left, opened)
    if opened != NONE and board.capacity[resource] > 1:
        for each in own:
            entry(draft, each, 1.0)
            entry(draft, opened, -1.0)
            end_row(draft, -1.0, 0.0)


@inner
def row_of_moment(draft: Draft, columns: Ints, asked: Ints, left: int, opened: int) -> None:
    """The units asked for at a moment are within what is left; a row that can't bind is left out."""
    if 2 * asked.min() > left:
        asked, left = np.ones_like(asked), 1
    if opened == NONE and asked.sum() <= left:
        return
    for at in range(len(columns)):
        entry(draft, columns[at], float(asked[at]))
    if opened != NONE:
        entry(draft, opened, -float(left))
    end_row(draft, -NO_END, 0.0 if opened != NONE else float(left))


@inner
def moments(board: Board, packing: Packing, resource: int, begins: Ints, ends: Ints) -> Ints:
    """The moments of which rows are needed: begins that an end follows first, and where anything else begins.

    Where what is busy or placed ends, the next begin's row doesn't know of it.
    """
    busy = board.busy[board.busy_from[resource] : board.busy_from[resource + 1]]
    other_begins, other_ends = list(busy[:, 0]), list(busy[:, 1])
    line = packing.first[resource]
    while line != NONE:
        other_begins.append(board.begin[packing.place[line]])
        other_ends.append(board.end[packing.place[line]])
        line = packing.following[line]
    times = np.unique(begins)
    ended = np.searchsorted(np.sort(np.concatenate((ends, np.array(other_ends)))), times, side="right")
    last = np.append(np.diff(ended) > 0, True)
    return np.unique(np.concatenate((times[last], np.array(other_begins))))


@inner
def within_limits(board: Board, packing: Packing, draft: Draft, places: Ints) -> None:
    """What the limits have left for these lines."""
    limits, columns = no_ints(), no_ints()
    for at in range(len(places)):
        line = line_of(board, places[at])
        for row in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
            limits.append(board.line_limits[row])
            columns.append(at)
    limit, of_limit = np.array(limits), np.array(columns)
    order = np.argsort(limit, kind="mergesort")
    for at in range(len(order)):
        entry(draft, of_limit[order[at]], 1.0)
        own = limit[order[at]]
        if at + 1 == len(order) or limit[order[at + 1]] != own:
            end_row(draft, -NO_END, float(board.at_most[own] - packing.placed[own]))
