"""The rules that a plan must keep, one line for each time that it doesn't."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pooling.matching.checking.score import Known, metres, price
from pooling.matching.checking.times import block, left, union
from pooling.matching.problem import Busy, Line, Placed, Problem, Request, Resource


def broken_rules(problem: Problem, placed: Sequence[Placed]) -> list[str]:
    """Every rule that these placements break; nothing when the plan is feasible."""
    known = Known.of(problem)
    found = list(_unknown(known, placed))
    placed = [each for each in placed if each.line in known.lines and each.resource in known.resources]
    for each in placed:
        line, request = known.lines[each.line]
        resource = known.resources[each.resource]
        says = f"{each.line!a} on {each.resource!a} at {each.start}: "
        found += [says + fault for fault in unfit(line, request, resource)]
        found += [says + fault for fault in untimely(line, resource, each.start)]
    found += _overloads(problem, known, placed)
    found += _bundles(problem, placed)
    found += _limits(problem, placed)
    return found


def _unknown(known: Known, placed: Sequence[Placed]) -> Iterator[str]:
    seen = set()
    for each in placed:
        if each.line not in known.lines:
            yield f"{each.line!a}: the problem has no such line"
        if each.resource not in known.resources:
            yield f"{each.line!a} on {each.resource!a}: the problem has no such resource"
        if each.line in seen:
            yield f"{each.line!a}: is placed more than once"
        seen.add(each.line)


def unfit(line: Line, request: Request, resource: Resource) -> Iterator[str]:
    """Why this line can't be on this resource whatever the start: rules 1 to 4."""
    if line.kind != resource.kind:
        yield f"rule 1: kind {resource.kind!a}, not {line.kind!a}"
    if request.pole not in resource.poles:
        yield f"rule 1: not a resource of the pole {request.pole!a}"
    if line.only is not None and resource.id not in line.only:
        yield "rule 1: not one of `only`"
    yield from _lacking(line, resource)
    if line.max_km is not None and metres(line, resource) / 1000 > line.max_km:
        yield f"rule 3: is {metres(line, resource)} m away, beyond {line.max_km} km"
    if line.max_price is not None and price(line, resource) > line.max_price:
        yield f"rule 4: costs {price(line, resource)} cents, above {line.max_price}"


def _lacking(line: Line, resource: Resource) -> Iterator[str]:
    for feature in sorted(line.features - resource.features):
        yield f"rule 2: has no feature {feature!a}"
    for name, least in sorted(line.at_least.items()):
        if name not in resource.measures:
            yield f"rule 2: has no measure {name!a}"
        elif resource.measures[name] < least:
            yield f"rule 2: {name!a} is {resource.measures[name]:g}, below {least:g}"
    if line.units > resource.units:
        yield f"rule 2: has {resource.units} units, and {line.units} are needed"


def untimely(line: Line, resource: Resource, start: int) -> Iterator[str]:
    """Why this line can't begin there then, whatever else is placed: its window, and rule 5."""
    earliest, latest = line.start
    if not earliest <= start <= latest:
        yield f"window: the start is not within {earliest} to {latest}"
    if (start - earliest) % line.step:
        yield f"window: the start is not a multiple of {line.step} after {earliest}"
    if not any(opens <= start and start + line.minutes <= closes for opens, closes in union(resource.free)):
        yield f"rule 5: not free from {start} to {start + line.minutes}"


def _overloads(problem: Problem, known: Known, placed: Iterable[Placed]) -> Iterator[str]:
    there: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for each in placed:
        line, resource = known.lines[each.line][0], known.resources[each.resource]
        there[each.resource].append((*block(resource, each.start, each.start + line.minutes), line.units))
    busy: dict[str, list[Busy]] = defaultdict(list)
    for period in problem.busy:
        busy[period.resource].append(period)
    for id_, blocks in there.items():
        yield from _overload(known.resources[id_], blocks, busy[id_])


def _overload(resource: Resource, blocks: list[tuple[int, int, int]], busy: list[Busy]) -> Iterator[str]:
    """The first minute at which more units are placed than what is busy leaves, counted minute by minute of change."""
    remaining = left(resource, busy)
    moments = {start for start, _, _ in blocks} | set(remaining.minutes)
    for moment in sorted(moments):
        taken = sum(units for start, end, units in blocks if start <= moment < end)
        if taken > remaining.at(moment):
            yield (
                f"{resource.id!a} at minute {moment}: rule 6: {taken} units are placed,"
                f" and {remaining.at(moment)} are left"
            )
            return


def _bundles(problem: Problem, placed: Iterable[Placed]) -> Iterator[str]:
    starts = {each.line: each.start for each in placed}
    for request in problem.requests:
        there = [line.id for line in request.lines if line.id in starts]
        if request.together and 0 < len(there) < len(request.lines):
            yield f"{request.id!a}: rule 7: {len(there)} of its {len(request.lines)} lines are placed"
        if request.same_start and len({starts[line] for line in there}) > 1:
            yield f"{request.id!a}: rule 7: its lines don't start at the same minute"


def _limits(problem: Problem, placed: Iterable[Placed]) -> Iterator[str]:
    lines = {each.line for each in placed}
    for index, limit in enumerate(problem.limits):
        count = len(lines.intersection(limit.lines))
        if count > limit.at_most:
            yield f"limits[{index}]: rule 8: {count} of its lines are placed, and {limit.at_most} are the most"
