"""Ruin and recreate: what overlaps in a few places is taken away and placed anew, thousands of times a second.

Around a request drawn by chance, all that overlaps some of its little regretted places is taken away, and placed again
in another order, together with what has no place yet and might have one there. What is a little worse is kept too, the
less so the longer the search lasts (threshold accepting). See Schrimpf, Schneider, Stamm-Wilbrandt and Dueck, "Record
breaking optimization results using the ruin and recreate principle" (2000); Christiaens and Vanden Berghe, "Slack
induction by string removals for vehicle routing problems" (2020).
"""

from concurrent.futures import Executor
from itertools import repeat
from typing import NamedTuple

import numpy as np

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Flags, Floats, Ints, Words, compiled, inner
from pooling.matching.components import halves_of_requests, shares
from pooling.matching.insertion import insert, take_all_away, take_away
from pooling.matching.neighbourhood import choose, longest_blocks
from pooling.matching.packing import Packing, assign, copy_of, line_of, put, resource_of

STEPS = 2_000
"""A round has so many."""
MOST_TOUCHED = 40
"""So many requests may be taken away or tried at a time."""
MOST_AROUND = 2
"""Around so many places, at most, is cleared at a time."""
NEAR = 8
"""So many places a line has, on average, that may be cleared around."""
TRIED = 40
"""So many places a line has, on average, that it may be put on."""
INVITED = 0.3
"""How likely each of those without a place is tried where it might have one."""
HOT = 0.015
"""The heat at first, of what a placed line is worth on average: what a step may lose, on average."""
COLD = 0.1
"""The heat at the end, of that at first."""
COOLING = 50
"""In so many steps per request the heat would fall to nothing."""
UNSURE = 0.02
"""How much rents are varied, of the same average."""


class Rebuilding(NamedTuple):
    """The plan now and the best, with their `value` (two numbers, thousandths of a cent), and what a step needs.

    `board` has each line's places in the order in which they are tried, as far as they are tried; `own` are the
    requests that a step may begin with. `heat` is that of now and that at first, in the same money. `open` is by
    resource; `rank` orders requests; `near` are each request's places to clear around, `near_from` where they begin; of
    what a step has `touched`, the places `before` and `after` it are by line, `chosen` by request.
    """

    board: Board
    own: Ints
    packing: Packing
    best: Packing
    open: Flags
    longest_block: Ints
    rank: Ints
    near: Ints
    near_from: Ints
    touched: Ints
    chosen: Flags
    before: Ints
    after: Ints
    chance: Words
    value: Ints
    heat: Floats


def rebuildings(
    board: Board, packing: Packing, value: int, order: Ints, rent: Ints, regret: Ints, chance: np.random.Generator
) -> list[Rebuilding]:
    """The search from a plan of that value, in one or two halves.

    `order` are requests, those first that are usually placed first.
    """
    requests, lines = len(board.together), len(board.units)
    rank = np.empty(requests, np.int64)
    rank[order] = np.arange(requests)
    place = little_regretted(regret, NEAR * lines)
    owner = board.request[board.arc_line[board.place_arc[place]]]
    by_owner = np.argsort(owner, kind="stable")
    near, near_from = place[by_owner], np.searchsorted(owner[by_owner], np.arange(requests + 1)).astype(np.int64)
    blocks = longest_blocks(board)
    heat = HOT * average(packing, value)
    halves = halves_of_requests(board)
    limits = shares(board, packing, halves)
    board = in_order(board, rent, regret)
    return [
        Rebuilding(
            board._replace(at_most=at_most),
            own, copy_of(packing), copy_of(packing), packing.first != NONE, blocks, rank, near, near_from,
            np.zeros(MOST_TOUCHED, np.int64), np.zeros(requests, np.bool_), np.full(lines, NONE), np.full(lines, NONE),
            chance.integers(1, 2**63, 1).astype(np.uint64), np.array([value, value]), np.array([heat, heat]),
        )
        for own, at_most in zip(halves, limits, strict=True)
    ]  # fmt: skip


def little_regretted(regret: Ints, wanted: int) -> Ints:
    """The places, about so many, that are regretted least."""
    wanted = min(len(regret) - 1, wanted)
    return np.flatnonzero(regret <= np.partition(regret, wanted)[wanted])


def in_order(board: Board, rent: Ints, regret: Ints) -> Board:
    """The board with the little regretted places of each line only, what gains most after rent first."""
    place = little_regretted(regret, TRIED * len(board.units))
    arc = board.place_arc[place]
    line, gain = board.arc_line[arc], board.arc_score[arc] - rent[place]
    order = np.lexsort((place, -gain, line))
    return board._replace(
        line_places_from=np.searchsorted(line[order], np.arange(len(board.units) + 1)).astype(np.int64),
        line_places=place[order].astype(np.int32),
        line_score=board.arc_score[arc[order]],
        line_most=gain[order],
    )


def average(packing: Packing, value: int) -> float:
    """What a placed line is worth."""
    return value / max(1, int(np.count_nonzero(packing.place != NONE)))


