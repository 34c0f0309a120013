"""What may happen to a standing plan, at random."""

from dataclasses import replace
from random import Random

from pooling.matching.problem import Problem, Request, Resource
from pooling.matching.replanning import Change, StandingPlan

EVENTS = ("arrive", "cancel", "cancel_line", "break_down", "change_offer", "book")


def happen(plan: StandingPlan, chance: Random, waiting: list[Request], offers: list[Resource]) -> Change | None:
    """An event, and what came of it; None if there was nothing that it could happen to."""
    event = chance.choice(EVENTS)
    requests = sorted(plan.records.requests)
    lines = sorted(plan.records.of_line)
    placed = sorted(each.line for each in plan.placed)
    resources = sorted(plan.records.resources)
    if event == "arrive" and waiting:
        return plan.arrive(waiting.pop())
    if event == "cancel" and requests:
        return plan.cancel(chance.choice(requests))
    if event == "cancel_line" and lines:
        return plan.cancel_line(chance.choice(lines))
    if event == "break_down" and resources:
        start = chance.randrange(0, 50)
        return plan.break_down(chance.choice(resources), start, start + chance.randrange(1, 30))
    if event == "change_offer" and offers:
        return plan.change_offer(chance.choice(offers))
    if event == "book" and placed:
        return plan.book(chance.choice(placed))
    return None


def split(problem: Problem, chance: Random) -> tuple[Problem, list[Request]]:
    """The problem with some of its requests, and those that come later; limits only name lines that are there."""
    later = [request for request in problem.requests if chance.random() < 0.4]
    there = tuple(request for request in problem.requests if request not in later)
    lines = {line.id for request in there for line in request.lines}
    limits = tuple(
        replace(limit, lines=tuple(each for each in limit.lines if each in lines)) for limit in problem.limits
    )
    return replace(problem, requests=there, limits=limits), later
