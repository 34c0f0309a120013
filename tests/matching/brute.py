"""The best plan of a tiny problem by trying them all, minute by minute: what everything else is compared with.

It shares nothing with the solver and nothing with the checker.
"""

from collections import Counter
from collections.abc import Iterator
from math import atan2, cos, radians, sin, sqrt

from pooling.matching.problem import Line, Placed, Problem, Request, Resource

Choices = list[tuple[Line, list[Placed]]]


def best_plan(problem: Problem) -> tuple[int, tuple[Placed, ...]]:
    """The highest value of any feasible plan, in cents, and one such plan."""
    found = [(objective(problem, plan), plan) for plan in feasible_plans(problem)]
    return max(found, key=lambda each: each[0])


def feasible_plans(problem: Problem) -> Iterator[tuple[Placed, ...]]:
    """Every plan that keeps the rules; the empty one is always among them."""
    resources = {resource.id: resource for resource in problem.resources}
    choices = [
        (line, [each for resource in problem.resources for each in placements(line, request, resource)])
        for request in problem.requests
        for line in request.lines
    ]
    taken = {id_: busy_minutes(problem, resource) for id_, resource in resources.items()}
    for plan in _combinations(choices, resources, taken):
        if keeps_bundles(problem, plan) and keeps_limits(problem, plan):
            yield plan


def _combinations(
    choices: Choices, resources: dict[str, Resource], taken: dict[str, Counter[int]]
) -> Iterator[tuple[Placed, ...]]:
    if not choices:
        yield ()
        return
    (line, placed), others = choices[0], choices[1:]
    yield from _combinations(others, resources, taken)
    for each in placed:
        resource = resources[each.resource]
        minutes = blocked(resource, each.start, each.start + line.minutes)
        if all(taken[each.resource][minute] + line.units <= resource.units for minute in minutes):
            more = taken | {each.resource: taken[each.resource] + Counter(dict.fromkeys(minutes, line.units))}
            for rest in _combinations(others, resources, more):
                yield (each, *rest)


def placements(line: Line, request: Request, resource: Resource) -> Iterator[Placed]:
    """Where rules 1 to 5 allow this line on this resource."""
    free = {minute for start, end in resource.free for minute in range(start, end)}
    if not suits(line, request, resource):
        return
    for start in range(line.start[0], line.start[1] + 1):
        on_step = (start - line.start[0]) % line.step == 0
        if on_step and free.issuperset(range(start, start + line.minutes)):
            yield Placed(line.id, resource.id, start)


def suits(line: Line, request: Request, resource: Resource) -> bool:
    """Rules 1 to 4."""
    return (
        line.kind == resource.kind
        and request.pole in resource.poles
        and (line.only is None or resource.id in line.only)
        and line.features <= resource.features
        and all(resource.measures.get(name, float("-inf")) >= least for name, least in line.at_least.items())
        and line.units <= resource.units
        and (line.max_km is None or distance(line, resource) <= round(line.max_km * 1000, 6))
        and (line.max_price is None or cost(line, resource) <= line.max_price)
    )


def distance(line: Line, resource: Resource) -> int:
    """Metres; the haversine with the arc tangent, which gives the same whole metres as the arc sine."""
    if line.at is None or resource.at is None:
        return 0
    north, east = radians(resource.at[0] - line.at[0]), radians(resource.at[1] - line.at[1])
    a = sin(north / 2) ** 2 + cos(radians(line.at[0])) * cos(radians(resource.at[0])) * sin(east / 2) ** 2
    return half_up(1000 * 2 * 6371.0088 * atan2(sqrt(a), sqrt(1 - a)))


def half_up(amount: float) -> int:
    """Rounded to a whole number, halves up."""
    return int(amount + 0.5)


def cost(line: Line, resource: Resource) -> int:
    """Cents; an hour's price times small minutes is exact in thirds and halves only, so whole numbers do it."""
    cents, sixtieths = divmod(resource.price.hour * line.minutes, 60)
    return resource.price.fixed + cents + (sixtieths >= 30)


def travel(problem: Problem, line: Line, resource: Resource) -> int:
    """Cents for the way."""
    cents, thousandths = divmod(problem.km_cost * distance(line, resource), 1000)
    return cents + (thousandths >= 500)


def blocked(resource: Resource, start: int, end: int) -> range:
    """The minutes that nobody else's units may have."""
    return range(start - resource.buffer[0], end + resource.buffer[1])


def busy_minutes(problem: Problem, resource: Resource) -> Counter[int]:
    """Units taken at each minute by what is accepted."""
    taken: Counter[int] = Counter()
    for each in problem.busy:
        if each.resource == resource.id:
            taken.update(dict.fromkeys(blocked(resource, each.start, each.end), each.units))
    return taken


def keeps_bundles(problem: Problem, plan: tuple[Placed, ...]) -> bool:
    """Rule 7."""
    starts = {each.line: each.start for each in plan}
    for request in problem.requests:
        there = [starts[line.id] for line in request.lines if line.id in starts]
        if request.together and len(there) not in (0, len(request.lines)):
            return False
        if request.same_start and len(set(there)) > 1:
            return False
    return True


def keeps_limits(problem: Problem, plan: tuple[Placed, ...]) -> bool:
    """Rule 8."""
    return all(sum(each.line in limit.lines for each in plan) <= limit.at_most for limit in problem.limits)


def objective(problem: Problem, plan: tuple[Placed, ...]) -> int:
    """Cents."""
    resources = {resource.id: resource for resource in problem.resources}
    where = {each.line: each for each in plan}
    total = 0
    for request in problem.requests:
        for line in request.lines:
            placed = where.get(line.id)
            if placed is not None:
                resource = resources[placed.resource]
                total += line.value - cost(line, resource) - travel(problem, line, resource)
                total += sum(line.prefers[feature] for feature in line.prefers if feature in resource.features)
            if line.current is not None and placed != Placed(line.id, line.current.resource, line.current.start):
                total -= problem.stability
    return total - sum(
        resource.opening for resource in resources.values() if any(p.resource == resource.id for p in plan)
    )
