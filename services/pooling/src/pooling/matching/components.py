"""How many problems a problem is: parts that share no resource and no limit."""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NEVER, NONE, Ints, compiled, inner
from pooling.matching.packing import Packing, line_of


@compiled
def components(board: Board) -> int:
    """How many parts there are with anything to place, by merging what shares a resource or a limit (union-find)."""
    parent = np.arange(len(board.together))
    first = np.full(len(board.capacity) + len(board.at_most), NONE, np.int64)
    for arc in range(len(board.arc_line)):
        line = board.arc_line[arc]
        merge(parent, first, board.arc_resource[arc], board.request[line])
        for at in range(board.line_limits_from[line], board.line_limits_from[line + 1]):
            merge(parent, first, len(board.capacity) + board.line_limits[at], board.request[line])
    heads = np.zeros(len(parent), np.bool_)
    for arc in range(len(board.arc_line)):
        heads[root(parent, board.request[board.arc_line[arc]])] = True
    return int(heads.sum())


@inner
def merge(parent: Ints, first: Ints, shared: int, request: int) -> None:
    """Makes a request one with the first that shares a thing."""
    if first[shared] == NONE:
        first[shared] = request
    unite(parent, request, first[shared])


@inner
def unite(parent: Ints, one: int, other: int) -> None:
    """Makes the parts of two requests one."""
    parent[root(parent, one)] = root(parent, other)


@inner
def root(parent: Ints, request: int) -> int:
    """The request that stands for a part; paths are halved on the way."""
    while parent[request] != request:
        parent[request] = parent[parent[request]]
        request = parent[request]
    return request


def halves_of_requests(board: Board) -> list[Ints]:
    """The requests in two lists of about equal work, or one: those of different lists are never in each other's way.

    They share no resource at any time; what opening a resource costs, and limits, they may share (`shares`). Largest
    parts first, each to the list with less.
    """
    head = heads_by_time(board)
    sizes = np.bincount(head[board.request[board.arc_line[board.place_arc]]], minlength=len(head))
    lists: list[list[int]] = [[], []]
    loads = [0, 0]
    for part in np.argsort(-sizes, kind="stable"):
        if not sizes[part]:
            break
        lighter = int(loads[1] < loads[0])
        lists[lighter].append(part)
        loads[lighter] += int(sizes[part])
    return [np.flatnonzero(np.isin(head, parts)) for parts in lists if parts]


def shares(board: Board, packing: Packing, lists: list[Ints]) -> list[Ints]:
    """By list and limit, how many lines may be placed while only that list's requests change.

    What the plan leaves of a limit is shared out by the lines that each list has there, so that changes of all lists
    together keep it.
    """
    owner = board.request[np.repeat(np.arange(len(board.units)), np.diff(board.line_limits_from))]
    count, left, found = len(board.at_most), board.at_most - packing.placed, []
    every = np.maximum(1, np.bincount(board.line_limits, minlength=count))
    lines, given = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for requests in lists:
        lines += np.bincount(board.line_limits[np.isin(owner, requests)], minlength=count)
        own = left * lines // every - given
        given += own
        found.append(packing.placed + own)
    return found


@compiled
def heads_by_time(board: Board) -> Ints:
    """The request that stands for each request's part, by merging what shares a resource at a time."""
    parent = np.arange(len(board.together))
    for resource in range(len(board.capacity)):
        until = -NEVER
        for place in range(board.places_from[resource], board.places_from[resource + 1]):
            if board.begin[place] < until:
                unite(parent, board.request[line_of(board, place)], board.request[line_of(board, place - 1)])
            until = max(until, board.end[place])
    for request in range(len(parent)):
        parent[request] = root(parent, request)
    return parent
