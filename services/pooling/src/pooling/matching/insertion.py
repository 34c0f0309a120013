"""Placing whole requests where there is room: a line alone, a bundle, a bundle at one start."""

from pooling.matching.board import Board
from pooling.matching.compiled import NONE, Ints, compiled, inner
from pooling.matching.packing import Packing, allowed, fits, gain_of, put, remove


@compiled
def insert_all(board: Board, packing: Packing, order: Ints, rent: Ints) -> None:
    """Inserts the requests that are not placed, in this order, each where it gains most.

    `rent` (by place, thousandths of a cent; empty: none) is what a place costs in room that others may want; it orders
    the choice, but what is placed has to gain without it.
    """
    for request in order:
        insert(board, packing, request, rent)


@inner
def insert(board: Board, packing: Packing, request: int, rent: Ints) -> bool:
    """Places what is missing of a request if it gains; a bundle with all of its lines or not at all."""
    first, last = board.requests_from[request], board.requests_from[request + 1]
    if board.same_start[request]:
        return insert_at_one_start(board, packing, request, rent)
    if board.together[request]:
        missing = False
        for line in range(first, last):
            missing |= packing.place[line] == NONE
        return missing and insert_bundle(board, packing, request, NONE, rent)
    done = False
    for line in range(first, last):
        if packing.place[line] == NONE and allowed(board, packing, line):
            place = best_place(board, packing, line, NONE, rent)
            if place != NONE and gain_of(board, packing, place) > 0:
                put(board, packing, place)
                done = True
    return done


@inner
def best_place(board: Board, packing: Packing, line: int, price: int, rent: Ints) -> int:
    """The place with room that gains most after rent, of those at a price (`NONE`: at any)."""
    best, most = NONE, 0
    places, arcs, prices, resources = board.line_places, board.place_arc, board.arc_price, board.arc_resource
    score, opening, capacity = board.arc_score, board.opening, board.capacity
    busy_from, busy = board.busy_from, board.busy
    begins, ends, units, asked = board.begin, board.end, board.units, board.units[line]
    placed, first, following, most_left = packing.place, packing.first, packing.following, board.line_most
    highest = board.line_score
    for at in range(board.line_places_from[line], board.line_places_from[line + 1]):
        if best != NONE and len(most_left) and most_left[at] <= most:
            break
        if best != NONE and highest[at] <= most:
            continue
        place = places[at]
        arc = arcs[place]
        if price != NONE and prices[arc] != price:
            continue
        resource = resources[arc]
        gain = score[arc] - (rent[place] if len(rent) else 0) - (opening[resource] if first[resource] == NONE else 0)
        if (best == NONE or gain > most) and fits(
            place, capacity[resource] - asked, first[resource], placed, following, begins, ends, units,
            busy_from[resource], busy_from[resource + 1], busy,
        ):  # fmt: skip
            best, most = place, gain
    return best


@inner
def insert_bundle(board: Board, packing: Packing, request: int, start: int, rent: Ints) -> bool:
    """Places the missing lines of a bundle, at its start of that number (`NONE`: at any); undone unless it gains.

    What was placed of the bundle before is taken away too when it can't be completed.
    """
    first, last = board.requests_from[request], board.requests_from[request + 1]
    gain = 0
    for line in range(first, last):
        place = packing.place[line]
        if place != NONE:
            remove(board, packing, line)
            gain += gain_of(board, packing, place)
            put(board, packing, place)
            continue
        price = NONE if start == NONE else board.prices_from[line] + start
        place = best_place(board, packing, line, price, rent) if allowed(board, packing, line) else NONE
        if place == NONE:
            take_away(board, packing, request)
            return False
        gain += gain_of(board, packing, place)
        put(board, packing, place)
    if gain <= 0:
        take_away(board, packing, request)
    return gain > 0


@inner
def insert_at_one_start(board: Board, packing: Packing, request: int, rent: Ints) -> bool:
    """Places a bundle with one start for all, at the best of its starts; a part of it that is placed is taken away."""
    first, last = board.requests_from[request], board.requests_from[request + 1]
    if first == last or complete(board, packing, request):
        return False
    take_away(board, packing, request)
    best, most = NONE, 0
    for start in range(board.prices_from[first + 1] - board.prices_from[first]):
        if insert_bundle(board, packing, request, start, rent):
            gain = net_of(board, packing, request, rent)
            take_away(board, packing, request)
            if best == NONE or gain > most:
                best, most = start, gain
    return best != NONE and insert_bundle(board, packing, request, best, rent)


@inner
def complete(board: Board, packing: Packing, request: int) -> bool:
    """Whether all lines of a bundle are placed, at one start if they have to be."""
    first, last = board.requests_from[request], board.requests_from[request + 1]
    for line in range(first, last):
        if packing.place[line] == NONE:
            return False
        if board.same_start[request] and start_number(board, packing, line) != start_number(board, packing, first):
            return False
    return True


@inner
def start_number(board: Board, packing: Packing, line: int) -> int:
    """Which of its bundle's starts a placed line has."""
    return board.arc_price[board.place_arc[packing.place[line]]] - board.prices_from[line]


@inner
def net_of(board: Board, packing: Packing, request: int, rent: Ints) -> int:
    """What a placed bundle scores after rent."""
    total = 0
    for line in range(board.requests_from[request], board.requests_from[request + 1]):
        place = packing.place[line]
        total += board.arc_score[board.place_arc[place]] - (rent[place] if len(rent) else 0)
    return total


@compiled
def take_away(board: Board, packing: Packing, request: int) -> None:
    """Takes away all lines of a request."""
    for line in range(board.requests_from[request], board.requests_from[request + 1]):
        if packing.place[line] != NONE:
            remove(board, packing, line)


@compiled
def take_all_away(board: Board, packing: Packing, requests: Ints) -> None:
    """Takes away all lines of these requests."""
    for request in requests:
        take_away(board, packing, request)


@inner
def complete_bundles(board: Board, packing: Packing, rent: Ints) -> None:
    """Completes the bundles of which a part is placed, or takes them away."""
    for request in range(len(board.together)):
        if board.together[request] and not complete(board, packing, request):
            for line in range(board.requests_from[request], board.requests_from[request + 1]):
                if packing.place[line] != NONE:
                    insert(board, packing, request, rent)
                    break
