"""A `Problem` as columns of numbers: what the search reads instead of Python objects.

Lines and resources are numbered in the order of the problem, so names change nothing. Sets of features and of poles are
bits in 64-bit words; measures are a matrix in which what a resource lacks is minus infinity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pooling.matching.compiled import NEVER, NONE, Flags, Floats, Ints, Words
from pooling.matching.problem import Line, Problem

UNLIMITED = np.inf


@dataclass(frozen=True, slots=True)
class Offers:
    """Resources as columns. `free` and `busy` are rows (start, end[, units]) by resource through their `_from`."""

    kind: Ints
    poles: Words
    place: Floats
    units: Ints
    features: Words
    measures: Floats
    before: Ints
    after: Ints
    fixed: Ints
    hour: Ints
    opening: Ints
    free_from: Ints
    free: Ints
    busy_from: Ints
    busy: Ints


@dataclass(frozen=True, slots=True)
class Needs:
    """Lines as columns. `request` numbers the request; `only` and `bonus` are rows by line through their `_from`."""

    request: Ints
    kind: Ints
    pole: Ints
    place: Floats
    farthest: Floats
    features: Words
    measures: Floats
    units: Ints
    value: Ints
    minutes: Ints
    earliest: Ints
    latest: Ints
    step: Ints
    dearest: Ints
    restricted: Flags
    only_from: Ints
    only: Ints
    bonus_from: Ints
    bonus: Ints
    current_resource: Ints
    current_start: Ints


@dataclass(frozen=True, slots=True)
class Compiled:
    """The whole problem.

    `together` and `same_start` are by request; `limits` are line numbers through `limits_from`.
    """

    problem: Problem
    offers: Offers
    needs: Needs
    lines: tuple[Line, ...]
    requests_from: Ints
    together: Flags
    same_start: Flags
    limits_from: Ints
    limits: Ints
    at_most: Ints


def compile_problem(problem: Problem) -> Compiled:
    """The problem's columns. Raises `KeyError` when it names a resource or line that it does not hold."""
    lines = tuple(chain.from_iterable(request.lines for request in problem.requests))
    kinds = numbered(chain((r.kind for r in problem.resources), (line.kind for line in lines)))
    poles = numbered(chain((q.pole for q in problem.requests), chain.from_iterable(r.poles for r in problem.resources)))
    features = numbered(chain.from_iterable(ordered_features(line) for line in lines))
    measures = numbered(chain.from_iterable(sorted(line.at_least) for line in lines))
    number_of = {line.id: number for number, line in enumerate(lines)}
    limits_from, limits = rows([[number_of[line] for line in limit.lines] for limit in problem.limits])
    return Compiled(
        problem=problem,
        offers=offers(problem, kinds, poles, features, measures),
        needs=needs(problem, lines, kinds, poles, features, measures),
        lines=lines,
        requests_from=offsets(len(request.lines) for request in problem.requests),
        together=np.array([request.together for request in problem.requests], bool),
        same_start=np.array([request.same_start for request in problem.requests], bool),
        limits_from=limits_from,
        limits=limits,
        at_most=whole(limit.at_most for limit in problem.limits),
    )


def offers(
    problem: Problem,
    kinds: Mapping[str, int],
    poles: Mapping[str, int],
    features: Mapping[str, int],
    measures: Mapping[str, int],
) -> Offers:
    """The resources' columns."""
    given = problem.resources
    number_of = {resource.id: number for number, resource in enumerate(given)}
    taken: list[list[tuple[int, int, int]]] = [[] for _ in given]
    for busy in problem.busy:
        taken[number_of[busy.resource]].append((busy.start, busy.end, busy.units))
    free_from, free = rows([merged(resource.free) for resource in given], 2)
    busy_from, periods = rows([sorted(periods) for periods in taken], 3)
    return Offers(
        kind=whole(kinds[r.kind] for r in given),
        poles=bits([[poles[pole] for pole in r.poles] for r in given], len(poles)),
        place=places([r.at for r in given]),
        units=whole(r.units for r in given),
        features=bits([[features[name] for name in r.features if name in features] for r in given], len(features)),
        measures=matrix([r.measures for r in given], measures),
        before=whole(r.buffer[0] for r in given),
        after=whole(r.buffer[1] for r in given),
        fixed=whole(r.price.fixed for r in given),
        hour=whole(r.price.hour for r in given),
        opening=whole(r.opening for r in given),
        free_from=free_from,
        free=free,
        busy_from=busy_from,
        busy=periods,
    )


