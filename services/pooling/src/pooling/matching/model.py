"""The exact model of a part of the plan: which of its possible places to take, as a mixed-integer programme.

Columns are places (taken or not), bundles, bundles' starts and openings. Rows: a line once; a bundle's lines all or
none; the units of a resource at every moment when places begin (for one unit, the cliques of overlapping places);
limits.
"""

from dataclasses import dataclass, field

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Floats, Ints, compiled
from pooling.matching.packing import Packing, units_at

NO_END = 1e30


@dataclass(slots=True)
class Model:
    """Columns with their gain (cents), and rows as (low, high, columns, factors)."""

    gains: list[float]
    rows: list[tuple[float, float, Ints, Floats]] = field(default_factory=list)

    def column(self, gain: float) -> int:
        """A further column from 0 to 1."""
        self.gains.append(gain)
        return len(self.gains) - 1

    def worth(self, values: Floats) -> float:
        """What the columns gain at these values (cents), as taken or not."""
        return float(np.dot(self.gains, np.rint(values)))

    def row(
        self, low: float, high: float, columns: list[int] | Ints, factors: list[float] | Ints | None = None
    ) -> None:
        """A further row."""
        which = np.asarray(columns, np.int64)
        weights = np.ones(len(which)) if factors is None else np.asarray(factors, np.float64)
        self.rows.append((low, high, which, weights))


def model_of(board: Board, packing: Packing, places: Ints, requests: Ints) -> Model:
    """The model of choosing among these places of these requests, none of whose lines is placed in `packing`."""
    arcs = board.place_arc[places]
    model = Model((board.arc_score[arcs] / 1000).tolist())
    once(board, model, places, requests)
    units(board, packing, model, places)
    within_limits(board, packing, model, places)
    return model


def groups(keys: Ints) -> list[tuple[int, Ints]]:
    """Positions by equal key, keys ascending."""
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    return [(int(keys[own[0]]), own) for own in np.split(order, cuts) if len(own)]


def once(board: Board, model: Model, places: Ints, requests: Ints) -> None:
    """A line once, bundles all or none."""
    line = board.arc_line[board.place_arc[places]].astype(np.int64)
    price = board.arc_price[board.place_arc[places]].astype(np.int64)
    by_line = dict(groups(line))
    by_price = dict(groups(price)) if board.same_start[requests].any() else {}
    for request in requests.tolist():
        members = range(int(board.requests_from[request]), int(board.requests_from[request + 1]))
        if board.same_start[request]:
            at_one_start(board, model, members, by_price)
        elif board.together[request]:
            whole = model.column(0.0)
            for member in members:
                own = by_line.get(member, np.zeros(0, np.int64))
                model.row(0, 0, [*own, whole], [*([1.0] * len(own)), -1.0])
        else:
            for member in members:
                if member in by_line:
                    model.row(0, 1, by_line[member])


def at_one_start(board: Board, model: Model, members: range, by_price: dict[int, Ints]) -> None:
    """A bundle with one start for all."""
    firsts = [int(board.prices_from[member]) for member in members]
    if not firsts:
        return
    starts = []
    for start in range(int(board.prices_from[members[0] + 1]) - firsts[0]):
        of_lines = [by_price.get(first + start) for first in firsts]
        if all(own is None for own in of_lines):
            continue
        starts.append(model.column(0.0))
        for own in of_lines:
            mine = [] if own is None else own.tolist()
            model.row(0, 0, [*mine, starts[-1]], [*([1.0] * len(mine)), -1.0])
    model.row(0, 1, starts)


def units(board: Board, packing: Packing, model: Model, places: Ints) -> None:
    """The units of each resource at its moments, and its opening."""
    for resource, own in groups(board.arc_resource[board.place_arc[places]].astype(np.int64)):
        opened = model.column(-float(board.opening[resource]) / 1000) if opens(board, packing, resource) else NONE
        begins, ends = board.begin[places[own]], board.end[places[own]]
        asked = board.units[board.arc_line[board.place_arc[places[own]]]]
        for moment, left in zip(*moments(board, packing, resource, begins, ends), strict=True):
            there = np.flatnonzero((begins <= moment) & (moment < ends))
            row_of_moment(model, own[there], asked[there], int(left), opened)
        if opened != NONE and board.capacity[resource] > 1:
            for column in own.tolist():
                model.row(-1, 0, [column, opened], [1.0, -1.0])


def row_of_moment(model: Model, columns: Ints, asked: Ints, left: int, opened: int) -> None:
    """The units asked for at a moment are within what is left; a row that can't bind is left out."""
    if 2 * asked.min() > left:
        asked, left = np.ones_like(asked), 1
    if opened != NONE:
        model.row(-NO_END, 0, [*columns, opened], [*asked, -float(left)])
    elif asked.sum() > left:
        model.row(-NO_END, left, columns, asked)


def opens(board: Board, packing: Packing, resource: int) -> bool:
    """Whether something has to be paid before the first line is placed here."""
    return bool(board.opening[resource] > 0 and packing.first[resource] == NONE)


@compiled
def moments(board: Board, packing: Packing, resource: int, begins: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The moments of which rows are needed: begins that an end follows first, and where anything else begins.

    With the units that what is busy or placed leaves then; where that ends, the next begin's row doesn't know of it.
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
    every = np.unique(np.concatenate((times[last], np.array(other_begins))))
    found, left = np.empty(len(every), np.int64), np.empty(len(every), np.int64)
    count = 0
    for moment in every:
        if ((begins <= moment) & (moment < ends)).any():
            found[count] = moment
            left[count] = board.capacity[resource] - units_at(board, packing, resource, moment)
            count += 1
    return found[:count], left[:count]


def within_limits(board: Board, packing: Packing, model: Model, places: Ints) -> None:
    """What the limits have left for these lines."""
    lines = board.arc_line[board.place_arc[places]]
    columns: dict[int, list[int]] = {}
    for column, line in enumerate(lines.tolist()):
        for at in range(int(board.line_limits_from[line]), int(board.line_limits_from[line + 1])):
            columns.setdefault(int(board.line_limits[at]), []).append(column)
    for limit, own in columns.items():
        model.row(-NO_END, float(board.at_most[limit] - packing.placed[limit]), own)
