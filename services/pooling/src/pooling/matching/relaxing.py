"""What bounds need to know of a resource: the diagram of all its schedules, or else the moments that sell its units."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Ints, Shorts
from pooling.matching.compiling import offsets
from pooling.matching.diagrams import several, single

MOST_NODES = 5_000
MOST_UNITS = 32
AT_ONCE = 16
"""A thread makes the diagrams of so many resources before it takes others."""

Diagram = tuple[Shorts, Shorts, Shorts]
"""Placement, skip and take by node."""
Relaxation = tuple[Diagram | None, tuple[Ints, Ints]]
"""A diagram, or moments and the units left then."""

NO_NODE = np.zeros(0, np.int64)
NO_DIAGRAM = (np.zeros(0, np.int32),) * 3
NO_MOMENTS = (NO_NODE, NO_NODE)


def relaxed(board: Board, left: Callable[[], float]) -> Board | None:
    """The board with what bounds need: diagrams, and moments where there is none; nothing if no seconds are `left`."""
    every = range(len(board.capacity))

    def some_relaxed(resources: range) -> list[Relaxation]:
        return [relaxation(board, resource) for resource in resources] if left() > 0 else []

    with ThreadPoolExecutor(2) as helpers:
        tasks = helpers.map(some_relaxed, (every[at : at + AT_ONCE] for at in every[::AT_ONCE]))
        found = [each for own in tasks for each in own]
    return joined(board, found) if len(found) == len(every) else None


def relaxation(board: Board, resource: int) -> Relaxation:
    """A resource's diagram, or its moments."""
    own = slice(board.places_from[resource], board.places_from[resource + 1])
    line, capacity = board.arc_line[board.place_arc[own]], int(board.capacity[resource])
    taken = board.busy[board.busy_from[resource] : board.busy_from[resource + 1]]
    diagram = diagram_of(board.begin[own], board.end[own], board.units[line], line, capacity, taken)
    return diagram, NO_MOMENTS if diagram else moments_of(board.begin[own], capacity, taken)


def joined(board: Board, found: list[Relaxation]) -> Board:
    """The board with the diagrams and moments of all resources, one after another."""
    places_from = board.places_from
    exact = np.array([diagram is not None for diagram, _ in found], bool)
    diagrams = [diagram or NO_DIAGRAM for diagram, _ in found]
    moments = [own for _, own in found]
    nodes_from = offsets(len(arc) + 1 for arc, _, _ in diagrams)
    place, skip, take = (np.concatenate([NO_NODE, *(np.append(d[part], 0) for d in diagrams)]) for part in range(3))
    sizes = np.diff(nodes_from)
    skip += np.repeat(nodes_from[:-1], sizes)
    take += np.repeat(nodes_from[:-1], sizes)
    place += np.repeat(places_from[:-1], sizes)
    place[nodes_from[1:] - 1] = 0
    arc = board.place_arc[place] if len(board.place_arc) else np.zeros(len(place), np.int32)
    moments_from = offsets(len(times) for times, _ in moments)
    times, left = (np.concatenate([[], *(m[part] for m in moments)]).astype(np.int64) for part in range(2))
    first, last = spans(board, moments_from, times)
    return board._replace(
        exact=exact, nodes_from=nodes_from, node_place=place.astype(np.int32), node_arc=arc,
        skip=skip.astype(np.int32), take=take.astype(np.int32),
        moments_from=moments_from, moment=times, moment_left=left, first_moment=first, last_moment=last,
    )  # fmt: skip


def diagram_of(begin: Ints, end: Ints, units: Ints, line: Shorts, capacity: int, busy: Ints) -> Diagram | None:
    """Placement, skip and take by node, or nothing if there would be too many."""
    size = len(begin)
    if size == 0 or 2 * units.min() > capacity:
        skip, take = np.empty(size, np.int32), np.empty(size, np.int32)
        single(begin, end, 0, skip, take)
        return np.arange(size, dtype=np.int32), skip, take
    if capacity > MOST_UNITS:
        return None
    moments = np.unique(np.concatenate((begin, busy[:, 0])))  # nothing depends on what ends between two
    begin, end = np.searchsorted(moments, begin), np.searchsorted(moments, end)
    busy = np.column_stack((np.searchsorted(moments, busy[:, 0]), np.searchsorted(moments, busy[:, 1]), busy[:, 2]))
    ranks = np.unique(line, return_inverse=True)[1].astype(np.int64)
    found, place, skip, take = several(begin, end, units, ranks, capacity, busy, MOST_NODES)
    return None if found == NONE else (place, skip, take)


def spans(board: Board, moments_from: Ints, moment: Ints) -> tuple[Shorts, Shorts]:
    """By place, the moments in its block, from and to, counted from its resource's first."""
    first, last = (np.zeros(len(board.begin), np.int32) for _ in range(2))
    for resource in np.flatnonzero(np.diff(moments_from)):
        own = slice(board.places_from[resource], board.places_from[resource + 1])
        times = moment[moments_from[resource] : moments_from[resource + 1]]
        first[own], last[own] = np.searchsorted(times, board.begin[own]), np.searchsorted(times, board.end[own])
    return first, last


def moments_of(begin: Ints, capacity: int, busy: Ints) -> tuple[Ints, Ints]:
    """The moments at which something may begin, and the units left then."""
    times = np.unique(begin)
    taken = ((busy[None, :, 0] <= times[:, None]) & (times[:, None] < busy[None, :, 1])) * busy[None, :, 2]
    return times, np.maximum(0, capacity - taken.sum(axis=1))
