"""What must hold between the plans of two related problems."""

import itertools
from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from pooling.matching.problem import Budget, Limit, Line, Price, Problem, Request, Resource
from pooling.matching.solver import solve
from tests.matching.strategies import problems

ROUNDS = Budget(rounds=6)
some = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def renamed(problem: Problem) -> Problem:
    """The same problem with other names of everything."""
    return replace(
        problem,
        resources=tuple(replace(each, id=f"z{each.id}") for each in problem.resources),
        requests=tuple(
            replace(request, id=f"z{request.id}", lines=tuple(renamed_line(line) for line in request.lines))
            for request in problem.requests
        ),
        busy=tuple(replace(each, resource=f"z{each.resource}") for each in problem.busy),
        limits=tuple(Limit(tuple(f"z{line}" for line in limit.lines), limit.at_most) for limit in problem.limits),
    )


def renamed_line(line: Line) -> Line:
    only = None if line.only is None else frozenset(f"z{each}" for each in line.only)
    current = line.current and replace(line.current, resource=f"z{line.current.resource}")
    return replace(line, id=f"z{line.id}", only=only, current=current)


def doubled(problem: Problem) -> Problem:
    """The same problem with all money doubled; places are left out, since the cost of a metre is rounded."""

    def of_line(line: Line) -> Line:
        prefers = {feature: 2 * cents for feature, cents in line.prefers.items()}
        dearest = None if line.max_price is None else 2 * line.max_price
        return replace(line, value=2 * line.value, prefers=prefers, max_price=dearest)

    def of_resource(each: Resource) -> Resource:
        return replace(each, price=Price(2 * each.price.fixed, 2 * each.price.hour), opening=2 * each.opening)

    return replace(
        problem,
        resources=tuple(map(of_resource, problem.resources)),
        requests=tuple(replace(r, lines=tuple(map(of_line, r.lines))) for r in problem.requests),
        stability=2 * problem.stability,
    )


def plain(problem: Problem) -> Problem:
    """The problem with whole money: no cost by metre, no price by hour."""
    resources = tuple(replace(each, price=Price(each.price.fixed, 0)) for each in problem.resources)
    return replace(problem, km_cost=0, resources=resources)


@some
@given(problems())
def test_other_names_change_nothing(problem: Problem) -> None:
    ours, theirs = solve(problem, ROUNDS, 1), solve(renamed(problem), ROUNDS, 1)
    assert (ours.value, ours.bound) == (theirs.value, theirs.bound)
    assert [(f"z{each.line}", f"z{each.resource}", each.start) for each in ours.placed] == [
        (each.line, each.resource, each.start) for each in theirs.placed
    ]


@some
@given(problems())
def test_a_longer_budget_never_makes_it_worse(problem: Problem) -> None:
    plans = [solve(problem, Budget(rounds=rounds), 1) for rounds in (0, 1, 2, 4, 9)]
    assert all(shorter.value <= longer.value for shorter, longer in itertools.pairwise(plans))
    assert all(shorter.bound >= longer.bound for shorter, longer in itertools.pairwise(plans))


@some
@given(problems(most_lines=4, most_resources=2))
def test_twice_the_money_is_twice_the_value(problem: Problem) -> None:
    of = plain(problem)
    once, twice = solve(of, Budget(rounds=12), 1), solve(doubled(of), Budget(rounds=12), 1)
    if once.value == once.bound and twice.value == twice.bound:
        assert twice.value == 2 * once.value
    assert 2 * once.value <= twice.bound
    assert twice.value <= 2 * once.bound


@some
@given(problems(most_lines=4, most_resources=3))
def test_one_resource_more_never_makes_the_best_worse(problem: Problem) -> None:
    fewer = replace(problem, resources=problem.resources[:-1])
    if any(name_is_gone(fewer, problem.resources[-1:], request) for request in fewer.requests) or problem.busy:
        return
    assert solve(fewer, Budget(rounds=12), 1).value <= solve(problem, Budget(rounds=12), 1).bound


def name_is_gone(fewer: Problem, gone: tuple[Resource, ...], request: Request) -> bool:
    """Whether a line names a resource that the problem does not hold any more."""
    names = {each.id for each in gone}
    return any(
        (line.only or frozenset()) & names or (line.current and line.current.resource in names)
        for line in request.lines
    )
