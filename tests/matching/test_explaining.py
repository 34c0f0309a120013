"""Explanations say what trying everything says."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pooling.matching.checking import broken_rules, value_of
from pooling.matching.explaining import explain
from pooling.matching.problem import Busy, Current, Line, Placed, Plan, Price, Problem, Request, Resource
from tests.matching import brute, plainly
from tests.matching.example import problem as example
from tests.matching.strategies import Draw, problems

thorough = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(thorough, max_examples=100)


@st.composite
def plans(draw: Draw) -> tuple[Problem, Plan]:
    """A problem and a plan that keeps its rules, seldom the best."""
    problem = draw(problems())
    placed: plainly.Plan = ()
    for request in draw(st.permutations(problem.requests)):
        if draw(st.integers(0, 3)):
            placed = with_request(draw, problem, placed, request)
    return problem, Plan(brute.objective(problem, placed), 0, placed)


def with_request(draw: Draw, problem: Problem, placed: plainly.Plan, request: Request) -> plainly.Plan:
    """The plan with this request's lines where there is room, if that keeps the rules."""
    more = placed
    for line in request.lines:
        if rooms := plainly.rooms(problem, more, line, request):
            more += (draw(st.sampled_from(rooms)),)
    return more if not broken_rules(problem, more) else placed


def lines_of(problem: Problem) -> Iterator[tuple[Line, Request]]:
    return ((line, request) for request in problem.requests for line in request.lines)


@thorough
@given(plans())
def test_a_placed_line_has_its_score_and_the_best_alternatives(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    explained = explain(problem, plan).placed
    where = {place.line: place for place in plan.placed}
    assert list(explained) == [line.id for line, _ in lines_of(problem) if line.id in where]
    for line, request in lines_of(problem):
        if line.id in where:
            found = explained[line.id]
            assert Placed(line.id, found.resource, found.start) == where[line.id]
            instead = [(each.resource, each.start, each.difference) for each in found.alternatives]
            assert instead == plainly.alternatives(problem, plan.placed, line, request)
            assert found.score.total == without_opening(problem, plan.placed, line)


def without_opening(problem: Problem, placed: plainly.Plan, line: Line) -> int:
    """What the plan loses without the line, its resource being open and its request whole."""
    free = Problem(
        tuple(replace(each, opening=0) for each in problem.resources),
        (Request("alone", "niort", (line,)),),
        problem.km_cost,
        problem.stability,
    )
    return brute.objective(free, tuple(place for place in placed if place.line == line.id))


@some
@given(plans())
def test_an_alternative_keeps_every_rule_and_is_worth_what_it_says(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    for line, each in explain(problem, plan).placed.items():
        others = tuple(place for place in plan.placed if place.line != line)
        for instead in each.alternatives:
            moved = (*others, Placed(line, instead.resource, instead.start))
            assert broken_rules(problem, moved) == []
            assert value_of(problem, moved) == plan.value + instead.difference


@thorough
@given(plans())
def test_an_unplaced_line_has_its_funnel_its_reason_and_what_would_help(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    explained = explain(problem, plan).unplaced
    where = {place.line for place in plan.placed}
    assert list(explained) == [line.id for line, _ in lines_of(problem) if line.id not in where]
    for line, request in lines_of(problem):
        if line.id not in where:
            found = explained[line.id]
            assert [count for _, count in found.funnel] == plainly.funnel(problem, plan.placed, line, request)
            assert found.because == plainly.because(problem, plan.placed, line, request)
            said = [(each.changed, getattr(each.line, each.changed), each.resource, each.start)
                    for each in found.near_misses]  # fmt: skip
            assert said == plainly.near_misses(problem, plan.placed, line, request)


@some
@given(plans())
def test_the_lines_asked_for_are_explained_as_among_all(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    every = explain(problem, plan)
    for line, _ in lines_of(problem):
        alone = explain(problem, plan, [line.id])
        assert {**alone.placed, **alone.unplaced} == {line.id: {**every.placed, **every.unplaced}[line.id]}


def test_a_line_or_resource_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        explain(example(), Plan(0, 0, ()), ["nobody"])
    with pytest.raises(KeyError):
        explain(example(), Plan(0, 0, (Placed("errand-van", "no-van", 540),)))


def elsewhere(rooms: dict[str, int], **asked: object) -> list[tuple[str, int, int]]:
    """What a line on the first of these rooms, which cost so much, could have instead."""
    free = tuple(
        Resource(name, "room", ("niort",), free=((0, 600),), price=Price(fixed)) for name, fixed in rooms.items()
    )
    line = replace(Line("talk", "room", 5000, 60, (0, 240), 60), **asked)  # type: ignore[arg-type]  # fields of a line
    first = next(iter(rooms))
    problem = Problem(free, (Request("for-talk", "niort", (line,)),), stability=70)
    found = explain(problem, Plan(0, 0, (Placed("talk", first, 0),))).placed["talk"].alternatives
    return [(each.resource, each.start, each.difference) for each in found]


def test_other_rooms_are_told_before_other_hours_of_the_same_room() -> None:
    many = {"own": 100, "dear": 400, "cheap": 0, "same": 100, "fair": 200}
    assert elsewhere(many) == [("cheap", 0, 100), ("own", 60, 0), ("same", 0, 0)]
    assert elsewhere(many, current=Current("dear", 120)) == [("cheap", 0, 100), ("own", 60, 0), ("same", 0, 0)]
    assert elsewhere(many, current=Current("fair", 120)) == [("cheap", 0, 100), ("own", 60, 0), ("same", 0, 0)]
    assert elsewhere(many, current=Current("cheap", 120)) == [("cheap", 120, 170), ("own", 60, 0), ("same", 0, 0)]


def test_hours_of_the_same_room_make_up_for_too_few_rooms() -> None:
    assert elsewhere({"own": 100}) == [("own", 60, 0), ("own", 120, 0), ("own", 180, 0)]
    assert elsewhere({"own": 100, "dear": 400}) == [("own", 60, 0), ("own", 120, 0), ("dear", 0, -300)]
    assert elsewhere({"own": 100, "cheap": 0}) == [("cheap", 0, 100), ("cheap", 60, 100), ("own", 60, 0)]
    at_home = elsewhere({"own": 100, "cheap": 0}, current=Current("cheap", 120))
    assert at_home == [("cheap", 120, 170), ("cheap", 0, 100), ("own", 60, 0)]


def test_what_is_busy_for_no_time_is_in_nobodys_way() -> None:
    van = Resource("van", "vehicle", ("niort",), (46.32, -0.46), 2, free=((0, 60),))
    trip = Request("trip", "niort", (Line("both", "vehicle", 200, 5, (5, 10), 5, units=2),))
    problem = Problem((van,), (trip,), busy=(Busy("van", 6, 6),))
    moved = explain(problem, Plan(200, 200, (Placed("both", "van", 5),))).placed["both"].alternatives
    assert [(each.resource, each.start) for each in moved] == [("van", 10)]