def needs(
    problem: Problem,
    lines: Sequence[Line],
    kinds: Mapping[str, int],
    poles: Mapping[str, int],
    features: Mapping[str, int],
    measures: Mapping[str, int],
) -> Needs:
    """The lines' columns."""
    number_of = {resource.id: number for number, resource in enumerate(problem.resources)}
    only_from, only = rows([sorted(number_of[name] for name in line.only or ()) for line in lines])
    bonus_from, bonus = rows([sorted((features[f], cents) for f, cents in line.prefers.items()) for line in lines], 2)
    return Needs(
        request=whole(number for number, request in enumerate(problem.requests) for _ in request.lines),
        kind=whole(kinds[line.kind] for line in lines),
        pole=whole(poles[request.pole] for request in problem.requests for _ in request.lines),
        place=places([line.at for line in lines]),
        farthest=np.array([UNLIMITED if line.max_km is None else line.max_km for line in lines], float),
        features=bits([[features[name] for name in line.features] for line in lines], len(features)),
        measures=matrix([line.at_least for line in lines], measures),
        units=whole(line.units for line in lines),
        value=whole(line.value for line in lines),
        minutes=whole(line.minutes for line in lines),
        earliest=whole(line.start[0] for line in lines),
        latest=whole(line.start[1] for line in lines),
        step=whole(line.step for line in lines),
        dearest=whole(int(NEVER) if line.max_price is None else line.max_price for line in lines),
        restricted=np.array([line.only is not None for line in lines], bool),
        only_from=only_from,
        only=only,
        bonus_from=bonus_from,
        bonus=bonus,
        current_resource=whole(NONE if line.current is None else number_of[line.current.resource] for line in lines),
        current_start=whole(0 if line.current is None else line.current.start for line in lines),
    )


def ordered_features(line: Line) -> list[str]:
    """What a line requires or prefers, in an order that does not depend on hashing."""
    return sorted(line.features) + list(line.prefers)


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Each name's number, in order of first appearance."""
    found: dict[str, int] = {}
    for name in names:
        found.setdefault(name, len(found))
    return found


def whole(numbers: Iterable[int]) -> Ints:
    """A column of integers."""
    return np.fromiter(numbers, np.int64)


def offsets(lengths: Iterable[int]) -> Ints:
    """Where each row begins, and where the last ends."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(whole(lengths), dtype=np.int64)))


def rows(items: Sequence[Sequence[object]], width: int = 1) -> tuple[Ints, Ints]:
    """Lists of different lengths as one array and where each begins."""
    flat = np.array(list(chain.from_iterable(items)), np.int64)
    return offsets(len(item) for item in items), flat if width == 1 else flat.reshape(-1, width)


def bits(members: Sequence[Sequence[int]], size: int) -> Words:
    """Sets of numbers below `size` as bits of 64-bit words."""
    words = np.zeros((len(members), max(1, (size + 63) // 64)), np.uint64)
    for row, numbers in enumerate(members):
        for number in numbers:
            words[row, number >> 6] |= np.uint64(1 << (number & 63))
    return words


def matrix(given: Sequence[Mapping[str, float]], columns: Mapping[str, int]) -> Floats:
    """Measures by column; what is not there is minus infinity: less than any asked for, and asking for nothing."""
    found = np.full((len(given), max(1, len(columns))), -np.inf)
    for row, measures in enumerate(given):
        for name, amount in measures.items():
            if name in columns:
                found[row, columns[name]] = amount
    return found


def places(given: Sequence[tuple[float, float] | None]) -> Floats:
    """Latitude and longitude in degrees; NaN where there is no place."""
    return np.array([(np.nan, np.nan) if at is None else at for at in given], float).reshape(-1, 2)


def merged(periods: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of half-open periods, in order, touching ones joined."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(periods):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        elif end > start:
            union.append((start, end))
    return union
