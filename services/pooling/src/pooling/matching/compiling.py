"""A `Problem` as columns of numbers: what the search reads instead of Python objects.

Lines and resources are numbered in the order of the problem, so names change nothing. Sets of features and of poles are
bits in 64-bit words; measures are a matrix in which what a resource lacks is minus infinity.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pooling.matching.compiled import NEVER, NONE, Flags, Floats, Ints, Words, compiled
from pooling.matching.problem import Line, Problem, Resource

UNLIMITED = np.inf
NOWHERE = (np.nan, np.nan)


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
class Names:
    """The numbers of what is named."""

    resources: Mapping[str, int]
    kinds: Mapping[str, int]
    poles: Mapping[str, int]
    features: Mapping[str, int]
    measures: Mapping[str, int]


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
    """The problem's columns.

    Raises `KeyError` when it names a resource or line that it does not hold, `ValueError` when a line takes no time or
    has no step.
    """
    lines = tuple(chain.from_iterable(request.lines for request in problem.requests))
    limits_from, limits = limited(problem, lines)
    names = Names(
        resources={resource.id: number for number, resource in enumerate(problem.resources)},
        kinds=numbered(chain((r.kind for r in problem.resources), (line.kind for line in lines))),
        poles=numbered(chain((q.pole for q in problem.requests), *(r.poles for r in problem.resources))),
        features=numbered(chain(*wanted_features(lines), *(line.prefers for line in lines))),
        measures=numbered(chain.from_iterable(line.at_least for line in lines)),
    )
    needed = needs(problem, lines, names)
    endless = np.flatnonzero((needed.minutes < 1) | (needed.step < 1))
    if len(endless):
        raise ValueError(f"line {lines[endless[0]].id}: minutes and step must be at least 1")
    return Compiled(
        problem=problem,
        offers=offers(problem, names),
        needs=needed,
        lines=lines,
        requests_from=offsets([len(request.lines) for request in problem.requests]),
        together=np.array([request.together for request in problem.requests], bool),
        same_start=np.array([request.same_start for request in problem.requests], bool),
        limits_from=limits_from,
        limits=limits,
        at_most=whole([limit.at_most for limit in problem.limits]),
    )


def offers(problem: Problem, names: Names) -> Offers:
    """The resources' columns."""
    given = problem.resources
    free_from, free = free_periods(given)
    busy_from, busy = busy_periods(problem, names)
    return Offers(
        kind=whole([names.kinds[r.kind] for r in given]),
        poles=bits_of([r.poles for r in given], names.poles),
        place=places([r.at for r in given]),
        units=whole([r.units for r in given]),
        features=bits_of([r.features for r in given], names.features),
        measures=matrix([r.measures for r in given], names.measures),
        before=whole([r.buffer[0] for r in given]),
        after=whole([r.buffer[1] for r in given]),
        fixed=whole([r.price.fixed for r in given]),
        hour=whole([r.price.hour for r in given]),
        opening=whole([r.opening for r in given]),
        free_from=free_from,
        free=free,
        busy_from=busy_from,
        busy=busy,
    )


def free_periods(given: Sequence[Resource]) -> tuple[Ints, Ints]:
    """Where each resource's free periods begin, and these: in order, touching ones joined."""
    sizes = [len(r.free) for r in given]
    rows = whole(chain.from_iterable(chain.from_iterable(r.free for r in given))).reshape(-1, 2)
    owner = np.repeat(np.arange(len(given)), sizes)
    order = np.lexsort((rows[:, 1], rows[:, 0], owner))
    owner, joined = union(owner[order], rows[order])
    return counted(owner, len(given)), joined


@compiled
def union(owner: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """The same half-open periods, in order, those of one owner that touch joined."""
    size = 0
    owners, joined = np.empty_like(owner), np.empty_like(rows)
    for row in range(len(rows)):
        start, end = rows[row, 0], rows[row, 1]
        if size and owners[size - 1] == owner[row] and start <= joined[size - 1, 1]:
            joined[size - 1, 1] = max(joined[size - 1, 1], end)
        elif end > start:
            owners[size], joined[size, 0], joined[size, 1] = owner[row], start, end
            size += 1
    return owners[:size], joined[:size]


def busy_periods(problem: Problem, names: Names) -> tuple[Ints, Ints]:
    """Where each resource's busy periods begin, and these, sorted, with their units."""
    owner = whole([names.resources[busy.resource] for busy in problem.busy])
    rows = np.column_stack(
        [whole([getattr(busy, name) for busy in problem.busy]) for name in ("start", "end", "units")]
    )
    order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0], owner))
    return counted(owner, len(problem.resources)), rows[order]


