"""The near misses of a line that has no place available: the smallest change of each condition, by trying them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pooling.matching.checking.beside import Beside
from pooling.matching.checking.rules import unfit
from pooling.matching.checking.score import metres, price, worth
from pooling.matching.problem import Line, Request, Resource

Sized = tuple[tuple[float, ...], Line]
"""How large a change is, and the line with it."""

CHANGES = ("start", "max_km", "max_price", "at_least", "features", "units")


def near_misses(beside: Beside, line: Line, request: Request) -> list[dict[str, Any]]:
    """By condition, in this order: what the line's field would be, the resource and the start."""
    if not beside.within_limits([line]):
        return []
    bundled = request.together and len(request.lines) > 1
    worthwhile = [
        (number, resource)
        for number, resource in enumerate(beside.problem.resources)
        if resource.kind == line.kind and request.pole in resource.poles
        if bundled or worth(line, resource, beside.problem.km_cost) > beside.opening(line, resource)
    ]
    found = []
    for condition in CHANGES:
        tried = [
            (size, number, start, other)
            for number, resource in worthwhile
            for size, other in _changed(beside, line, resource, condition)
            if next(unfit(other, request, resource), None) is None
            if (start := next(beside.starts(other, resource), None)) is not None
        ]
        if tried:
            _, number, start, other = min(tried, key=lambda each: each[:3])
            change = {condition: _written(getattr(other, condition))}
            found.append({"change": change, "resource": beside.problem.resources[number].id, "start": start})
    return found


def _written(value: object) -> object:
    """As JSON has it."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _changed(beside: Beside, line: Line, resource: Resource, condition: str) -> Iterator[Sized]:
    """The line with this condition as this resource needs it, if it isn't so already."""
    match condition:
        case "start":
            for start in _starts_outside(beside, line, resource):
                yield (max(line.start[0] - start, start - line.start[1]),), replace(line, start=(start, start))
        case "max_km" if line.max_km is not None and metres(line, resource) / 1000 > line.max_km:
            yield (metres(line, resource),), replace(line, max_km=metres(line, resource) / 1000)
        case "max_price" if line.max_price is not None and price(line, resource) > line.max_price:
            yield (price(line, resource),), replace(line, max_price=price(line, resource))
        case "at_least":
            yield from _lower_measures(line, resource)
        case "features" if not line.features <= resource.features:
            kept = line.features & resource.features
            yield (len(line.features) - len(kept),), replace(line, features=kept)
        case "units":
            yield from _fewer_units(beside, line, resource)


def _lower_measures(line: Line, resource: Resource) -> Iterator[Sized]:
    has = resource.measures
    short = {
        n: least - has.get(n, float("-inf")) for n, least in line.at_least.items() if n not in has or has[n] < least
    }
    if short:
        lower = {name: min(n, has[name]) for name, n in line.at_least.items() if name in has}
        largest = max(by / max(1.0, abs(line.at_least[name])) for name, by in short.items())
        yield (len(short), largest), replace(line, at_least=lower)


def _fewer_units(beside: Beside, line: Line, resource: Resource) -> Iterator[Sized]:
    left = [beside.units_left(line, resource, start) for start in beside.hours(line, resource)]
    units = min(line.units - 1, max(left, default=0))
    if units > 0:
        yield (line.units - units,), replace(line, units=units)


def _starts_outside(beside: Beside, line: Line, resource: Resource) -> set[int]:
    """Where the first start after the window and the last before it, on the line's step, can be.

    That is next to the window, or where a free period or something that blocks the resource begins or ends.
    """
    before, after = resource.buffer
    blocks = beside.blocks.get(resource.id, ())
    ends = [end for _, end, _, _ in blocks] + beside.remaining[resource.id].minutes
    begins = [begin for begin, _, _, _ in blocks] + beside.remaining[resource.id].minutes
    soonest = [opens for opens, _ in beside.free[resource.id]] + [end + before for end in ends]
    latest = [closes - line.minutes for _, closes in beside.free[resource.id]]
    latest += [begin - after - line.minutes for begin in begins]
    first, last = line.start[0] - line.step, line.start[1] + line.step
    return {last + max(0, -((last - each) // line.step)) * line.step for each in [last, *soonest]} | {
        first - max(0, -((each - first) // line.step)) * line.step for each in [first, *latest]
    }
