"""Where no resource can take more than one line, the best plan and the prices that prove it.

This is the assignment problem, in which lines and resources may also stay alone. First an auction from prices of
nothing (Bertsekas, "The auction algorithm", 1988): each line takes the resource that leaves it most and raises its
price until the second best would do as well, and a little more; who had it before bids again. Prices are then right
but for that little, and shortest augmenting paths put right what isn't (Jonker and Volgenant 1987): first from the
lines, then, with roles exchanged, from resources that have a price and no line. What lines and resources keep in the
end is as much as they earn together, so the lines' shares are prices that prove the plan.
"""

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NEVER, NONE, Ints, compiled, inner
from pooling.matching.packing import Packing, put

FINENESS = 1024
"""Bids raise a price by at least such a part of the highest score."""

Heap = list[tuple[int, int]]


class Arcs(NamedTuple):
    """By line (or by resource, with roles exchanged), whom it may go with and what that scores; `begins` says where."""

    begins: Ints
    other: Ints
    score: Ints


class Tree(NamedTuple):
    """By resource, how far it is from the line that looks for one (`NEVER`: not reached), and the line before it."""

    distance: Ints
    before: Ints
    reached: Ints


def is_assignment(board: Board) -> bool:
    """Whether no resource can take two lines, and nothing else binds lines together."""
    if len(board.at_most) or not len(board.place_arc) or board.same_start.any():
        return False
    if (board.together & (np.diff(board.requests_from) > 1)).any():
        return False
    used = np.flatnonzero(np.diff(board.places_from))
    rows = board.places_from[used]
    asked = np.minimum.reduceat(board.units[board.arc_line[board.place_arc]], rows)
    meet = np.maximum.reduceat(board.begin, rows) < np.minimum.reduceat(board.end, rows)
    return bool((meet & (2 * asked > board.capacity[used])).all())


