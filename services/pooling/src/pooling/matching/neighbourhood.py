"""A part of the plan to be made anew: requests that want the same room, beginning with one that falls short.

Two requests are neighbours when places of theirs overlap on a resource and both would be regretted little. The part
grows breadth first, so it is a piece of the territory and of the week.
"""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import Flags, Ints, compiled, inner
from pooling.matching.packing import Packing, has_room, line_of, resource_of


@compiled
def grown_from(
    board: Board, packing: Packing, regret: Ints, seeds: Ints, size: int, limit: int, longest_block: Ints, others: Ints
) -> Ints:
    """About `size` requests around the first seed, through places that are regretted at most `limit`.

    When there are no more neighbours, the next seed is taken. None is one of `others`.
    """
    found = np.empty(len(board.together), np.int64)
    chosen = np.zeros(len(board.together), np.bool_)
    chosen[others] = True
    count = 0
    at = 0
    sown = 0
    while count < size:
        if at == count:
            if sown == len(seeds):
                break
            count = choose(seeds[sown], found, chosen, count)
            sown += 1
            continue
        request = found[at]
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            for index in range(board.line_places_from[line], board.line_places_from[line + 1]):
                place = board.line_places[index]
                if regret[place] <= limit or place == packing.place[line]:
                    count = beside(board, packing, regret, place, limit, longest_block, found, chosen, count, size)
        at += 1
    return found[:count].copy()


@inner
def choose(request: int, found: Ints, chosen: Flags, count: int) -> int:
    """Adds a request unless it is there; the new count."""
    if not chosen[request]:
        chosen[request] = True
        found[count] = request
        count += 1
    return count


@inner
def beside(
    board: Board, packing: Packing, regret: Ints, place: int, limit: int, longest_block: Ints,
    found: Ints, chosen: Flags, count: int, size: int,
) -> int:  # fmt: skip
    """Adds the requests whose own or little regretted places overlap this one."""
    resource = resource_of(board, place)
    low, high = board.places_from[resource], board.places_from[resource + 1]
    begin, end = board.begin[place], board.end[place]
    at = low + np.searchsorted(board.begin[low:high], begin - longest_block[resource])
    while at < high and board.begin[at] < end and count < size:
        line = line_of(board, at)
        if board.end[at] > begin and (regret[at] <= limit or packing.place[line] == at):
            count = choose(board.request[line], found, chosen, count)
        at += 1
    return count


def longest_blocks(board: Board) -> Ints:
    """By resource, the longest block of a place on it."""
    most = np.zeros(len(board.capacity), np.int64)
    np.maximum.at(most, board.arc_resource[board.place_arc], board.end - board.begin)
    return most


@compiled
def options(board: Board, packing: Packing, regret: Ints, requests: Ints, limit: int, most: int) -> Ints:
    """The places that these requests may have.

    Those regretted at most `limit`, at most so many a line, and their own.
    """
    found = np.empty(4096, np.int64)
    count = 0
    for request in requests:
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            own = np.empty(board.line_places_from[line + 1] - board.line_places_from[line], np.int64)
            size = 0
            for at in range(board.line_places_from[line], board.line_places_from[line + 1]):
                if regret[board.line_places[at]] <= limit or packing.place[line] == board.line_places[at]:
                    own[size] = board.line_places[at]
                    size += 1
            size = least_regretted(own, size, regret, packing.place[line], most)
            if count + size > len(found):
                found = np.concatenate((found, np.empty(len(found) + size, np.int64)))
            found[count : count + size] = own[:size]
            count += size
    return found[:count].copy()


@inner
def least_regretted(own: Ints, size: int, regret: Ints, kept: int, most: int) -> int:
    """Moves the `most` least regretted places of a line to the front, `kept` first; how many there are then."""
    for front in range(min(size, most)):
        least = front
        for at in range(front + 1, size):
            if own[least] != kept and (own[at] == kept or regret[own[at]] < regret[own[least]]):
                least = at
        own[front], own[least] = own[least], own[front]
    return min(size, most)


@compiled
def with_room(board: Board, packing: Packing, places: Ints) -> Ints:
    """Those of the places that fit beside what is placed."""
    found = np.empty(len(places), np.int64)
    count = 0
    for place in places:
        if has_room(board, packing, place):
            found[count] = place
            count += 1
    return found[:count].copy()
