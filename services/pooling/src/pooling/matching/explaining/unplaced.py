"""Why lines have no place, and what would give them one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pooling.matching.compiled import NONE, Ints
from pooling.matching.compiling import Compiled
from pooling.matching.explaining.bundles import NOT_TOGETHER, NOT_WORTH_IT, verdict
from pooling.matching.explaining.columns import Columns
from pooling.matching.explaining.funnel import funnels
from pooling.matching.explaining.near_misses import near_misses
from pooling.matching.explaining.suiting import Suiting, suiting
from pooling.matching.explanations import CONDITIONS, Because, Change, NearMiss, UnplacedLine
from pooling.matching.problem import Line, Placed, Resource

CHANGES = (Change.START, Change.MAX_KM, Change.MAX_PRICE, Change.AT_LEAST, Change.FEATURES, Change.UNITS)
"""In the order of the numbers in `near_misses`."""
LEAVING_NONE = (
    *(Because.NO_SUCH_RESOURCE,) * 6, Because.TOO_FAR, Because.TOO_DEAR, Because.NOT_FREE, Because.TAKEN,
)  # fmt: skip
"""By condition, why a line isn't placed if that one leaves no resource."""

Bundle = tuple[int, ...]
"""The lines that have to be placed at once: those of a bundle that have no place, or one line."""


@dataclass(frozen=True, slots=True)
class Limited:
    """By line its limits, and by limit how many more of its lines may be placed."""

    limits_of: Mapping[int, Sequence[int]]
    left: Sequence[int]

    @classmethod
    def of(cls, compiled: Compiled, where: Mapping[str, Placed]) -> "Limited":
        """What the plan leaves."""
        limits_of: dict[int, list[int]] = {}
        left = compiled.at_most.tolist()
        for limit in range(len(left)):
            for line in compiled.limits[compiled.limits_from[limit] : compiled.limits_from[limit + 1]].tolist():
                limits_of.setdefault(line, []).append(limit)
                left[limit] -= compiled.lines[line].id in where
        return cls(limits_of, left)

    def admits(self, lines: Iterable[int]) -> bool:
        """Whether all of these lines may be placed as well."""
        more: dict[int, int] = {}
        for line in lines:
            for limit in self.limits_of.get(line, ()):
                more[limit] = more.get(limit, 0) + 1
        return all(count <= self.left[limit] for limit, count in more.items())


class Seen(NamedTuple):
    """By line: its funnel, its near misses and, if some have room, the resources that suit it and their worth."""

    counts: dict[int, list[int]]
    near_misses: dict[int, tuple[NearMiss, ...]]
    suiting: dict[int, tuple[Ints, Ints]]


def unplaced_lines(
    compiled: Compiled, columns: Columns, where: Mapping[str, Placed], numbers: Sequence[int]
) -> Iterator[UnplacedLine]:
    """The explanations of these lines, which have no place."""
    bundles = {number: bundle_of(compiled, where, number) for number in numbers}
    limited = Limited.of(compiled, where)
    seen = Seen({}, {}, {})
    every = np.array(sorted({member for bundle in bundles.values() for member in bundle}), np.int64)
    for some in suiting(compiled, every):
        look(compiled, columns, limited, some, seen)
    reasons = {bundle: because(compiled, columns, bundle, seen, limited) for bundle in set(bundles.values())}
    for number, bundle in bundles.items():
        counts = seen.counts[number]
        yield UnplacedLine(
            line=compiled.lines[number],
            because=LEAVING_NONE[counts.index(0)] if 0 in counts else reasons[bundle],
            funnel=tuple(zip(CONDITIONS, counts, strict=True)),
            near_misses=seen.near_misses.get(number, ()),
            mates=tuple(compiled.lines[mate].id for mate in bundle if mate != number and 0 in seen.counts[mate]),
        )


def look(compiled: Compiled, columns: Columns, limited: Limited, some: Suiting, seen: Seen) -> None:
    """Writes down what some lines could have."""
    counts = funnels(columns, some)
    request = compiled.needs.request[some.lines]
    alone = ~compiled.together[request] | (np.diff(compiled.requests_from)[request] == 1)
    without = (counts[:, -1] == 0) & np.array([limited.admits([line]) for line in some.lines.tolist()], bool)
    near = near_misses(columns, some, without, alone).tolist()
    suited = np.flatnonzero(some.change == NONE)
    for row, line in enumerate(some.lines.tolist()):
        seen.counts[line] = counts[row].tolist()
        if without[row]:
            seen.near_misses[line] = tuple(misses(compiled, line, near[row]))
        elif counts[row, -1]:
            own = suited[slice(*np.searchsorted(some.row[suited], (row, row + 1)))]
            seen.suiting[line] = some.resource[own], some.worth[own]


def bundle_of(compiled: Compiled, where: Mapping[str, Placed], number: int) -> Bundle:
    """The lines without a place that have to be placed with this one, itself among them."""
    request = compiled.needs.request[number]
    if not compiled.together[request]:
        return (number,)
    members = range(int(compiled.requests_from[request]), int(compiled.requests_from[request + 1]))
    return tuple(member for member in members if compiled.lines[member].id not in where)


def because(compiled: Compiled, columns: Columns, bundle: Bundle, seen: Seen, limited: Limited) -> Because:
    """Why those of the bundle that have places available aren't placed."""
    if not all(member in seen.suiting for member in bundle):
        return Because.BUNDLE
    same_start = bool(compiled.same_start[compiled.needs.request[bundle[0]]]) and len(bundle) > 1
    resources, cents = zip(*(seen.suiting[member] for member in bundle), strict=True)
    members = np.repeat(np.arange(len(bundle)), [len(own) for own in resources])
    pairs = members, np.concatenate(resources), np.concatenate(cents)
    answer = verdict(columns, np.array(bundle, np.int64), pairs, same_start)
    if answer == NOT_TOGETHER:
        return Because.BUNDLE
    if not limited.admits(bundle):
        return Because.LIMIT
    return Because.NOT_WORTH_IT if answer == NOT_WORTH_IT else Because.TIME


def misses(compiled: Compiled, number: int, rows: Sequence[Sequence[int]]) -> Iterator[NearMiss]:
    """The near misses of a line out of their rows."""
    for changed, (resource, start, size) in zip(CHANGES, rows, strict=True):
        if resource != NONE:
            given = compiled.problem.resources[resource]
            yield NearMiss(changed, altered(compiled.lines[number], given, changed, start, size), given.id, start)


def altered(line: Line, resource: Resource, changed: Change, start: int, size: int) -> Line:
    """The line as it would be: the change that lets this resource and start in, of this size."""
    match changed:
        case Change.START:
            return replace(line, start=(start, start))
        case Change.MAX_KM:
            return replace(line, max_km=size / 1000)
        case Change.MAX_PRICE:
            return replace(line, max_price=size)
        case Change.AT_LEAST:
            has = resource.measures
            return replace(line, at_least={name: min(n, has[name]) for name, n in line.at_least.items() if name in has})
        case Change.FEATURES:
            return replace(line, features=line.features & resource.features)
        case Change.UNITS:
            return replace(line, units=line.units - size)
