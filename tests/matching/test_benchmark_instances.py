"""The benchmark's problems are the same everywhere, and its peers see of them exactly what the rules allow."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from math import asin, cos, floor, radians, sin, sqrt

import pytest

from benchmarks.matching import shift_minimisation
from benchmarks.matching.arcs import arcs_of
from benchmarks.matching.families import FAMILIES
from benchmarks.matching.instances import problem_of
from pooling.matching.problem import Line, Problem, Resource

RECORDED = {
    "fixed": "dacd2950053a",
    "clustered": "5bc2f4315471",
    "scarce": "0c17512b930a",
    "plentiful": "83ced926b9e0",
    "days": "7ce03dfada32",
    "flexible": "c46ffea16c7c",
    "bundles": "f36546b151f1",
    "units": "ef409528a921",
    "everything": "bb68cdc4d872",
    "one-to-one": "2826bbd07f4c",
}

TEXT = """# Randomly generated data
Type = 1
Jobs = 3
  0  60
 60 120
 30  90
Qualifications = 2
  2:   0   1
  1:   2
"""


def digest(problem: Problem) -> str:
    """A few letters that change with anything in the problem, in whatever order its sets are."""
    told = repr(_plain(asdict(problem)))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in sorted(value.items())}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_the_recorded_problem_on_every_machine(family: str) -> None:
    assert digest(problem_of(family, 200, 7)) == RECORDED[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_another_seed_gives_another_problem(family: str) -> None:
    assert problem_of(family, 200, 8) != problem_of(family, 200, 7)


@pytest.mark.parametrize("family", ["everything", "bundles", "days"])
def test_the_peers_have_exactly_the_placements_that_the_rules_allow(family: str) -> None:
    problem = problem_of(family, 120, 3)
    arcs = arcs_of(problem)
    found = list(zip(*(each.tolist() for each in (arcs.line, arcs.resource, arcs.start, arcs.score)), strict=True))
    assert found == list(allowed(problem))


def allowed(problem: Problem) -> Iterator[tuple[int, int, int, int]]:
    """Rules 1 to 5 and the score of a placement, one by one, as the format's text has them."""
    pairs = [(request, line) for request in problem.requests for line in request.lines]
    for at, (request, line) in enumerate(pairs):
        for index, resource in enumerate(problem.resources):
            if line.kind != resource.kind or request.pole not in resource.poles:
                continue
            if line.only is not None and resource.id not in line.only:
                continue
            if fits(line, resource):
                for start in range(line.start[0], line.start[1] + 1, line.step):
                    if any(begin <= start and start + line.minutes <= end for begin, end in resource.free):
                        yield at, index, start, score(problem, line, resource, start)


def fits(line: Line, resource: Resource) -> bool:
    """Features, measures, units, distance and price."""
    measured = all(resource.measures.get(name, float("-inf")) >= least for name, least in line.at_least.items())
    near = line.max_km is None or metres(line, resource) <= line.max_km * 1000
    cheap = line.max_price is None or price(line, resource) <= line.max_price
    return line.features <= resource.features and measured and line.units <= resource.units and near and cheap


def score(problem: Problem, line: Line, resource: Resource, start: int) -> int:
    """Cents, opening and what not being placed costs apart."""
    bonus = sum(cents for name, cents in line.prefers.items() if name in resource.features)
    way = floor(metres(line, resource) * problem.km_cost / 1000 + 0.5)
    current = line.current
    stays = current is not None and (current.resource, current.start) == (resource.id, start)
    placed = problem.stability if stays else 0
    return line.value + bonus - price(line, resource) - way + placed


def price(line: Line, resource: Resource) -> int:
    """Cents."""
    return floor(resource.price.fixed + resource.price.hour * line.minutes / 60 + 0.5)


def metres(line: Line, resource: Resource) -> int:
    """Great circle, rounded half up."""
    if line.at is None or resource.at is None:
        return 0
    (north, east), (row, column) = (tuple(map(radians, place)) for place in (line.at, resource.at))
    half = sin((row - north) / 2) ** 2 + cos(north) * cos(row) * sin((column - east) / 2) ** 2
    return floor(2 * 6_371_008.8 * asin(sqrt(half)) + 0.5)


def test_a_public_instance_is_read_and_shuffled() -> None:
    instance = shift_minimisation.parse("example", TEXT)
    assert instance.tasks == ((0, 60), (60, 120), (30, 90))
    assert instance.workers == ((0, 1), (2,))
    assert instance.least == 2
    orders = {tuple(each.lines[0].start[0] for each in problem.requests) for problem in shuffled(instance)}
    assert len(orders) > 1


def test_shuffling_leaves_each_task_with_its_workers() -> None:
    for problem in shuffled(shift_minimisation.parse("example", TEXT)):
        able = {each.lines[0].start[0]: each.lines[0].only for each in problem.requests}
        assert able[0] == able[60]
        assert able[0] != able[30]


def shuffled(instance: shift_minimisation.Instance) -> list[Problem]:
    """The instance's problem for several seeds."""
    return [shift_minimisation.problem_of(instance, seed) for seed in range(6)]
