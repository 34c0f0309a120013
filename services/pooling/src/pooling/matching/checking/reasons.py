"""The explanations of a plan's file, recomputed: what each line could have with the rest of the plan as it is.

Everything is tried where something can change: at the ends of free periods and of what blocks a resource.
"""

from collections.abc import Iterator, Sequence

from pooling.matching.checking.beside import Beside
from pooling.matching.checking.near_misses import near_misses
from pooling.matching.checking.rules import unfit
from pooling.matching.checking.score import metres, price, travel
from pooling.matching.checking.together import Answer, answer
from pooling.matching.problem import Current, Line, Placed, Problem, Request, Resource
from pooling.matching.reading import PlanFile
from pooling.matching.reading.fields import Given

CONDITIONS = ("kind", "pole", "only", "features", "measures", "units", "distance", "price", "free", "available")
LEAVING_NONE = (*("no such resource",) * 6, "too far", "too dear", "not free", "taken")
ALTERNATIVES = 3
Elsewhere = tuple[int, int, int, str]
"""Cents lost, the resource's number, start, resource."""


def wrong_reasons(problem: Problem, claimed: PlanFile) -> Iterator[str]:
    """One line for each field of an explanation that isn't what it should be, in a plan that keeps the rules."""
    if not any(claimed.why.values()):
        return
    beside = Beside.of(problem, claimed.placed)
    where = {each.line: each for each in claimed.placed}
    for request in problem.requests:
        for line in request.lines:
            said = claimed.why.get(line.id, {})
            if not said:
                continue
            if line.id in where:
                expected = _placed(beside, line, request, where[line.id], said)
            else:
                expected = _unplaced(beside, line, request, said)
            for name, value in expected:
                if said[name] != value:
                    yield f"{line.id!a}: {name}: is {value!a}, not {said[name]!a}"
            strange = said.keys() - ({"score", "alternatives"} if line.id in where else _OF_UNPLACED)
            yield from (f"{line.id!a}: {name}: is no field of this line" for name in sorted(strange))


_OF_UNPLACED = {"because", "funnel", "near_misses"}


def _placed(beside: Beside, line: Line, request: Request, place: Placed, said: Given) -> Iterator[tuple[str, object]]:
    resource = beside.known.resources[place.resource]
    if "score" in said:
        yield "score", score(beside.problem, line, resource, place.start)
    if "alternatives" in said:
        yield "alternatives", alternatives(beside, line, request, place)


def score(problem: Problem, line: Line, resource: Resource, start: int) -> Given:
    """The parts of what a placement is worth."""
    stays = line.current is None or line.current == Current(resource.id, start)
    return {
        "value": line.value,
        "bonuses": {name: cents for name, cents in line.prefers.items() if name in resource.features},
        "price": price(line, resource),
        "metres": metres(line, resource),
        "travel": travel(problem.km_cost, metres(line, resource)),
        "stability": 0 if stays else problem.stability,
    }


def alternatives(beside: Beside, line: Line, request: Request, place: Placed) -> list[Given]:
    """The best other places, each on another resource if it can be: the plan's value with the line there, less now."""
    found = []
    own = beside.known.resources[place.resource]
    gained = beside.gain(line, own) + beside.staying(line, own, place.start)
    bound = request.same_start and len(request.lines) > 1
    for number, resource in enumerate(beside.problem.resources):
        if next(unfit(line, request, resource), None) is not None:
            continue
        less = gained - beside.gain(line, resource)
        for start in beside.starts(line, resource):
            elsewhere = start != place.start or resource.id != place.resource
            if elsewhere and (start == place.start or not bound):
                found.append((less - beside.staying(line, resource, start), number, start, resource.id))
    return [
        {"resource": resource, "start": start, "difference": -less}
        for less, _, start, resource in _varied(sorted(found))
    ]


def _varied(places: Sequence[Elsewhere]) -> list[Elsewhere]:
    """Each resource's best, and others only to make up the number, best first."""
    best = {place[1]: place for place in reversed(places)}
    firsts = sorted(best.values())
    rest = [place for place in places if place not in firsts]
    return sorted([*firsts, *rest][:ALTERNATIVES])


def _unplaced(beside: Beside, line: Line, request: Request, said: Given) -> Iterator[tuple[str, object]]:
    counts = funnel(beside, line, request)
    if "funnel" in said:
        yield "funnel", [[name, count] for name, count in zip(CONDITIONS, counts, strict=True)]
    if "because" in said:
        possible = because(beside, line, request, counts)
        yield "because", said["because"] if said["because"] in possible else possible[0]
    if "near_misses" in said:
        yield "near_misses", near_misses(beside, line, request) if 0 in counts else []


def funnel(beside: Beside, line: Line, request: Request) -> list[int]:
    """How many resources pass each condition and all before it."""
    counts = [0] * len(CONDITIONS)
    for resource in beside.problem.resources:
        for at, passed in enumerate(_conditions(beside, line, request, resource)):
            if not passed:
                break
            counts[at] += 1
    return counts


def _conditions(beside: Beside, line: Line, request: Request, resource: Resource) -> Iterator[bool]:
    yield resource.kind == line.kind
    yield request.pole in resource.poles
    yield line.only is None or resource.id in line.only
    yield line.features <= resource.features
    yield all(name in resource.measures and resource.measures[name] >= n for name, n in line.at_least.items())
    yield line.units <= resource.units
    yield line.max_km is None or metres(line, resource) / 1000 <= line.max_km
    yield line.max_price is None or price(line, resource) <= line.max_price
    yield next(beside.hours(line, resource), None) is not None
    yield next(beside.starts(line, resource), None) is not None


def because(beside: Beside, line: Line, request: Request, counts: Sequence[int]) -> Sequence[str]:
    """Why the line has no place: one answer, or several where it can't be told which."""
    if 0 in counts:
        return [LEAVING_NONE[counts.index(0)]]
    bundle = [each for each in request.lines if each.id not in beside.where] if request.together else [line]
    found = answer(beside, bundle, request)
    if found is Answer.NOT_TOGETHER:
        return ["bundle"]
    if found is Answer.TOO_MANY:
        return ["time", "not worth it", "bundle", "limit"]
    if not beside.within_limits(bundle):
        return ["limit"]
    return ["time" if found is Answer.RAISES else "not worth it"]
