"""Tiny problems that use every feature of the format, small enough to try every plan of them."""

from typing import Any, TypeVar

from hypothesis import strategies as st

from pooling.matching.problem import Busy, Current, Limit, Line, Price, Prices, Problem, Request, Resource
from pooling.matching.reading import merged

T = TypeVar("T")
Draw = Any
"""What Hypothesis hands to a composite strategy."""

PLACES = [(46.32, -0.46), (46.33, -0.40), (46.3204, -0.4606)]
KILOMETRES = [0.0, 0.063, 0.064, 4.739, 4.740, 4.741, 4.774, 25.0]
"""About as far as the places are apart: 64, 4,740 and 4,774 m."""
FEATURES = ["ramp", "electric"]
KINDS = ["vehicle", "room"]
POLES = ["niort", "saintes"]
HORIZON = 60


def usually(usual: T, other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The usual value most times: of so many features, enough of the others come together."""
    return st.integers(0, 15).flatmap(lambda drawn: other if drawn == 5 else st.just(usual))


def money(most: int) -> st.SearchStrategy[int]:
    """Cents."""
    return st.integers(0, most)


def feature_sets() -> st.SearchStrategy[frozenset[str]]:
    """Some features, often none."""
    return usually(frozenset(), st.frozensets(st.sampled_from(FEATURES)))


def periods() -> st.SearchStrategy[tuple[int, int]]:
    """Half-open periods in the horizon, some of them empty."""
    return st.tuples(st.integers(0, HORIZON), st.integers(0, HORIZON)).map(lambda ends: (min(ends), max(ends)))


@st.composite
def resources(draw: Draw, index: int) -> Resource:
    """A resource, most often free all the time."""
    return Resource(
        id=f"resource-{index}",
        kind=draw(usually("vehicle", st.sampled_from(KINDS))),
        poles=draw(usually(("niort", "saintes"), st.lists(st.sampled_from(POLES), max_size=2).map(tuple))),
        at=draw(usually(PLACES[0], st.sampled_from([None, *PLACES]))),
        units=draw(st.sampled_from([1, 1, 2, 4])),
        features=draw(usually(frozenset(FEATURES), st.frozensets(st.sampled_from(FEATURES)))),
        measures=draw(usually({"seats": 9.0}, st.dictionaries(st.just("seats"), st.sampled_from([4.0, 6.5, 7.0])))),
        free=merged(draw(usually([(0, HORIZON)], st.lists(periods(), max_size=3)))),
        buffer=draw(st.just((0, 0)) | st.tuples(st.integers(0, 7), st.integers(0, 7))),
        price=draw(st.just(Price()) | st.builds(Price, money(300), money(900))),
        opening=draw(st.sampled_from([0, 0, 300, 800])),
    )


@st.composite
def lines(draw: Draw, index: int, ids: list[str]) -> Line:
    """A line with at most three starts."""
    step = draw(usually(5, st.sampled_from([1, 15])))
    earliest = draw(st.sampled_from([5, 10, 15]) | st.integers(-2, HORIZON - 5))
    resource = st.sampled_from(ids) if ids else st.nothing()
    return Line(
        id=f"line-{index}",
        kind=draw(usually("vehicle", st.sampled_from(KINDS))),
        value=draw(st.integers(200, 2000) | money(2000)),
        minutes=draw(st.integers(5, 20) | st.integers(1, 40)),
        start=(earliest, earliest + step * draw(st.integers(0, 2))),
        step=step,
        at=draw(st.sampled_from([None, *PLACES])),
        max_km=draw(usually(None, st.sampled_from(KILOMETRES))),
        features=draw(feature_sets()),
        at_least=draw(usually({}, st.dictionaries(st.just("seats"), st.sampled_from([6.5, 7.0, 9.0])))),
        units=draw(st.sampled_from([1, 1, 1, 2, 3])),
        prefers=draw(usually({}, st.dictionaries(st.sampled_from([*FEATURES, "sunroof"]), money(300)))),
        max_price=draw(usually(None, money(400))),
        only=draw(usually(None, st.frozensets(resource))) if ids else None,
        current=draw(st.none() | st.none() | st.builds(Current, resource, st.just(earliest) | st.integers(0, 60)))
        if ids
        else None,
    )


@st.composite
def problems(draw: Draw, most_lines: int = 4, most_resources: int = 3) -> Problem:
    """A problem of some requests, lines, resources, busy periods and limits; what `read_problem` would accept."""
    offered = tuple(draw(resources(index)) for index in range(draw(_count(most_resources))))
    ids = [resource.id for resource in offered]
    asked = [draw(lines(index, ids)) for index in range(draw(_count(most_lines)))]
    line_ids = [line.id for line in asked]
    busy = st.builds(_busy, st.sampled_from(ids), periods(), st.integers(1, 2))
    limit = st.builds(Limit, st.lists(st.sampled_from(line_ids), unique=True).map(tuple), st.integers(0, 2))
    return Problem(
        resources=offered,
        requests=tuple(draw(requests(asked))),
        km_cost=draw(st.sampled_from([0, 45, 333])),
        stability=draw(st.sampled_from([0, 100, 700])),
        busy=tuple(draw(st.just([]) | st.lists(busy, max_size=2))) if ids else (),
        limits=tuple(draw(st.just([]) | st.lists(limit, max_size=2))) if line_ids else (),
    )


def _count(most: int) -> st.SearchStrategy[int]:
    return usually(most, st.integers(0, most)) | st.integers(1, most)


def _busy(resource: str, period: tuple[int, int], units: int) -> Busy:
    return Busy(resource, *period, units)


@st.composite
def requests(draw: Draw, asked: list[Line]) -> list[Request]:
    """These lines in requests of one to three; rarely a request without lines."""
    found: list[Request] = []
    while asked:
        size = draw(usually(2, st.sampled_from([0, 3])) | st.just(1))
        together = draw(st.sampled_from([True, True, False]))
        same_start = together and draw(st.booleans())
        pole = draw(usually("niort", st.sampled_from(POLES)))
        found.append(Request(f"request-{len(found)}", pole, tuple(asked[:size]), together, same_start))
        asked = asked[size:]
    return found


@st.composite
def prices(draw: Draw, problem: Problem) -> Prices:
    """Any prices that prove a bound of this problem: in thousandths of a cent, some far too high or below zero."""
    amount = st.integers(-500_000, 2_500_000)
    paid = st.integers(0, 600_000)
    by_line: dict[str, int | dict[int, int]] = {}
    for request in problem.requests:
        for line in request.lines:
            starts = st.sampled_from(range(line.start[0], line.start[1] + 1, line.step))
            by_line[line.id] = draw(amount | st.dictionaries(starts, amount))
    moment = st.tuples(st.integers(-10, HORIZON + 10), paid)
    moments = {each.id: tuple(draw(st.lists(moment, max_size=4))) for each in problem.resources if draw(st.booleans())}
    return Prices(by_line, tuple(draw(paid) for _ in problem.limits), moments)
