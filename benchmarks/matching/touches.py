"""What real days add to a problem: accepted bookings, limits, proposals that stand already, and named resources."""

from dataclasses import replace

import numpy as np

from benchmarks.matching.arcs import arcs_of
from benchmarks.matching.chance import Chance
from benchmarks.matching.offers import OPEN
from pooling.matching.problem import Busy, Current, Limit, Line, Problem, Request, Resource

STABILITY = 500
MEMBER = 5
"""So many neighbouring requests are one member's, of which a limit may hold."""


def everything(problem: Problem, chance: Chance) -> Problem:
    """The problem with all of it."""
    changed = _changed(problem, chance)
    requests = tuple(
        replace(request, lines=tuple(changed[line.id] for line in request.lines)) for request in problem.requests
    )
    busy, limits = _busy(problem.resources, chance), _limits(requests, chance)
    return replace(problem, requests=requests, busy=busy, limits=limits, stability=STABILITY)


def _busy(resources: tuple[Resource, ...], chance: Chance) -> tuple[Busy, ...]:
    """A booking of two to five hours on two in five resources, on one of their days."""
    count = len(resources)
    there = chance.happens("booked", count, 40).tolist()
    day, begin = chance.whole("booked day", count, 0, 6).tolist(), chance.whole("booked from", count, 0, 18).tolist()
    long, units = chance.whole("booked for", count, 4, 10).tolist(), chance.whole("booked units", count, 1, 2).tolist()
    return tuple(
        Busy(resource.id, start := resource.free[day[at] % len(resource.free)][0] + 30 * begin[at],
             start + 30 * long[at], min(units[at], resource.units))
        for at, resource in enumerate(resources) if there[at]
    )  # fmt: skip


def _limits(requests: tuple[Request, ...], chance: Chance) -> tuple[Limit, ...]:
    """Every fourth member may have but three in five of the lines that it asks for."""
    members = [requests[at : at + MEMBER] for at in range(0, len(requests), MEMBER)]
    limited = chance.happens("member limited", len(members), 25).tolist()
    lines = [tuple(line.id for request in member for line in request.lines) for member in members]
    return tuple(Limit(ids, max(1, len(ids) * 3 // 5)) for ids, tight in zip(lines, limited, strict=True) if tight)


def _changed(problem: Problem, chance: Chance) -> dict[str, Line]:
    """Each line: one in five has a current that fits beside the other currents, one in twenty names its resources."""
    arcs = arcs_of(problem)
    lines = [line for request in problem.requests for line in request.lines]
    edges = np.searchsorted(arcs.line, np.arange(len(lines) + 1)).tolist()
    proposed = chance.happens("proposed", len(lines), 20).tolist()
    naming = chance.happens("naming", len(lines), 5).tolist()
    which = chance.whole("which", len(lines), 0, 1_000_000).tolist()
    taken: dict[int, list[tuple[int, int]]] = {}
    changed = {line.id: line for line in lines}
    for at, line in enumerate(lines):
        first, count = edges[at], edges[at + 1] - edges[at]
        if not count:
            continue
        one = first + which[at] % count
        resource, start = int(arcs.resource[one]), int(arcs.start[one])
        if proposed[at] and _fits(taken.setdefault(resource, []), start, line.minutes):
            changed[line.id] = replace(changed[line.id], current=Current(problem.resources[resource].id, start))
        if naming[at]:
            ids = {
                problem.resources[other].id
                for other in arcs.resource[first : first + count].tolist()[:: 1 + which[at] % 3]
            }
            changed[line.id] = replace(changed[line.id], only=frozenset(ids | {problem.resources[resource].id}))
    return changed


def _fits(taken: list[tuple[int, int]], start: int, minutes: int) -> bool:
    """Whether nothing that is taken is within an hour of it; if so, it is taken too."""
    if any(start < end + OPEN // 8 and begin < start + minutes + OPEN // 8 for begin, end in taken):
        return False
    taken.append((start, start + minutes))
    return True
