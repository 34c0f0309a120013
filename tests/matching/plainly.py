"""Explanations by trying every minute of every resource: what `explain` is compared with on small problems.

Times and rules are those of `brute`; nothing is shared with the engine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from pooling.matching.problem import Line, Placed, Problem, Request, Resource
from tests.matching import brute
from tests.matching.strategies import HORIZON

Plan = tuple[Placed, ...]
Miss = tuple[str, object, str, int]
"""The condition, what it would be, the resource and the start."""


def rooms(problem: Problem, plan: Plan, line: Line, request: Request) -> list[Placed]:
    """Every place that rules 1 to 6 allow the line beside the others of the plan, by resource and start."""
    return [place for each in problem.resources for place in rooms_on(problem, plan, line, request, each)]


def rooms_on(problem: Problem, plan: Plan, line: Line, request: Request, resource: Resource) -> list[Placed]:
    """Those on one resource."""
    taken = taken_by(problem, tuple(place for place in plan if place.line != line.id), resource)
    return [
        place
        for place in brute.placements(line, request, resource)
        if all(
            taken[minute] + line.units <= resource.units
            for minute in brute.blocked(resource, place.start, place.start + line.minutes)
        )
    ]


def taken_by(problem: Problem, plan: Plan, resource: Resource) -> Counter[int]:
    """Units taken at each minute."""
    taken = brute.busy_minutes(problem, resource)
    lines = {line.id: line for request in problem.requests for line in request.lines}
    for place in plan:
        if place.resource == resource.id:
            line = lines[place.line]
            for minute in brute.blocked(resource, place.start, place.start + line.minutes):
                taken[minute] += line.units
    return taken


def alternatives(problem: Problem, plan: Plan, line: Line, request: Request) -> list[tuple[str, int, int]]:
    """Three other places that keep every rule, as many resources as possible, then the best: resource, start, gain."""
    others = tuple(place for place in plan if place.line != line.id)
    number_of = {resource.id: number for number, resource in enumerate(problem.resources)}
    value, found = brute.objective(problem, plan), []
    for place in rooms(problem, plan, line, request):
        moved = (*others, place)
        if place not in plan and brute.keeps_bundles(problem, moved):
            gained = brute.objective(problem, moved) - value
            found.append((-gained, number_of[place.resource], place.start, place.resource))
    ranked = sorted(found)
    firsts = [each for at, each in enumerate(ranked) if all(each[1] != other[1] for other in ranked[:at])]
    seconds = [each for each in ranked if each not in firsts]
    return [(resource, start, -lost) for lost, _, start, resource in sorted((firsts + seconds)[:3])]


def funnel(problem: Problem, plan: Plan, line: Line, request: Request) -> list[int]:
    """How many resources pass each condition and those before it."""
    counts = [0] * 10
    for resource in problem.resources:
        passed = [
            resource.kind == line.kind,
            request.pole in resource.poles,
            line.only is None or resource.id in line.only,
            line.features <= resource.features,
            all(resource.measures.get(name, float("-inf")) >= least for name, least in line.at_least.items()),
            line.units <= resource.units,
            line.max_km is None or brute.distance(line, resource) <= round(line.max_km * 1000, 6),
            line.max_price is None or brute.cost(line, resource) <= line.max_price,
            next(brute.placements(line, request, resource), None) is not None,
            bool(rooms_on(problem, plan, line, request, resource)),
        ]
        for at in range((*passed, False).index(False)):
            counts[at] += 1
    return counts


def because(problem: Problem, plan: Plan, line: Line, request: Request) -> str:
    """Why the line has no place."""
    counts = funnel(problem, plan, line, request)
    if 0 in counts:
        return (["no such resource"] * 6 + ["too far", "too dear", "not free", "taken"])[counts.index(0)]
    bundle = request.lines if request.together else (line,)
    choices = [rooms(problem, plan, each, request) for each in bundle]
    found = [plan + chosen for chosen in product(*choices) if all_fit(problem, plan, bundle, request, chosen)]
    if not found:
        return "bundle"
    if not brute.keeps_limits(problem, found[0]):
        return "limit"
    value = brute.objective(problem, plan)
    return "time" if any(brute.objective(problem, each) > value for each in found) else "not worth it"


def all_fit(problem: Problem, plan: Plan, lines: Sequence[Line], request: Request, chosen: Plan) -> bool:
    """Whether these places of these lines keep rules 6 and 7 all at once."""
    so_far = plan
    for line, place in zip(lines, chosen, strict=True):
        if place not in rooms(problem, so_far, line, request):
            return False
        so_far += (place,)
    return brute.keeps_bundles(problem, so_far)


def near_misses(problem: Problem, plan: Plan, line: Line, request: Request) -> list[Miss]:
    """The smallest change of each condition that lets the line in; nothing if it is let in anyway."""
    somewhere = Placed(line.id, "", 0)
    if rooms(problem, plan, line, request) or not brute.keeps_limits(problem, (*plan, somewhere)):
        return []
    found = []
    for condition in ("start", "max_km", "max_price", "at_least", "features", "units"):
        tried = [
            (size, number, place.start, getattr(other, condition), resource.id)
            for number, resource in enumerate(problem.resources)
            for size, other in changed(line, resource, condition)
            if other != line and worth_it(problem, plan, line, request, resource)
            for place in rooms_on(problem, plan, other, request, resource)
        ]
        if tried:
            _, _, start, value, resource_id = min(tried, key=lambda each: each[:3])
            found.append((condition, value, resource_id, start))
    return found


def changed(line: Line, resource: Resource, condition: str) -> Iterator[tuple[tuple[float, ...], Line]]:
    """The line with one condition such that this resource may pass it, and how large that change is."""
    match condition:
        case "start":
            yield from other_starts(line)
        case "max_km" if line.max_km is not None:
            metres = brute.distance(line, resource)
            yield (metres,), replace(line, max_km=max(line.max_km, metres / 1000))
        case "max_price" if line.max_price is not None:
            cents = brute.cost(line, resource)
            yield (cents,), replace(line, max_price=max(line.max_price, cents))
        case "at_least":
            yield lower_measures(line, resource)
        case "features":
            kept = line.features & resource.features
            yield (len(line.features - kept),), replace(line, features=kept)
        case "units":
            yield from (((line.units - units,), replace(line, units=units)) for units in range(1, line.units))


def other_starts(line: Line) -> Iterator[tuple[tuple[float, ...], Line]]:
    """Every start outside of the window that can matter here."""
    for start in range(line.start[0] - 3 * HORIZON, line.start[1] + 3 * HORIZON):
        outside = max(line.start[0] - start, start - line.start[1])
        if outside > 0 and (start - line.start[0]) % line.step == 0:
            yield (outside,), replace(line, start=(start, start))


def lower_measures(line: Line, resource: Resource) -> tuple[tuple[float, ...], Line]:
    """No more asked for than the resource has, and how many measures that changes and by which part at most."""
    has = {name: resource.measures.get(name, float("-inf")) for name in line.at_least}
    parts = [(least - has[name]) / max(1, abs(least)) for name, least in line.at_least.items() if has[name] < least]
    lower = {name: min(least, has[name]) for name, least in line.at_least.items() if name in resource.measures}
    return (len(parts), max(parts, default=0)), replace(line, at_least=lower)


def worth_it(problem: Problem, plan: Plan, line: Line, request: Request, resource: Resource) -> bool:
    """Whether the line, if it stands alone, adds something there."""
    if request.together and len(request.lines) > 1:
        return True
    bonuses = sum(cents for name, cents in line.prefers.items() if name in resource.features)
    opening = 0 if any(place.resource == resource.id for place in plan) else resource.opening
    spent = brute.cost(line, resource) + brute.travel(problem, line, resource) + opening
    return line.value + bonuses > spent
