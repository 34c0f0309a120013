"""The batch's candidates: the pairs that rules 1 to 4 allow, by line then resource, with the checker's metres."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from pooling.matching import grid
from pooling.matching.candidates import pairs
from pooling.matching.checking.rules import unfit
from pooling.matching.checking.score import metres
from pooling.matching.compiling import compile_problem
from pooling.matching.problem import Line, Price, Problem, Request, Resource

Row = tuple[int, ...]
ODD = [(0.0, 179.99), (0.0, -179.99), (89.9, 10.0), (89.9, -170.0), (-90.0, 0.0), (90.0, 0.0), (46.3, -0.4), None]
WIDTHS = {
    "a town": (0.05, 0.05),
    "a territory": (1.0, 1.5),
    "across the antimeridian": (10.0, 3.0),
    "the earth": (90.0, 180.0),
}


def place(chance: Random, centre: tuple[float, float], width: tuple[float, float]) -> tuple[float, float] | None:
    """A place around another, seldom an odd one."""
    if chance.random() < 0.05:
        return chance.choice(ODD)
    north, east = (at + wide * chance.uniform(-1, 1) for at, wide in zip(centre, width, strict=True))
    return max(-90.0, min(90.0, north)), (east + 180.0) % 360.0 - 180.0


def territory(chance: Random, where: str) -> Problem:
    """Resources and lines of three kinds, whose radii are often just what they need to reach a resource."""
    centre = {"across the antimeridian": (-17.0, 179.5), "the earth": (0.0, 0.0)}.get(where, (46.3, -0.4))
    width = WIDTHS[where]
    resources = tuple(
        Resource(
            f"r{at}", chance.choice("abc"), ("p", "q")[: chance.randint(1, 2)], place(chance, centre, width),
            units=chance.randint(1, 2), features=frozenset(chance.sample("xyz", chance.randint(0, 3))),
            measures={"seats": float(chance.randint(1, 9))},
            price=Price(chance.randint(0, 900), chance.randint(0, 900)),
        )
        for at in range(200)
    )  # fmt: skip
    requests = []
    for at in range(60):
        line = Line(
            f"l{at}", chance.choice("abc"), 5000, 40, (0, 0), at=place(chance, centre, width),
            features=frozenset(chance.sample("xyz", chance.choice((0, 0, 1)))), units=chance.randint(1, 2),
            at_least={"seats": float(chance.randint(1, 5))}, prefers={"x": 100, "y": 30},
            max_price=chance.choice((None, 700)),
            only=frozenset(f"r{each}" for each in chance.sample(range(200), 90)) if chance.random() < 0.1 else None,
        )  # fmt: skip
        far = metres(line, chance.choice(resources)) / 1000
        line = replace(line, max_km=chance.choice((None, far, far, far / 3)))
        requests.append(Request(f"q{at}", chance.choice("pq"), (line,)))
    return Problem(resources, tuple(requests))


@pytest.mark.parametrize("where", WIDTHS)
@pytest.mark.parametrize("seed", range(5))
def test_every_pair_that_the_checker_allows_is_found_in_order_with_its_metres_price_and_bonus(
    where: str, seed: int
) -> None:
    problem = territory(Random(seed), where)  # noqa: S311 - the same every time
    assert found_in(problem) == expected_in(problem)
    assert len(expected_in(problem)) > 100


def found_in(problem: Problem) -> list[Row]:
    found = pairs(compile_problem(problem))
    columns = (found.line, found.resource, found.metres, found.price, found.bonus)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def expected_in(problem: Problem) -> list[Row]:
    return [
        (
            at, number, metres(line, resource),
            resource.price.fixed + (resource.price.hour * line.minutes + 30) // 60,
            sum(cents for name, cents in line.prefers.items() if name in resource.features),
        )
        for at, request in enumerate(problem.requests)
        for line in request.lines
        for number, resource in enumerate(problem.resources)
        if not list(unfit(line, request, resource))
    ]  # fmt: skip


@pytest.mark.parametrize("where", WIDTHS)
@pytest.mark.parametrize("most", [1, 30, 1_000])
def test_a_grid_of_few_cells_finds_the_same(where: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "MOST_CELLS", most)
    problem = territory(Random(7), where)  # noqa: S311 - the same every time
    assert found_in(problem) == expected_in(problem)


def test_many_kinds_have_a_grid_of_no_more_cells_than_few() -> None:
    chance = Random(8)  # noqa: S311 - the same every time
    places = np.array([(chance.uniform(42.0, 51.0), chance.uniform(-4.0, 5.0)) for _ in range(1_000)])
    kinds, near = np.arange(1_000), np.ones(1_000)
    few, many = grid.grid_over(places, near, 3), grid.grid_over(places, near, 1_000)
    assert few.rows * few.columns > 500_000
    assert 1 < many.rows * many.columns <= grid.MOST_CELLS / 1_000
    order, begins = grid.by_cell(kinds, places, many, 1_000)
    assert sorted(order.tolist()) == kinds.tolist()
    assert len(begins) <= grid.MOST_CELLS + 1_001


def test_metres_are_the_haversines_at_every_distance() -> None:
    """The chord decides nothing that is near a half of a metre, or far away."""
    chance = Random(5)  # noqa: S311 - the same every time
    steps = [0.0, 1e-9, 4.4968e-6, 1e-5, 1e-4, 0.01, 0.5, 2.0, 2.9, 3.0, 30.0, 120.0]
    resources = tuple(
        Resource(f"{at} {turn}", "a", ("p",), (46.0 + step * chance.uniform(-0.3, 0.3), 2.0 + step * chance.random()))
        for at, step in enumerate(steps)
        for turn in range(200)
    )
    line = Line("l", "a", 5000, 60, (0, 0), at=(46.0, 2.0))
    found = pairs(compile_problem(Problem(resources, (Request("q", "p", (line,)),))))
    assert found.metres.tolist() == [metres(line, resource) for resource in resources]


def test_lines_with_more_resources_than_is_usual_have_them_all() -> None:
    chance = Random(6)  # noqa: S311 - the same every time
    resources = tuple(Resource(f"r{at}", "a", ("p",), place(chance, (46.3, -0.4), (1.0, 1.0))) for at in range(150))
    lines = [Line(f"l{at}", "a", 5000, 60, (0, 0), at=place(chance, (46.3, -0.4), (1.0, 1.0))) for at in range(30)]
    found = pairs(compile_problem(Problem(resources, tuple(Request(line.id, "p", (line,)) for line in lines))))
    assert found.line.tolist() == [at for at in range(30) for _ in resources]
    assert found.resource.tolist() == list(range(150)) * 30
    assert found.metres.tolist() == [metres(line, resource) for line in lines for resource in resources]


def test_each_of_many_poles_features_and_measures_counts() -> None:
    """More than the bits of a word."""
    names = [f"n{at:02}" for at in range(70)]
    resources = tuple(
        Resource(f"r{at}", "a", (name,), features=frozenset(names) - {name}, measures={name: 1.0, "seats": float(at)})
        for at, name in enumerate(names)
    )
    lines = [
        Line("pole", "a", 5000, 60, (0, 0)),
        Line("feature", "a", 5000, 60, (0, 0), features=frozenset(names[:68])),
        Line("measure", "a", 5000, 60, (0, 0), at_least={"seats": 69.0}),
        Line("both measures", "a", 5000, 60, (0, 0), at_least={"seats": 69.0, "n69": 2.0}),
    ]
    requests = tuple(Request(f"{line.id} {pole}", pole, (replace(line, id=f"{line.id} {pole}"),))
                     for line in lines for pole in names)  # fmt: skip
    found = pairs(compile_problem(Problem(resources, requests)))
    expected = [(at, at) for at in range(70)] + [(70 + at, at) for at in (68, 69)] + [(140 + 69, 69)]
    assert list(zip(found.line.tolist(), found.resource.tolist(), strict=True)) == expected
