"""What the solving process does: plain functions over the engine's values, which travel there and back as pickles."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pooling.matching.explanations import Alternative
from pooling.matching.problem import Budget, Plan, Prices, Problem
from pooling.planning.ready import ready
from schemas.pooling import Reason

SEED = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Lines and resources, by id, that nothing outside competes with; the first in order of the problem first."""

    lines: tuple[str, ...]
    resources: tuple[str, ...]


class Questions(NamedTuple):
    """Which lines to explain, in words: when minute 0 is, and what resources are called."""

    lines: Sequence[str]
    origin: datetime
    titles: Mapping[str, str]


class Why(NamedTuple):
    """Why a line has no place: the engine's cause, that in words, and what would help. Or what else it could have."""

    because: str | None
    reasons: Sequence[Reason] = ()
    instead: Sequence[Alternative] = ()


def divide(problem: Problem) -> list[Part]:
    """The connected parts: two lines are of one part when some resource may serve both, or they are one request's.

    A line that no resource may serve, and whose mates none may, is a part by itself, without resources.
    """
    from pooling.matching.candidates import pairs
    from pooling.matching.compiling import compile_problem

    compiled = compile_problem(problem)
    found = pairs(compiled)
    lines = len(compiled.lines)
    parent = list(range(lines + len(problem.resources)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for request, first in zip(problem.requests, compiled.requests_from.tolist(), strict=False):
        for line in range(first, first + len(request.lines)):
            parent[root(line)] = root(first)
    for line, resource in zip(found.line.tolist(), found.resource.tolist(), strict=True):
        parent[root(lines + resource)] = root(line)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for node in range(len(parent)):
        members[root(node)].append(node)
    return [
        Part(
            tuple(compiled.lines[node].id for node in nodes if node < lines),
            tuple(problem.resources[node - lines].id for node in nodes if node >= lines),
        )
        for nodes in members.values()
        if nodes[0] < lines
    ]


def plan(problems: Sequence[Problem], seconds: float) -> list[Plan]:
    """The best plan of each problem, found in `seconds` for all, without the prices that prove its bound."""
    sizes = [1 + sum(len(request.lines) for request in problem.requests) for problem in problems]
    return [_plan(each, seconds * size / sum(sizes)) for each, size in zip(problems, sizes, strict=True)]


def _plan(problem: Problem, seconds: float) -> Plan:
    from pooling.matching.solver import solve

    found = solve(problem, Budget(seconds=seconds, clock=time.monotonic), SEED)
    return replace(found, prices=Prices())


def explain(problem: Problem, plan: Plan, questions: Questions) -> dict[str, Why]:
    """Why lines that are not in the plan aren't, and where else those that are could be; by id."""
    from pooling.matching.explaining import explain
    from pooling.matching.explaining.sentences import Reader, reasons

    reader = Reader(lambda minute: questions.origin + timedelta(minutes=minute), questions.titles.get)
    found = explain(problem, plan, questions.lines)
    placed = {id_: Why(None, instead=each.alternatives) for id_, each in found.placed.items()}
    return placed | {id_: Why(each.because, reasons(each, reader)) for id_, each in found.unplaced.items()}


TASKS: dict[str, Callable[..., Any]] = {"ready": ready, "divide": divide, "plan": plan, "explain": explain}
"""By name, as the parent asks for them."""
