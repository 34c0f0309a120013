"""When no resource can take two lines, the plan is the best in one round, and its prices prove it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pooling.matching.assignment import is_assignment
from pooling.matching.checking import broken_rules, proved_bound, value_of
from pooling.matching.problem import Budget, Limit, Line, Price, Problem, Request, Resource
from pooling.matching.repair import programme, quiet
from pooling.matching.solver import solve
from tests.matching.boards import relaxed_board
from tests.matching.models import excluding

NOON = 720


def at_noon(seed: int, lines: int, resources: int, highest: int) -> Problem:
    """Everything is wanted at noon; lines may go to some resources, which cost different prices and openings."""
    chance = random.Random(seed)  # noqa: S311 - no secrets
    offered = tuple(
        Resource(
            f"r{at}", "van", ("p",), free=((0, 1440),),
            price=Price(chance.randint(0, highest // 2)), opening=chance.choice((0, 0, highest // 3)),
        )
        for at in range(resources)
    )  # fmt: skip
    names = [resource.id for resource in offered]
    return Problem(offered, tuple(wanted(at, chance, names, highest) for at in range(lines)))


def wanted(at: int, chance: random.Random, names: list[str], highest: int) -> Request:
    only = frozenset(chance.sample(names, min(len(names), chance.randint(1, 8))))
    earliest = NOON - 15 * chance.randint(0, 2)
    line = Line(f"l{at}", "van", chance.randint(1, highest), 60, (earliest, NOON), only=only)
    return Request(f"q{at}", "p", (line,))


def best_value(problem: Problem) -> int:
    """The best of all assignments: its linear programme has whole solutions."""
    gains: list[float] = []
    groups: list[list[int]] = []
    taking: dict[str, list[int]] = {resource.id: [] for resource in problem.resources}
    for request in problem.requests:
        line, own = request.lines[0], []
        for resource in problem.resources:
            if resource.id in (line.only or ()):
                own.append(len(gains))
                gains.append(float(line.value - resource.price.fixed - resource.opening))
                taking[resource.id].append(own[-1])
        groups.append(own)
    highs = quiet(None)
    highs.passModel(programme(excluding(gains, [*groups, *taking.values()]), whole=False))
    highs.run()
    best: float = highs.getInfo().objective_function_value
    return round(best)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 50), st.sampled_from((3, 50, 10_000)))
def test_one_round_finds_the_best_assignment_and_proves_it(seed: int, lines: int, resources: int, highest: int) -> None:
    problem = at_noon(seed, lines, resources, highest)
    plan = solve(problem, Budget(rounds=1), 1)
    assert plan.value == best_value(problem)
    assert plan.bound == plan.value == proved_bound(problem, plan.prices) == value_of(problem, plan.placed)
    assert broken_rules(problem, plan.placed) == []


def holds(problem: Problem) -> bool:
    return is_assignment(relaxed_board(problem))


def test_it_is_no_assignment_when_two_lines_fit_one_resource_or_hang_together() -> None:
    offered = (Resource("r0", "van", ("p",), units=3, free=((0, 1440),)), Resource("r1", "van", ("p",)))

    def asked(*, minute: int = NOON, units: int = 2, together: bool = False) -> Problem:
        first = Line("l0", "van", 9, 60, (NOON, NOON), units=2)
        second = Line("l1", "van", 9, 60, (minute, minute), units=units)
        return Problem(offered, (Request("q", "p", (first, second), together=together),))

    assert holds(asked())
    assert holds(asked(minute=NOON + 59))
    assert not holds(asked(minute=NOON + 60))
    assert not holds(asked(units=1))
    assert not holds(asked(together=True))
    assert not holds(Problem(offered, asked().requests, limits=(Limit(("l0", "l1"), 1),)))
