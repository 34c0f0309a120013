"""The bound that prices prove, in Python integers of thousandths of a cent.

Weak duality: take any feasible plan and any prices v (per line and start), λ ≥ 0 (per limit), π ≥ 0 (per resource and
moment). What the plan scores is what its placements score net of v and λ, plus the v and λ that they pay. The net part
is at most the best that each resource can do alone, v at most the dearest that each request can pay, λ at most what the
limits admit; so their sum is above every plan (Lagrangian relaxation: Fisher, Management Science 27, 1981).
`docs/matching.md` has the formula.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pooling.matching.checking.rules import unfit
from pooling.matching.checking.schedule import Choice, TooManyStates, best_set
from pooling.matching.checking.score import worth
from pooling.matching.checking.times import Left, block, left, starts_within, union
from pooling.matching.problem import SCALE, Busy, Current, Line, Prices, Problem, Request, Resource

Fitting = list[tuple[Line, int]]
"""The lines that fit a resource, with what they score there net of limits; their price and stability come by start."""


def proved_bound(problem: Problem, prices: Prices) -> int:
    """The cents that no plan's value exceeds, by these prices, of which those of limits and moments aren't negative.

    Raises TooManyStates for a resource of several units whose best can't be found exactly, and has no moments.
    """
    moved = sum(line.current is not None for request in problem.requests for line in request.lines)
    total = -SCALE * problem.stability * moved
    total += sum(dearest(request, prices) for request in problem.requests)
    total += sum(price * limit.at_most for price, limit in zip(prices.limits, problem.limits, strict=False))
    busy: dict[str, list[Busy]] = defaultdict(list)
    for each in problem.busy:
        busy[each.resource].append(each)
    fitting = _fitting(problem, prices)
    for resource in problem.resources:
        best = _best(problem, prices, resource, left(resource, busy[resource.id]), fitting[resource.id])
        total += max(0, best - SCALE * resource.opening)
    return total // SCALE


def dearest(request: Request, prices: Prices) -> int:
    """The most that the lines of a request can pay for its being placed as it may be, and 0 at least."""
    if request.same_start:
        together = (sum(price_of(prices, line, start) for line in request.lines) for start in common_starts(request))
        return max(0, max(together, default=0))
    each = [_dearest_start(line, prices) for line in request.lines]
    return max(0, sum(each)) if request.together else sum(max(0, price) for price in each)


def price_of(prices: Prices, line: Line, start: int) -> int:
    """What the line pays for beginning then."""
    price = prices.lines.get(line.id, 0)
    return price if isinstance(price, int) else price.get(start, 0)


def starts_of(line: Line) -> range:
    """Every start in the line's window."""
    return range(line.start[0], line.start[1] + 1, line.step)


def common_starts(request: Request) -> set[int]:
    """The starts that all lines of the request have in their windows."""
    windows = [set(starts_of(line)) for line in request.lines]
    return set.intersection(*windows) if windows else set()


def _dearest_start(line: Line, prices: Prices) -> int:
    price = prices.lines.get(line.id, 0)
    if isinstance(price, int):
        return price
    starts = starts_of(line)
    paid = [cents for start, cents in price.items() if start in starts]
    return max(paid) if len(paid) == len(starts) else max([0, *paid])


def _fitting(problem: Problem, prices: Prices) -> dict[str, Fitting]:
    """By resource the lines that rules 1 to 4 admit there."""
    limited = _limited(problem, prices)
    offered: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for resource in problem.resources:
        for pole in set(resource.poles):
            offered[resource.kind, pole].append(resource)
    fitting: dict[str, Fitting] = defaultdict(list)
    for request in problem.requests:
        for line in request.lines:
            for resource in offered[line.kind, request.pole]:
                if next(unfit(line, request, resource), None) is None:
                    score = SCALE * worth(line, resource, problem.km_cost) - limited[line.id]
                    fitting[resource.id].append((line, score))
    return fitting


def _limited(problem: Problem, prices: Prices) -> dict[str, int]:
    """What each line pays for its limits."""
    paid: dict[str, int] = defaultdict(int)
    for price, limit in zip(prices.limits, problem.limits, strict=False):
        for id_ in limit.lines:
            paid[id_] += price
    return paid


def _best(problem: Problem, prices: Prices, resource: Resource, remaining: Left, fitting: Fitting) -> int:
    free = union(resource.free)
    by_line = [list(_choices(problem, prices, resource, free, remaining, each)) for each in fitting]
    if resource.id in prices.moments:
        return _best_by_moments(by_line, prices.moments[resource.id], remaining)
    try:
        return best_set((choice for choices in by_line for choice in choices), resource.units, remaining)
    except TooManyStates as error:
        raise TooManyStates(f"{resource.id!a} needs moments: {error}") from error


def _best_by_moments(by_line: list[list[Choice]], moments: Iterable[tuple[int, int]], remaining: Left) -> int:
    """What is left at the moments, sold at their prices, and each line's best when it pays for those it blocks."""
    moments = sorted(moments)
    minutes, sums = [minute for minute, _ in moments], [0, *accumulate(price for _, price in moments)]

    def paying(choice: Choice) -> int:
        paid = sums[bisect_left(minutes, choice.end)] - sums[bisect_left(minutes, choice.start)]
        return choice.net - choice.units * paid

    total = sum(price * remaining.at(minute) for minute, price in moments)
    return total + sum(max([0, *map(paying, choices)]) for choices in by_line)


def _choices(
    problem: Problem,
    prices: Prices,
    resource: Resource,
    free: list[tuple[int, int]],
    remaining: Left,
    fitting: tuple[Line, int],
) -> Iterator[Choice]:
    """The line's placements on the resource that rules 5 and 6 admit when nothing else is placed there."""
    line, score = fitting
    for start in starts_within(line, free):
        starts, ends = block(resource, start, start + line.minutes)
        if remaining.least(starts, ends) >= line.units:
            staying = SCALE * problem.stability if line.current == Current(resource.id, start) else 0
            yield Choice(line.id, starts, ends, line.units, score + staying - price_of(prices, line, start))
