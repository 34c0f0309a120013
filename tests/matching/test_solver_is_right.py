"""On tiny problems of all features the plan keeps the rules, the bound holds, and the certificate proves it."""

import pytest
from hypothesis import HealthCheck, given, settings

from pooling.matching.checking import broken_rules, proved_bound, value_of
from pooling.matching.problem import Budget, Line, Problem, Request, Resource
from pooling.matching.solver import solve
from tests.matching.brute import best_plan
from tests.matching.strategies import problems

SEED = 1
thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@thorough
@given(problems())
def test_the_best_plan_is_between_value_and_bound(problem: Problem) -> None:
    plan = solve(problem, Budget(rounds=12), SEED)
    best, _ = best_plan(problem)
    assert plan.value <= best <= plan.bound


@thorough
@given(problems())
def test_the_plan_keeps_the_rules_and_is_worth_what_it_says(problem: Problem) -> None:
    plan = solve(problem, Budget(rounds=5), SEED)
    assert broken_rules(problem, plan.placed) == []
    assert value_of(problem, plan.placed) == plan.value


@thorough
@given(problems())
def test_the_prices_prove_the_bound_to_the_cent(problem: Problem) -> None:
    plan = solve(problem, Budget(rounds=5), SEED)
    assert proved_bound(problem, plan.prices) == plan.bound


def test_nothing_asked_for_is_a_plan_of_nothing() -> None:
    plan = solve(Problem((), ()), Budget(rounds=5), SEED)
    assert (plan.value, plan.bound, plan.placed) == (0, 0, ())


@pytest.mark.parametrize(("minutes", "step"), [(0, 15), (-60, 15), (60, 0), (60, -15)])
def test_a_line_that_takes_no_time_or_has_no_step_is_refused(minutes: int, step: int) -> None:
    bus = Resource("bus", "vehicle", ("niort",), free=((0, 600),))
    outing = Request("outing", "niort", (Line("outing-bus", "vehicle", 100, minutes, (0, 60), step),))
    with pytest.raises(ValueError, match="outing-bus"):
        solve(Problem((bus,), (outing,)), Budget(rounds=1), SEED)
