"""What placed lines are worth where they are, and where else they could be."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pooling.matching.candidates import Pairs, pairs
from pooling.matching.compiled import NONE, Ints
from pooling.matching.compiling import Compiled
from pooling.matching.explaining.alternatives import alternatives
from pooling.matching.explaining.columns import Columns
from pooling.matching.explanations import Alternative, PlacedLine, Score
from pooling.matching.problem import Current, Line, Placed, Problem, Resource


def placed_lines(
    compiled: Compiled, columns: Columns, where: Mapping[str, Placed], numbers: Sequence[int]
) -> Iterable[PlacedLine]:
    """The explanations of these lines, which are placed."""
    if not numbers:
        return
    resources = compiled.problem.resources
    number_of = {resource.id: number for number, resource in enumerate(resources)}
    places = [where[compiled.lines[number].id] for number in numbers]
    own = np.array([number_of[place.resource] for place in places], np.int64)
    start = np.array([place.start for place in places], np.int64)
    numbered = np.array(numbers, np.int64)
    eligible = pairs(compiled)
    cents, at = gains(compiled, columns, eligible, numbered, own)
    stays = (columns.asked.current_resource[numbered] == own) & (columns.asked.current_start[numbered] == start)
    gained = cents[at] + stays * columns.stability
    pairs_from = np.searchsorted(eligible.line, np.arange(len(compiled.lines) + 1))
    request = compiled.needs.request[numbered]
    bound = compiled.same_start[request] & (np.diff(compiled.requests_from)[request] > 1)
    rows, best_first = np.stack((numbered, own, start, gained), axis=1), hopeful(columns, eligible, cents)
    others = alternatives(columns, rows, bound, (pairs_from, eligible.resource[best_first], cents[best_first]))
    far = eligible.metres[at].tolist()
    for number, place, metres, instead in zip(numbers, places, far, others.tolist(), strict=True):
        line, resource = compiled.lines[number], resources[number_of[place.resource]]
        yield PlacedLine(
            line=line,
            resource=resource.id,
            start=place.start,
            score=score(compiled.problem, line, resource, place.start, metres),
            alternatives=tuple(Alternative(resources[at].id, when, more) for at, when, more in instead if at != NONE),
        )


def gains(compiled: Compiled, columns: Columns, eligible: Pairs, placed: Ints, own: Ints) -> tuple[Ints, Ints]:
    """By pair, the cents that its line adds there, stability aside; and which pairs are the lines' own.

    A resource costs its opening unless something else is there. Raises ValueError for a line that isn't where rules 1
    to 4 let it be.
    """
    needs, offers = compiled.needs, compiled.offers
    line, resource = eligible.line, eligible.resource
    home = np.full(len(compiled.lines), NONE)
    home[placed] = own
    others = columns.guests[resource] - (home[line] == resource)
    travel = (eligible.metres * compiled.problem.km_cost + 500) // 1000
    cents = needs.value[line] + eligible.bonus - eligible.price - travel
    cents -= np.where(others == 0, offers.opening[resource], 0)
    key = line * len(offers.kind) + resource
    at = np.searchsorted(key, placed * len(offers.kind) + own)
    if not np.array_equal(key[np.minimum(at, len(key) - 1)], placed * len(offers.kind) + own):
        raise ValueError("a line is placed where rules 1 to 4 don't allow it")
    return cents, at


def hopeful(columns: Columns, eligible: Pairs, cents: Ints) -> Ints:
    """The order of the pairs by line, those where it may add most first, as well as floating point tells them apart."""
    stays = columns.asked.current_resource[eligible.line] == eligible.resource
    most = cents + stays * columns.stability
    less = most.max(initial=0) - most
    return np.argsort(eligible.line + less / (2 * less.max(initial=0) + 1))


def score(problem: Problem, line: Line, resource: Resource, start: int, metres: int) -> Score:
    """The parts of what a place is worth, `metres` from where the line is."""
    moved = line.current is not None and line.current != Current(resource.id, start)
    return Score(
        value=line.value,
        bonuses={name: cents for name, cents in line.prefers.items() if name in resource.features},
        price=price(line, resource),
        metres=metres,
        travel=(metres * problem.km_cost + 500) // 1000,
        stability=problem.stability if moved else 0,
    )


def price(line: Line, resource: Resource) -> int:
    """Cents: fixed and hourly, halves rounded up."""
    return resource.price.fixed + (resource.price.hour * line.minutes + 30) // 60
