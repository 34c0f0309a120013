"""The first plan is told before the search for more begins, and is a plan like any other when it is the last."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.matching import instances
from pooling.matching.checking import broken_rules, check, proved_bound, value_of
from pooling.matching.problem import Budget, Line, Plan, Problem, Request, Resource
from pooling.matching.solver import solve
from pooling.matching.writing import certificate_json, plan_json
from tests.matching.brute import best_plan
from tests.matching.strategies import problems

thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
VANS = tuple(Resource(f"van {at}", "van", ("p",), free=((0, 600),)) for at in range(2))


def asked(*values: int) -> tuple[Request, ...]:
    """Requests of that value for the same hour."""
    return tuple(
        Request(f"q{at}", "p", (Line(f"l{at}", "van", value, 60, (60, 60)),)) for at, value in enumerate(values)
    )


def interrupted(problem: Problem, after: int = 0) -> tuple[Plan, list[tuple[int, int]]]:
    """The plan of a search that is interrupted as something is told, and all that was told."""
    told: list[tuple[int, int]] = []

    def tell(value: int, bound: int) -> None:
        told.append((value, bound))
        if len(told) > after:
            raise KeyboardInterrupt

    return solve(problem, Budget(), 1, tell), told


def clock_of(times: list[float]) -> Callable[[], float]:
    """Shows these times one after another, and the last from then on."""
    return lambda: times.pop(0) if len(times) > 1 else times[0]


@thorough
@given(problems())
def test_a_search_that_is_interrupted_at_once_ends_with_a_plan_and_a_bound_that_its_prices_prove(
    problem: Problem,
) -> None:
    plan, told = interrupted(problem)
    assert broken_rules(problem, plan.placed) == []
    assert value_of(problem, plan.placed) == plan.value
    assert proved_bound(problem, plan.prices) == plan.bound
    assert plan.value <= best_plan(problem)[0] <= plan.bound
    assert told == [(plan.value, plan.bound)]


@pytest.mark.parametrize("family", ["fixed", "flexible", "bundles", "units", "everything", "days", "one-to-one"])
def test_the_first_plan_of_every_family_passes_the_check_with_its_certificate(family: str) -> None:
    problem = instances.problem_of(family, 300, 1)
    plan, _ = interrupted(problem)
    files = (plan_json(plan, problem), certificate_json(plan.prices))
    assert check(problem, *(json.dumps(file).encode() for file in files)) == []
    assert len(plan.placed) > 100


def test_the_most_valuable_is_in_the_first_plan_and_each_request_in_its_bound_at_its_best() -> None:
    plan, _ = interrupted(Problem(VANS, asked(50, 90, 70)))
    assert sorted(each.line for each in plan.placed) == ["l1", "l2"]
    assert (plan.value, plan.bound) == (160, 210)


@pytest.mark.parametrize("family", ["fixed", "bundles", "everything"])
def test_what_is_told_never_gets_worse(family: str) -> None:
    told: list[tuple[int, int]] = []
    solve(instances.problem_of(family, 300, 1), Budget(rounds=4), 1, lambda *each: told.append(each))
    assert len(told) >= 3
    assert [value for value, _ in told] == sorted(value for value, _ in told)
    assert [bound for _, bound in told] == sorted((bound for _, bound in told), reverse=True)


def test_bounds_are_proved_when_bidding_has_not_yet_come_to_better_ones() -> None:
    problem = instances.problem_of("units", 300, 1)
    (first, _), (second, told) = interrupted(problem), interrupted(problem, after=1)
    assert told[1] == told[0], "the first step of bidding proves less"
    assert second.bound == first.bound == proved_bound(problem, second.prices)


@pytest.mark.parametrize("looks", [[0.0, 9.0], [0.0, 1.0, 9.0]])
def test_a_budget_that_ends_while_the_bound_is_prepared_gives_the_first_plan(looks: list[float]) -> None:
    problem = instances.problem_of("units", 300, 1)
    first, _ = interrupted(problem)
    told: list[tuple[int, int]] = []
    plan = solve(problem, Budget(seconds=5.0, clock=clock_of(looks)), 1, lambda *each: told.append(each))
    assert (plan.placed, plan.bound, plan.rounds) == (first.placed, first.bound, 0)
    assert told == [(first.value, first.bound)]
