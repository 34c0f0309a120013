"""A plan kept up to date: after whatever happens it keeps the rules, is worth what it says, and moves little."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pooling.matching.checking import broken_rules, value_of
from pooling.matching.problem import Budget, Placed, Problem
from pooling.matching.replanning import Change, StandingPlan
from pooling.matching.solver import solve
from tests.matching.events import happen, split
from tests.matching.strategies import problems

SEEDS = st.integers(0, 2**32)
often = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def begun(problem: Problem) -> StandingPlan:
    """A plan to begin with."""
    return StandingPlan(problem, solve(problem, Budget(rounds=3), 1).placed)


def story(problem: Problem, other: Problem, seed: int) -> tuple[StandingPlan, list[tuple[Problem, Problem, Change]]]:
    """A plan after some events, and for each the problem before and after it, and what came of it."""
    chance = Random(seed)  # noqa: S311 - what a seed must replay
    fewer, later = split(problem, chance)
    plan, told = begun(fewer), []
    for _ in range(6):
        before = plan.problem()
        change = happen(plan, chance, later, list(other.resources))
        if change is not None:
            told.append((before, plan.problem(), change))
    return plan, told


def proposals(problem: Problem) -> list[Placed]:
    """Where the lines of a problem are now."""
    return [
        Placed(line.id, line.current.resource, line.current.start)
        for request in problem.requests
        for line in request.lines
        if line.current
    ]


@often
@given(problems(most_lines=6), problems(), SEEDS)
def test_after_every_event_the_plan_keeps_the_rules_and_is_worth_what_it_says(
    problem: Problem, other: Problem, seed: int
) -> None:
    plan, told = story(problem, other, seed)
    for before, after, change in told:
        placed = proposals(after)
        assert broken_rules(after, placed) == []
        assert value_of(after, placed) - value_of(before, proposals(before)) == change.gain
    assert set(plan.placed) == set(proposals(plan.problem()))
    assert value_of(plan.problem(), plan.placed) == plan.value


@often
@given(problems(most_lines=6), problems(), SEEDS)
def test_a_proposal_moves_only_for_more_than_its_stability(problem: Problem, other: Problem, seed: int) -> None:
    _, told = story(problem, other, seed)
    for before, after, change in told:
        placed = {each.line: each for each in proposals(after)}
        for move in change.moves:
            if move.before is None:
                continue
            stayed = {line: each for line, each in placed.items() if line != move.line} | {move.line: move.before}
            if move.before.resource in {each.id for each in after.resources} and not broken_rules(
                after, list(stayed.values())
            ):
                gain = value_of(after, placed.values()) - value_of(without_current(after), stayed.values())
                assert gain > before.stability


def without_current(problem: Problem) -> Problem:
    """The problem, nothing proposed."""
    return replace(
        problem,
        requests=tuple(
            replace(request, lines=tuple(replace(line, current=None) for line in request.lines))
            for request in problem.requests
        ),
    )


@often
@given(problems(most_lines=6), problems(), SEEDS)
def test_what_is_accepted_never_moves(problem: Problem, other: Problem, seed: int) -> None:
    _, told = story(problem, other, seed)
    for before, after, change in told:
        kept = list(after.busy)
        for busy in before.busy:
            kept.remove(busy)
        lines = {line.id for request in after.requests for line in request.lines}
        assert {move.line for move in change.moves} <= lines


@often
@given(problems(most_lines=6), problems(), SEEDS)
def test_the_same_events_have_the_same_plan(problem: Problem, other: Problem, seed: int) -> None:
    once, again = story(problem, other, seed), story(problem, other, seed)
    assert once[1] == again[1]
    assert once[0].placed == again[0].placed


@often
@given(problems(most_lines=6))
def test_a_request_that_comes_and_goes_leaves_no_trace(problem: Problem) -> None:
    if not problem.requests or problem.limits:
        return
    fewer, guest = replace(problem, requests=problem.requests[:-1]), problem.requests[-1]
    plan = begun(fewer)
    before, value = plan.problem(), plan.value
    came = plan.arrive(guest)
    brought = plan.value
    plan.cancel(guest.id)
    after = plan.problem()
    assert without_current(after) == without_current(before)
    moved = sum(move.before is not None for move in came.moves)
    assert brought - value > problem.stability * moved or not came.moves
    assert broken_rules(after, plan.placed) == []
