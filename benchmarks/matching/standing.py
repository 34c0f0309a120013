"""`python -m benchmarks.matching.standing FAMILY LINES SEED ANSWER.json`: a standing plan, event after event.

A plan of nineteen in twenty of the requests is solved; then the others arrive, and as often requests are cancelled,
resources break down for ten hours, offers move to other days, and proposals are accepted, in turn by chance. What is
left in the end is solved anew in as many rounds, without what is proposed by then. Events are timed by the processor.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from benchmarks.matching.cases import Case
from pooling.matching.checking import broken_rules, value_of
from pooling.matching.problem import Budget, Problem, Request
from pooling.matching.replanning import Change, StandingPlan
from pooling.matching.solver import solve

EVENTS = 500
ROUNDS = 80
STABILITY = 500
DAY = 1440
WARM = 10


def measure(family: str, lines: int, seed: int) -> dict[str, float]:
    """Milliseconds by event, moves, and how far the plan is behind solving anew (a share of that value)."""
    chance = Random(seed)  # noqa: S311 - the same on every machine
    whole = replace(Case(family, lines, seed, 0.0).problem(), stability=STABILITY)
    some, later = split(whole, chance)
    began = time.process_time()
    plan = StandingPlan(some, solve(some, Budget(rounds=ROUNDS), seed).placed)
    found = {"begun_seconds": time.process_time() - began}
    taken: dict[str, list[float]] = {}
    moves = 0
    for at in range(WARM + EVENTS):
        name, event = chosen(plan, later, chance)
        began = time.process_time()
        change = event()
        if at >= WARM:
            taken.setdefault(name, []).append(1000 * (time.process_time() - began))
            moves += len(change.moves)
    taken["event"] = [ms for each in list(taken.values()) for ms in each]
    for name, each in sorted(taken.items()):
        found |= {f"{name}, median": ranked(each, 50), f"{name}, p99": ranked(each, 99)}
    return found | {"moves": moves / EVENTS} | compared(plan, seed)


def compared(plan: StandingPlan, seed: int) -> dict[str, float]:
    """The plan beside one that is solved anew, and whether it is right."""
    now = plan.problem()
    anew = solve(without_proposals(now), Budget(rounds=ROUNDS), seed)
    wrong = len(broken_rules(now, plan.placed)) + (value_of(now, plan.placed) != plan.value)
    behind = 1 - plan.value / anew.value
    return {"value": plan.value, "anew": anew.value, "bound": anew.bound, "behind": behind, "wrong": wrong}


def split(whole: Problem, chance: Random) -> tuple[Problem, list[Request]]:
    """The problem without one in twenty of the requests that no limit names, and those."""
    limited = {line for limit in whole.limits for line in limit.lines}
    free = [each for each in whole.requests if not any(line.id in limited for line in each.lines)]
    later = chance.sample(free, len(free) // 20)
    names = {each.id for each in later}
    return replace(whole, requests=tuple(each for each in whole.requests if each.id not in names)), later


def chosen(plan: StandingPlan, later: list[Request], chance: Random) -> tuple[str, Callable[[], Change]]:
    """An event by chance: its name, and what makes it happen."""
    records = plan.records
    name = chance.choice(("arrival", "cancellation", "breakdown", "changed offer", "acceptance"))
    if name == "arrival" and later:
        request = later.pop()
        return name, lambda: plan.arrive(request)
    if name == "breakdown":
        resource, start = chance.choice(list(records.resources)), chance.randrange(7 * DAY)
        return name, lambda: plan.break_down(resource, start, start + 600)
    if name == "changed offer":
        offered = chance.choice(list(records.resources.values()))
        days = sorted(chance.sample(range(7), 3))
        other = replace(offered, free=tuple((day * DAY + 480, day * DAY + 1140) for day in days))
        return name, lambda: plan.change_offer(other)
    if name == "acceptance":
        line = chance.choice(list(records.placed))
        return name, lambda: plan.book(line)
    gone = chance.choice(list(records.requests))
    return "cancellation", lambda: plan.cancel(gone)


def ranked(numbers: list[float], percent: int) -> float:
    """The number below which so many of a hundred are."""
    return sorted(numbers)[len(numbers) * percent // 100]


def without_proposals(problem: Problem) -> Problem:
    """The same with nothing proposed yet, so that nothing is kept for stability's sake."""
    return replace(
        problem,
        requests=tuple(
            replace(request, lines=tuple(replace(line, current=None) for line in request.lines))
            for request in problem.requests
        ),
    )


if __name__ == "__main__":
    found = measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    Path(sys.argv[4]).write_text(json.dumps(found))