def needs(problem: Problem, lines: Sequence[Line], names: Names) -> Needs:
    """The lines' columns."""
    sizes = [len(request.lines) for request in problem.requests]
    only_from, only = named_resources(lines, names)
    bonus_from, bonus = bonuses(lines, names)
    current = [line.current for line in lines]
    return Needs(
        request=np.repeat(np.arange(len(sizes)), sizes),
        kind=whole([names.kinds[line.kind] for line in lines]),
        pole=np.repeat(whole([names.poles[request.pole] for request in problem.requests]), sizes),
        place=places([line.at for line in lines]),
        farthest=np.array([UNLIMITED if line.max_km is None else line.max_km for line in lines], float),
        features=bits_of([line.features for line in lines], names.features),
        measures=matrix([line.at_least for line in lines], names.measures),
        units=whole([line.units for line in lines]),
        value=whole([line.value for line in lines]),
        minutes=whole([line.minutes for line in lines]),
        earliest=whole([line.start[0] for line in lines]),
        latest=whole([line.start[1] for line in lines]),
        step=whole([line.step for line in lines]),
        dearest=whole([int(NEVER) if line.max_price is None else line.max_price for line in lines]),
        restricted=np.array([line.only is not None for line in lines], bool),
        only_from=only_from,
        only=only,
        bonus_from=bonus_from,
        bonus=bonus,
        current_resource=whole([NONE if each is None else names.resources[each.resource] for each in current]),
        current_start=whole([0 if each is None else each.start for each in current]),
    )


def named_resources(lines: Sequence[Line], names: Names) -> tuple[Ints, Ints]:
    """By line, where the resources begin to which it is restricted, and these in order."""
    owner = np.repeat(np.arange(len(lines)), [len(line.only or ()) for line in lines])
    only = whole([names.resources[name] for line in lines if line.only for name in line.only])
    return counted(owner, len(lines)), only[np.lexsort((only, owner))]


def bonuses(lines: Sequence[Line], names: Names) -> tuple[Ints, Ints]:
    """By line, where its bonuses begin, and these: rows (feature, cents)."""
    features = whole([names.features[name] for line in lines for name in line.prefers])
    cents = whole([cents for line in lines for cents in line.prefers.values()])
    return offsets([len(line.prefers) for line in lines]), np.column_stack((features, cents))


def limited(problem: Problem, lines: Sequence[Line]) -> tuple[Ints, Ints]:
    """Where each limit's lines begin, and these."""
    number_of = {line.id: number for number, line in enumerate(lines)} if problem.limits else {}
    limits = whole([number_of[line] for limit in problem.limits for line in limit.lines])
    return offsets([len(limit.lines) for limit in problem.limits]), limits


def wanted_features(lines: Sequence[Line]) -> Iterable[list[str]]:
    """The sets of features that lines require, each in an order that does not depend on hashing."""
    return map(sorted, dict.fromkeys(line.features for line in lines))


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Each name's number, in order of first appearance."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def whole(numbers: Iterable[int]) -> Ints:
    """A column of integers."""
    return np.fromiter(numbers, np.int64)


def offsets(lengths: Iterable[int]) -> Ints:
    """Where each row begins, and where the last ends."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(whole(lengths), dtype=np.int64)))


def counted(owner: Ints, owners: int) -> Ints:
    """Where each owner's rows begin, and where the last one's end."""
    return offsets(np.bincount(owner, minlength=owners))


def bits_of(sets: Sequence[Collection[str]], numbers: Mapping[str, int]) -> Words:
    """The same of sets of names, leaving out those without a number; equal sets are looked at once."""
    distinct = {each: row for row, each in enumerate(dict.fromkeys(sets))}
    members = [[numbers[name] for name in each if name in numbers] for each in distinct]
    return bits(members, len(numbers))[whole([distinct[each] for each in sets])]


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
    return np.fromiter(chain.from_iterable(NOWHERE if at is None else at for at in given), float).reshape(-1, 2)
