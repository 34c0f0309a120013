"""How many problems a problem is: parts that share no resource and no limit."""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Ints, compiled, inner


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
    parent[root(parent, request)] = root(parent, first[shared])


@inner
def root(parent: Ints, request: int) -> int:
    """The request that stands for a part; paths are halved on the way."""
    while parent[request] != request:
        parent[request] = parent[parent[request]]
        request = parent[request]
    return request
