"""The part of a standing plan that is made anew: a problem of its own, in which all else is busy, solved exactly.

Its `stability` is a cent more than the territory's, so that what moves gains more than that.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import numpy as np

from pooling.matching.board import Board, board_of
from pooling.matching.compiled import NEVER, NONE, Ints
from pooling.matching.compiling import Compiled, compile_problem
from pooling.matching.insertion import take_all_away
from pooling.matching.model import Model, model_of
from pooling.matching.neighbourhood import options, with_room
from pooling.matching.packing import Packing, clear, empty, put, put_all
from pooling.matching.problem import Busy, Current, Limit, Line, Placed, Problem, Request
from pooling.matching.repair import TAKEN, starting
from pooling.matching.replanning.branching import best_choice
from pooling.matching.replanning.records import Records

WIDE = 20
"""Resources that a line may choose among, beside the one where it is."""

LESS_THAN_A_CENT = 0.5
"""Shared among all places, so that it only decides between equals."""

PLACES = 20
"""Places (resources and starts) that a line may choose among: on each resource the outermost in the plan's gaps, and
beside what stays."""


def small_problem(records: Records, chosen: Iterable[str], home: dict[str, Placed]) -> Problem:
    """The requests `chosen`, with what else is placed as busy; `home` has the proposals that stay unless it pays."""
    requests = [records.requests[each] for each in chosen]
    inside = {line.id for request in requests for line in request.lines}
    taken: dict[str, list[tuple[int, int]]] = {}
    asked = tuple(narrowed(records, request, inside, home, taken) for request in requests)
    named = dict.fromkeys(each for request in asked for line in request.lines for each in sorted(line.only or ()))
    resources, busy = [], []
    begin, end = when(asked)
    for id_ in named:
        others = [placed for line, placed in records.on[id_].items() if line not in inside]
        resource = records.resources[id_]
        gap = sum(resource.buffer)
        resources.append(replace(resource, opening=0) if others and resource.opening else resource)
        there = [*records.busy[id_], *(as_busy(records.of_line[placed.line][0], placed) for placed in others)]
        busy += [each for each in there if each.start < end + gap and begin - gap < each.end]
    limits = tuple(left_of(records, limit, inside) for limit in touched(records, inside))
    return Problem(tuple(resources), asked, records.km_cost, records.stability + 1, tuple(busy), limits)


def when(asked: Iterable[Request]) -> tuple[int, int]:
    """From when until when any line of these can be under way."""
    lines = [line for request in asked for line in request.lines]
    begin = min((line.start[0] for line in lines), default=0)
    return begin, max((line.start[1] + line.minutes for line in lines), default=0)


def narrowed(
    records: Records,
    request: Request,
    inside: set[str],
    home: dict[str, Placed],
    taken: dict[str, list[tuple[int, int]]],
) -> Request:
    """A request whose lines may go to a few resources only, and stay at home if they have one."""
    lines = []
    for line in request.lines:
        at = home.get(line.id)
        fitting = (each for each in records.options[line.id] if may_fit(records, line, each, inside, taken))
        only = list(islice(fitting, WIDE))
        current = None if at is None else Current(at.resource, at.start)
        only += [each.resource for each in (at, records.placed.get(line.id)) if each]
        lines.append(replace(line, only=frozenset(only), current=current))
    return replace(request, lines=tuple(lines))


def may_fit(
    records: Records, line: Line, resource: str, inside: set[str], taken: dict[str, list[tuple[int, int]]]
) -> bool:
    """Whether a resource of one unit has room beside what doesn't move, for a line at a fixed time; else true.

    `taken` keeps when resources can't be used, as far as it was asked for.
    """
    if line.start[0] != line.start[1]:
        return True
    if resource not in taken:
        taken[resource] = when_taken(records, resource, inside)
    begin, end = line.start[0], line.start[0] + line.minutes
    return not any(start < end and begin < close for start, close in taken[resource])


def when_taken(records: Records, resource: str, inside: set[str]) -> list[tuple[int, int]]:
    """When nothing more can begin or end on a resource of one unit, beside what doesn't move; else never."""
    offered = records.resources[resource]
    if offered.units > 1:
        return []
    gap = sum(offered.buffer)
    found = [(busy.start - gap, busy.end + gap) for busy in records.busy[resource]]
    for other, placed in records.on[resource].items():
        if other not in inside:
            found.append((placed.start - gap, placed.start + records.of_line[other][0].minutes + gap))
    return found