def rebuild_some(searches: list[Rebuilding], rent: Ints, chance: np.random.Generator, helper: Executor) -> bool:
    """A round of steps at varied rents, the halves side by side; whether it is still hot."""
    usual = average(searches[0].best, int(searches[0].value[1]))
    varied = rent + (UNSURE * usual * chance.exponential(size=len(rent))).astype(np.int64)
    most = max(len(search.own) for search in searches)
    steps = [STEPS * len(search.own) // most for search in searches]
    others = [helper.submit(rebuild, *each) for each in zip(searches[1:], repeat(varied), steps[1:])]
    rebuild(searches[0], varied, steps[0])
    for other in others:
        other.result()
    for search in searches:
        search.heat[0] -= search.heat[1] * STEPS / (COOLING * most)
    return bool(searches[0].heat[0] > COLD * searches[0].heat[1])


def best_of(searches: list[Rebuilding]) -> Packing:
    """The best plan of each half together."""
    found = copy_of(searches[0].best)
    for search in searches[1:]:
        join(search.board, found, search.best, search.own)
    return found


@compiled
def join(board: Board, into: Packing, packing: Packing, requests: Ints) -> None:
    """Places these requests as they are in another plan."""
    take_all_away(board, into, requests)
    for request in requests:
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            if packing.place[line] != NONE:
                put(board, into, packing.place[line])


@compiled
def rebuild(search: Rebuilding, rent: Ints, steps: int) -> None:
    """So many steps."""
    for _ in range(steps):
        step(search.board, search, rent)


@inner
def drawn(chance: Words) -> float:
    """A number from 0 on and below 1 (xorshift: Marsaglia 2003)."""
    state = chance[0]
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    chance[0] = state
    return float(state >> np.uint64(11)) / 9007199254740992.0


@inner
def step(board: Board, search: Rebuilding, rent: Ints) -> None:
    """Takes some requests away and places them anew; as it was, if that is worse than the heat allows."""
    count = touch(board, search)
    was = noted(board, search, count, search.before)
    for at in range(count):
        take_away(board, search.packing, search.touched[at])
    arrange(search, count)
    for at in range(count):
        insert(board, search.packing, search.touched[at], rent)
    gain = noted(board, search, count, search.after) - was - openings(board, search, count)
    if gain >= -2 * drawn(search.chance) * search.heat[0]:
        search.value[0] += gain
        if search.value[0] > search.value[1]:
            search.value[1] = search.value[0]
            assign(search.best, search.packing)
    else:
        put_back(board, search, count)
    for at in range(count):
        search.chosen[search.touched[at]] = False


@inner
def touch(board: Board, search: Rebuilding) -> int:
    """Chooses a request, and those around some of its places; how many there are."""
    request = search.own[int(drawn(search.chance) * len(search.own))]
    low, high = search.near_from[request], search.near_from[request + 1]
    if low == high:
        return 0
    count = choose(request, search.touched, search.chosen, 0)
    for _ in range(1 + int(drawn(search.chance) * MOST_AROUND)):
        count = around(board, search, search.near[low + int(drawn(search.chance) * (high - low))], count)
    return count


@inner
def around(board: Board, search: Rebuilding, place: int, count: int) -> int:
    """Adds the requests that overlap a place, and some that aren't placed and might overlap it; the new count."""
    packing, touched, chosen = search.packing, search.touched, search.chosen
    resource = resource_of(board, place)
    begin, end = board.begin[place], board.end[place]
    line = packing.first[resource]
    while line != NONE and count < MOST_TOUCHED:
        own = packing.place[line]
        if board.begin[own] < end and begin < board.end[own]:
            count = choose(board.request[line], touched, chosen, count)
        line = packing.following[line]
    low, high = board.places_from[resource], board.places_from[resource + 1]
    at = low + np.searchsorted(board.begin[low:high], begin - search.longest_block[resource])
    while at < high and board.begin[at] < end and count < MOST_TOUCHED:
        line = line_of(board, at)
        if board.end[at] > begin and packing.place[line] == NONE and drawn(search.chance) < INVITED:
            count = choose(board.request[line], touched, chosen, count)
        at += 1
    return count


@inner
def arrange(search: Rebuilding, count: int) -> None:
    """Orders what was touched by rank, more or less."""
    noise = drawn(search.chance) ** 2 * len(search.rank)
    keys = np.empty(count)
    for at in range(count):
        keys[at] = search.rank[search.touched[at]] + noise * drawn(search.chance)
    search.touched[:count] = search.touched[:count][np.argsort(keys)]


@inner
def noted(board: Board, search: Rebuilding, count: int, into: Ints) -> int:
    """Writes down where the touched lines are; what they score there."""
    total = 0
    for at in range(count):
        request = search.touched[at]
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            place = search.packing.place[line]
            into[line] = place
            if place != NONE:
                total += board.arc_score[board.place_arc[place]]
    return total


@inner
def openings(board: Board, search: Rebuilding, count: int) -> int:
    """What resources where touched lines were or are cost more, by their openings, than when this was last asked."""
    total = 0
    for at in range(count):
        request = search.touched[at]
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            for place in (search.before[line], search.after[line]):
                if place != NONE:
                    resource = resource_of(board, place)
                    is_open = search.packing.first[resource] != NONE
                    if is_open != search.open[resource]:
                        search.open[resource] = is_open
                        total += board.opening[resource] if is_open else -board.opening[resource]
    return total


@inner
def put_back(board: Board, search: Rebuilding, count: int) -> None:
    """Places what was touched as it was before."""
    for at in range(count):
        take_away(board, search.packing, search.touched[at])
    for at in range(count):
        request = search.touched[at]
        for line in range(board.requests_from[request], board.requests_from[request + 1]):
            if search.before[line] != NONE:
                put(board, search.packing, search.before[line])
    openings(board, search, count)
