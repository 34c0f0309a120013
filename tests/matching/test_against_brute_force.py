"""The checker and the bound against every plan of thousands of tiny problems."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pooling.matching.checking import broken_rules, check, proved_bound, value_of
from pooling.matching.problem import Placed, Plan, Problem
from pooling.matching.reading import read_problem
from pooling.matching.writing import certificate_json, encoded, plan_json, problem_json
from tests.matching.brute import best_plan, feasible_plans, objective
from tests.matching.strategies import prices, problems

THOUSANDS = settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
pytestmark = pytest.mark.timeout(600)
HUNDREDS = settings(THOUSANDS, max_examples=300)


@THOUSANDS
@given(problems())
def test_the_best_plan_by_brute_force_passes_the_check_with_the_same_value(problem: Problem) -> None:
    value, placed = best_plan(problem)
    assert broken_rules(problem, placed) == []
    assert value_of(problem, placed) == value
    assert check(problem, encoded(plan_json(Plan(value, value, placed), problem))) == []


@HUNDREDS
@given(problems(most_lines=3, most_resources=2), st.data())
def test_the_check_and_brute_force_agree_on_which_plans_are_feasible(problem: Problem, data: st.DataObject) -> None:
    feasible = {frozenset(plan) for plan in feasible_plans(problem)}
    starts = {line.id: _around(line.start, line.step) for request in problem.requests for line in request.lines}
    ids = [resource.id for resource in problem.resources]
    for _ in range(20 if ids else 0):
        there = [line for line in starts if data.draw(st.booleans())]
        placed = tuple(
            Placed(line, data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(starts[line]))) for line in there
        )
        assert (broken_rules(problem, placed) == []) == (frozenset(placed) in feasible)
        assert value_of(problem, placed) == objective(problem, placed)


def _around(window: tuple[int, int], step: int) -> list[int]:
    """Its starts, and some that are beside them."""
    return [*range(window[0], window[1] + 1, step), window[0] - 1, window[1] + 1, window[0] + 1]


@THOUSANDS
@given(st.data())
def test_any_prices_prove_a_bound_that_no_plan_exceeds(data: st.DataObject) -> None:
    problem = data.draw(problems())
    value, placed = best_plan(problem)
    chosen = data.draw(prices(problem))
    bound = proved_bound(problem, chosen)
    assert bound >= value
    certificate = encoded(certificate_json(chosen))
    plan = encoded(plan_json(Plan(value, bound, placed), problem))
    assert check(problem, plan, certificate) == []
    lower = encoded(plan_json(Plan(value, bound - 1, placed), problem))
    assert f"bound: the certificate proves {bound}, not {bound - 1}" in check(problem, lower, certificate)


@HUNDREDS
@given(problems())
def test_a_problem_written_and_read_is_the_same(problem: Problem) -> None:
    written = encoded(problem_json(problem))
    assert read_problem(written) == problem
    assert read_problem(json.dumps(json.loads(written)).encode()) == problem
    assert encoded(problem_json(replace(read_problem(written)))) == written