def assigned(board: Board, packing: Packing) -> Ints:
    """Fills an empty plan with the best of a problem that `is_assignment`; each line's price, thousandths of a cent."""
    gain = board.arc_score - board.opening[board.arc_resource]
    order = np.argsort(board.arc_line, kind="stable")
    begins = np.searchsorted(board.arc_line[order], np.arange(len(board.units) + 1)).astype(np.int64)
    by_line = Arcs(begins, board.arc_resource[order].astype(np.int64), gain[order])
    by_resource = Arcs(board.arcs_from, board.arc_line.astype(np.int64), gain)
    price = np.zeros(len(board.capacity), np.int64)
    mate, owner = np.full(len(board.units), NONE, np.int64), np.full(len(board.capacity), NONE, np.int64)
    outbid(by_line, price, mate, owner, max(1, int(gain.max()) // FINENESS))
    share = part_unhappy(by_line, price, mate, owner)
    settle(by_line, share, price, mate, owner)
    settle(by_resource, price, share, owner, mate)
    place_all(board, packing, mate)
    return share


@compiled
def outbid(arcs: Arcs, price: Ints, mate: Ints, owner: Ints, least: int) -> None:
    """The auction: each line in turn, and whoever loses its resource, bids until it has one or wants none."""
    for first in range(len(mate)):
        line = first
        while line != NONE:
            best, second, which = 0, 0, NONE
            for arc in range(arcs.begins[line], arcs.begins[line + 1]):
                left = arcs.score[arc] - price[arcs.other[arc]]
                if left > best:
                    best, second, which = left, best, arcs.other[arc]
                else:
                    second = max(second, left)
            if which == NONE:
                break
            price[which] += best - second + least
            loser = owner[which]
            owner[which], mate[line] = line, which
            if loser != NONE:
                mate[loser] = NONE
            line = loser


@compiled
def part_unhappy(arcs: Arcs, price: Ints, mate: Ints, owner: Ints) -> Ints:
    """What each line would keep at best at these prices; takes its resource from each that keeps less with it."""
    share = np.zeros(len(mate), np.int64)
    for line in range(len(mate)):
        kept = -NEVER
        for arc in range(arcs.begins[line], arcs.begins[line + 1]):
            left = arcs.score[arc] - price[arcs.other[arc]]
            share[line] = max(share[line], left)
            if arcs.other[arc] == mate[line]:
                kept = max(kept, left)
        if mate[line] != NONE and kept < share[line]:
            owner[mate[line]] = NONE
            mate[line] = NONE
    return share


@compiled
def settle(arcs: Arcs, share: Ints, price: Ints, mate: Ints, owner: Ints) -> None:
    """Each line that keeps something has a resource in the end; no pair ever scores more than it keeps."""
    tree = Tree(np.full(len(price), NEVER), np.full(len(price), NONE), np.empty(len(price), np.int64))
    for line in range(len(share)):
        if mate[line] == NONE and share[line] > 0:
            total, last, count = nearest(arcs, share, price, owner, line, tree)
            share[line] -= total
            for resource in tree.reached[:count]:
                closer = total - tree.distance[resource]
                tree.distance[resource] = NEVER
                if closer > 0:
                    price[resource] += closer
                    share[owner[resource]] -= closer
            if last != NONE and owner[last] != NONE:
                mate[owner[last]] = NONE
            exchange(tree, mate, owner, last)


@inner
def nearest(arcs: Arcs, share: Ints, price: Ints, owner: Ints, start: int, tree: Tree) -> tuple[int, int, int]:
    """The shortest way for a line to a resource that is free, or whose line may as well stay alone (Dijkstra).

    Its length, that resource (`NONE`: the line itself stays alone) and how many resources were reached.
    """
    total, last, line, far = share[start], NONE, start, 0
    heap = [(0, 0)]
    heap.pop()
    count = look_around(arcs, share, price, line, far, total, tree, heap, 0)
    while True:
        far, resource = closest(tree, heap)
        if resource == NONE or far >= total:
            return total, last, count
        line = owner[resource]
        if line == NONE:
            return far, resource, count
        if far + share[line] < total:
            total, last = far + share[line], resource
        count = look_around(arcs, share, price, line, far, total, tree, heap, count)


@inner
def look_around(
    arcs: Arcs, share: Ints, price: Ints, line: int, far: int, total: int, tree: Tree, heap: Heap, count: int
) -> int:
    """Reaches the resources of a line that is so far away, if they are within the total; how many are reached then."""
    for arc in range(arcs.begins[line], arcs.begins[line + 1]):
        resource = arcs.other[arc]
        there = far + share[line] + price[resource] - arcs.score[arc]
        if there < min(total, tree.distance[resource]):
            if tree.distance[resource] == NEVER:
                tree.reached[count] = resource
                count += 1
            tree.distance[resource], tree.before[resource] = there, line
            heappush(heap, (there, resource))
    return count


@inner
def closest(tree: Tree, heap: Heap) -> tuple[int, int]:
    """How far the nearest resource is that wasn't looked at, and which (`NONE`: there is no more)."""
    while len(heap):
        far, resource = heappop(heap)
        if far == tree.distance[resource]:
            return far, resource
    return 0, NONE


@inner
def exchange(tree: Tree, mate: Ints, owner: Ints, last: int) -> None:
    """Along the way that leads to the last resource, each line takes the next one."""
    resource = last
    while resource != NONE:
        line = tree.before[resource]
        left = mate[line]
        owner[resource], mate[line] = line, resource
        resource = left


@compiled
def place_all(board: Board, packing: Packing, mate: Ints) -> None:
    """Each line where it scores most on its resource."""
    for line in range(len(mate)):
        best = NONE
        for at in range(board.line_places_from[line], board.line_places_from[line + 1]):
            place = board.line_places[at]
            arc = board.place_arc[place]
            own = board.arc_resource[arc] == mate[line]
            if own and (best == NONE or board.arc_score[arc] > board.arc_score[board.place_arc[best]]):
                best = place
        if best != NONE:
            put(board, packing, best)
