"""With numbers as large as the format allows, bounds are still above every plan, and the prices prove them."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pooling.matching.checking import proved_bound
from pooling.matching.problem import Budget, Limit, Line, Plan, Price, Problem, Request, Resource
from pooling.matching.reading import read_problem
from pooling.matching.solver import solve
from pooling.matching.writing import encoded, problem_json
from tests.matching.brute import best_plan
from tests.matching.strategies import problems

TRILLION = 10**12
LARGEST_MONEY, LARGEST_UNITS = 10**7, 10**11
"""So much larger the small problems' numbers can be."""


def solved(problem: Problem) -> Plan:
    """The plan of a problem out of its file; its prices prove its bound."""
    plan = solve(read_problem(encoded(problem_json(problem))), Budget(rounds=5), 1)
    assert proved_bound(problem, plan.prices) == plan.bound
    return plan


def asked(line: Line) -> Request:
    return Request(f"request of {line.id}", "p", (line,))


def test_a_trillion_units_are_not_sold_beyond_64_bits() -> None:
    hall = Resource("hall", "hall", ("p",), units=TRILLION, free=((0, 60),))
    one = Line("a", "hall", 300_000, 60, (0, 0))
    halves = [Line(name, "hall", 100_000, 60, (0, 0), units=TRILLION // 2) for name in "bc"]
    assert solved(Problem((hall,), tuple(map(asked, [one, *halves])))).bound >= 400_000


def test_a_limit_is_not_sold_beyond_64_bits() -> None:
    wishes = [f"wish {at}" for at in range(900)]
    hall = Resource("hall", "hall", ("p",), features=frozenset(wishes), free=((0, 10_000),))
    dear = Line("dear", "hall", TRILLION, 60, (9_000, 9_000), prefers=dict.fromkeys(wishes, TRILLION))
    cheap = [Line(f"{at}", "hall", 1, 10, (10 * at, 10 * at)) for at in range(155)]
    limit = Limit(tuple(line.id for line in cheap), 154)
    plan = solved(Problem((hall,), tuple(map(asked, [dear, *cheap])), limits=(limit,)))
    assert plan.bound >= 901 * TRILLION + 154


def test_a_limit_of_a_trillion_is_not_sold_beyond_64_bits() -> None:
    hall = Resource("hall", "hall", ("p",), free=((0, 60),))
    lines = [Line(name, "hall", 100_000, 60, (0, 0)) for name in "abc"]
    limits = tuple(Limit(("a", "b", "c"), at_most) for at_most in (1, TRILLION))
    assert solved(Problem((hall,), tuple(map(asked, lines)), limits=limits)).bound >= 100_000


def test_what_many_resources_earn_of_the_same_lines_is_not_counted_beyond_64_bits() -> None:
    halls = tuple(Resource(f"hall {at}", "hall", ("p",), free=((0, 9_000),)) for at in range(30))
    lines = [Line(f"{at}", "hall", TRILLION, 10, (10 * at, 10 * at)) for at in range(900)]
    plan = solved(Problem(halls, tuple(map(asked, lines))))
    assert plan.value == 900 * TRILLION
    assert plan.bound >= plan.value


def enlarged(problem: Problem, money: int, units: int) -> Problem:
    """The same with so many times the money and the units."""

    def of_line(line: Line) -> Line:
        prefers = {name: money * cents for name, cents in line.prefers.items()}
        dearest = None if line.max_price is None else money * line.max_price
        return replace(line, value=money * line.value, units=units * line.units, prefers=prefers, max_price=dearest)

    def of_resource(each: Resource) -> Resource:
        price = Price(money * each.price.fixed, money * each.price.hour)
        return replace(each, units=units * each.units, price=price, opening=money * each.opening)

    return replace(
        problem,
        resources=tuple(map(of_resource, problem.resources)),
        requests=tuple(replace(each, lines=tuple(map(of_line, each.lines))) for each in problem.requests),
        km_cost=money * problem.km_cost,
        stability=money * problem.stability,
        busy=tuple(replace(each, units=units * each.units) for each in problem.busy),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems(), st.sampled_from([1, LARGEST_MONEY]), st.sampled_from([1, LARGEST_UNITS]))
def test_the_best_plan_of_a_problem_of_large_numbers_is_within_its_bound(
    problem: Problem, money: int, units: int
) -> None:
    large = enlarged(problem, money, units)
    plan = solved(large)
    assert plan.value <= best_plan(large)[0] <= plan.bound
