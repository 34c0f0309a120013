"""The index finds what the rules allow, best first, whatever has come, gone or been booked before."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pooling.matching.candidates import pairs
from pooling.matching.checking.rules import unfit, untimely
from pooling.matching.checking.score import metres, worth
from pooling.matching.checking.times import block, left
from pooling.matching.compiling import compile_problem
from pooling.matching.index import Candidate, Index, UnknownResource
from pooling.matching.problem import Busy, Line, Problem, Request, Resource
from tests.matching.strategies import problems

SEEDS = st.integers(0, 2**32)
often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
ALL = 10_000
ANTIPODES = [(0.0, 179.99), (0.0, -179.99), (89.9, 10.0), (89.9, -170.0), (-90.0, 0.0), (90.0, 0.0), (46.3, -0.4)]


def index_of(problem: Problem) -> Index:
    index = Index(16)
    for resource in problem.resources:
        index.offer(resource)
    for busy in problem.busy:
        index.book(busy)
    return index


def starts(problem: Problem, line: Line, resource: Resource) -> list[int]:
    """The starts that rules 5 and 6 leave, by the checker."""
    remaining = left(resource, [each for each in problem.busy if each.resource == resource.id])
    window = range(line.start[0], line.start[1] + 1, line.step)
    return [
        start
        for start in window
        if not list(untimely(line, resource, start))
        and remaining.least(*block(resource, start, start + line.minutes)) >= line.units
    ]


def expected(problem: Problem, line: Line, request: Request) -> dict[str, tuple[int, int, int]]:
    """By resource that the checker allows: score, metres and start."""
    found = {}
    for resource in problem.resources:
        possible = [] if list(unfit(line, request, resource)) else starts(problem, line, resource)
        if possible:
            at = line.current
            stays = at is not None and at.resource == resource.id and at.start in possible
            paid = problem.stability if line.current and not stays else 0
            score = worth(line, resource, problem.km_cost) - paid
            start = at.start if stays and at else possible[0]
            found[resource.id] = (score, metres(line, resource), start)
    return found


def told(candidates: list[Candidate]) -> dict[str, tuple[int, int, int]]:
    return {each.resource: (each.score, each.metres, each.start) for each in candidates}


def ranked(index: Index, problem: Problem, line: Line, request: Request, most: int = ALL) -> list[Candidate]:
    return index.ranked(line, request.pole, problem.km_cost, problem.stability, most)


def asked(problem: Problem) -> list[tuple[Line, Request]]:
    return [(line, request) for request in problem.requests for line in request.lines]


@often
@given(problems())
def test_it_finds_the_resources_that_the_checker_allows_with_their_scores(problem: Problem) -> None:
    index = index_of(problem)
    for line, request in asked(problem):
        assert told(ranked(index, problem, line, request)) == expected(problem, line, request)


@often
@given(problems())
def test_the_parts_of_a_score_add_up(problem: Problem) -> None:
    index = index_of(problem)
    for line, request in asked(problem):
        for each in ranked(index, problem, line, request):
            assert each.score == each.value + each.bonus - each.price - each.travel - each.stability
            assert each.travel == (2 * each.metres * problem.km_cost + 1000) // 2000


@often
@given(problems(most_resources=4), problems(most_resources=4), SEEDS)
def test_after_changes_it_answers_as_one_made_anew(problem: Problem, other: Problem, seed: int) -> None:
    chance, index = Random(seed), index_of(problem)  # noqa: S311 - what a seed must replay
    offers = {each.id: each for each in problem.resources}
    busy = list(problem.busy)
    for _ in range(8):
        event = chance.choice(["offer", "withdraw", "book", "release"])
        if event == "offer" and other.resources:
            changed = chance.choice(other.resources)
            index.offer(changed)
            offers[changed.id] = changed
        elif event == "withdraw" and offers:
            gone = chance.choice(sorted(offers))
            index.withdraw(gone)
            del offers[gone]
            busy = [each for each in busy if each.resource != gone]
        elif event == "book" and offers:
            start = chance.randrange(60)
            busy.append(
                Busy(chance.choice(sorted(offers)), start, start + chance.randrange(1, 20), chance.choice([1, 2]))
            )
            index.book(busy[-1])
        elif event == "release" and busy:
            index.release(busy.pop(chance.randrange(len(busy))))
    now = replace(problem, resources=tuple(offers.values()), busy=tuple(busy))
    for line, request in asked(now):
        assert told(ranked(index, now, line, request)) == expected(now, line, request)


def scattered(count: int, chance: Random) -> Problem:
    """Resources and lines all over the Earth, many of them where maps end."""

    def somewhere() -> tuple[float, float] | None:
        if chance.random() < 0.05:
            return None
        if chance.random() < 0.5:
            return chance.choice(ANTIPODES)
        return chance.uniform(-90, 90), chance.uniform(-180, 180)

    resources = tuple(
        Resource(f"r{at}", chance.choice("ab"), (chance.choice("pq"),), somewhere(), free=((0, 100),))
        for at in range(count)
    )
    requests = tuple(
        Request(
            f"q{at}", "p",
            (Line(f"l{at}", "a", 10**7, 10, (0, 0), at=somewhere(), max_km=chance.choice([1, 30, 900, 9000, None])),),
        )
        for at in range(200)
    )  # fmt: skip
    return Problem(resources, requests, km_cost=45)


def test_with_many_resources_it_finds_the_same_as_the_batch() -> None:
    problem = scattered(3000, Random(5))  # noqa: S311 - what a seed must replay
    index, batch = index_of(problem), pairs(compile_problem(problem))
    found = {
        (line.id, each.resource, each.metres)
        for line, request in asked(problem)
        for each in index.ranked(line, request.pole, 45, most=ALL)
    }
    rows = zip(batch.line.tolist(), batch.resource.tolist(), batch.metres.tolist(), strict=True)
    assert found == {(f"l{line}", f"r{resource}", distance) for line, resource, distance in rows}
    assert len(found) > 10_000


def test_the_best_ten_are_the_first_ten_of_all() -> None:
    problem = scattered(3000, Random(6))  # noqa: S311 - what a seed must replay
    index = index_of(problem)
    for line, request in asked(problem):
        every = index.ranked(line, request.pole, 45, most=ALL)
        assert [(-each.score, each.metres) for each in every] == sorted((-each.score, each.metres) for each in every)
        assert index.ranked(line, request.pole, 45) == every[:10]


@pytest.mark.parametrize("room", [0, 1, 17, 1024 + 69])
def test_whatever_its_room_at_first_it_takes_resources_that_are_each_in_a_cell_of_their_own(room: int) -> None:
    index = Index(room)
    for at in range(100):
        index.offer(Resource(f"r{at}", "a", ("p",), (46.0, at * 0.25), free=((0, 100),)))
    found = index.ranked(Line("l", "a", 100, 10, (0, 0)), "p", most=ALL)
    assert {each.resource for each in found} == {f"r{at}" for at in range(100)}


def test_what_it_does_not_know_is_told() -> None:
    index = Index()
    with pytest.raises(UnknownResource):
        index.withdraw("van-1")
    with pytest.raises(UnknownResource):
        index.book(Busy("van-1", 0, 10))