def as_busy(line: Line, placed: Placed) -> Busy:
    """A placed line as a booking."""
    return Busy(placed.resource, placed.start, placed.start + line.minutes, line.units)


def touched(records: Records, inside: set[str]) -> list[Limit]:
    """The limits that any of these lines is in."""
    numbers = {number for line in inside for number in records.limits_of.get(line, ())}
    return [records.limits[number] for number in sorted(numbers)]


def left_of(records: Records, limit: Limit, inside: set[str]) -> Limit:
    """What a limit leaves to these lines."""
    taken = sum(line in records.placed for line in limit.lines if line not in inside)
    return Limit(tuple(line for line in limit.lines if line in inside), limit.at_most - taken)


def best_plan(problem: Problem, now: dict[str, Placed]) -> list[Placed]:
    """The best plan found of a small problem, worth no less than leaving lines where they are `now`.

    They stay there if what was found has no room: among many units, the model takes some for none.
    """
    compiled = compile_problem(problem)
    board, _ = board_of(compiled)
    if not len(board.place_arc):
        return []
    packing = empty(board)
    for place in places_of(compiled, board, now):
        put(board, packing, place)
    requests = np.arange(len(problem.requests))
    before, all_places = packing.place.copy(), np.arange(len(board.place_arc))
    in_gaps = outermost(board, with_room(board, packing, all_places))
    take_all_away(board, packing, requests)
    beside = outermost(board, with_room(board, packing, all_places))
    places = promising(board, packing, requests, before, np.concatenate((in_gaps, beside)))
    model = model_of(board, packing, places, requests)
    prefer_moves(model, places, before)
    start = starting(model, places, before)
    chosen = best_choice(model, start) if len(model.gains) else start
    if put_all(board, packing, places[chosen[: len(places)] > TAKEN]) == -NEVER:
        clear(packing)
        put_all(board, packing, before[before != NONE])
    return placements(compiled, board, packing)


def prefer_moves(model: Model, places: Ints, before: Ints) -> None:
    """Of plans of one worth, that which moves: it has gained the cent above the territory's stability."""
    model.gains[: len(places)][~np.isin(places, before)] += LESS_THAN_A_CENT / len(places)


def promising(board: Board, packing: Packing, requests: Ints, before: Ints, places: Ints) -> Ints:
    """Of these places, for each line those that score most, after the one where it was before."""
    regret = np.full(len(board.place_arc), NEVER)
    regret[places] = -board.arc_score[board.place_arc[places]]
    regret[before[before != NONE]] = -NEVER
    return options(board, packing, regret, requests, int(NEVER) - 1, PLACES)


def outermost(board: Board, places: Ints) -> Ints:
    """Of a line's places on one resource, which all score alike, the first and the last."""
    places = places[np.argsort(board.place_arc[places], kind="stable")]
    arc = board.place_arc[places].astype(np.int64)
    return places[(np.diff(arc, prepend=NONE) != 0) | (np.diff(arc, append=NONE) != 0)]


def places_of(problem: Compiled, board: Board, now: dict[str, Placed]) -> Ints:
    """The places of lines that are placed."""
    number_of = {resource.id: number for number, resource in enumerate(problem.problem.resources)}
    there = [now.get(line.id) for line in problem.lines]
    on = np.array([NONE if at is None else number_of[at.resource] for at in there], np.int64)
    begins = np.array([0 if at is None else at.start for at in there], np.int64)
    line, resource = board.arc_line[board.place_arc], board.arc_resource[board.place_arc]
    return np.flatnonzero((on[line] == resource) & (begins[line] == board.begin + board.before[resource]))


def placements(problem: Compiled, board: Board, packing: Packing) -> list[Placed]:
    """What is placed, by name."""
    found = []
    for line in np.flatnonzero(packing.place != NONE):
        place = packing.place[line]
        resource = int(board.arc_resource[board.place_arc[place]])
        start = int(board.begin[place] + board.before[resource])
        found.append(Placed(problem.lines[line].id, problem.problem.resources[resource].id, start))
    return found
