"""Tiny problems that use every feature of the format, small enough to try every plan of them."""

from collections.abc import Mapping
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
HORIZON = 60

# Made once: what a strategy costs is its making.
SIXTEENTH = st.integers(0, 15)
YES = st.booleans()
KIND = st.sampled_from(["vehicle", "room"])
POLE = st.sampled_from(["niort", "saintes"])
SOME_POLES = st.lists(POLE, max_size=2).map(tuple)
PLACE = st.sampled_from([None, *PLACES])
SOME_FEATURES = st.frozensets(st.sampled_from(FEATURES))
SOME_MEASURES = st.dictionaries(st.just("seats"), st.sampled_from([4.0, 6.5, 7.0]))
SEATS = st.dictionaries(st.just("seats"), st.sampled_from([6.5, 7.0, 9.0]))
PERIOD = st.tuples(st.integers(0, HORIZON), st.integers(0, HORIZON)).map(lambda ends: (min(ends), max(ends)))
PERIODS = st.lists(PERIOD, max_size=3)
UNITS = st.sampled_from([1, 1, 2, 4])
NEEDED_UNITS = st.sampled_from([1, 1, 1, 2, 3])
BUFFER = st.tuples(st.integers(0, 7), st.integers(0, 7))
PRICE = st.builds(Price, st.integers(0, 300), st.integers(0, 900))
OPENING = st.sampled_from([0, 0, 300, 800])
STEP = st.sampled_from([1, 15])
STEPS = st.sampled_from([0, 0, 1, 2])
EARLIEST = st.sampled_from([5, 10, 15]) | st.integers(-2, HORIZON - 5)
VALUE = st.integers(200, 2000) | st.integers(0, 2000)
MINUTES = st.integers(5, 20) | st.integers(1, 40)
KM = st.sampled_from(KILOMETRES)
BONUSES = st.dictionaries(st.sampled_from([*FEATURES, "sunroof"]), st.integers(0, 300))
MOST_CENTS = st.integers(0, 400)
SOMETIME = st.integers(0, HORIZON)
FEW = st.integers(0, 2)
ONE_OR_TWO = st.integers(1, 2)
SIZE = st.sampled_from([1, 1, 2, 2, 2, 3, 0])
KM_COST = st.sampled_from([0, 45, 333])
STABILITY = st.sampled_from([0, 100, 700])
AMOUNT = st.integers(-500_000, 2_500_000)
PAID = st.integers(0, 600_000)
MOMENTS = st.lists(st.tuples(st.integers(-10, HORIZON + 10), PAID), max_size=4).map(tuple)


def usually(draw: Draw, usual: T, other: st.SearchStrategy[T]) -> T:
    """The usual value most times: of so many features, enough of the others come together."""
    return draw(other) if draw(SIXTEENTH) == 5 else usual


def often(draw: Draw, usual: T, other: st.SearchStrategy[T]) -> T:
    """The usual value every other time."""
    return draw(other) if draw(YES) else usual


def resource(draw: Draw, index: int) -> Resource:
    """A resource, most often free all the time."""
    return Resource(
        id=f"resource-{index}",
        kind=usually(draw, "vehicle", KIND),
        poles=usually(draw, ("niort", "saintes"), SOME_POLES),
        at=usually(draw, PLACES[0], PLACE),
        units=draw(UNITS),
        features=usually(draw, frozenset(FEATURES), SOME_FEATURES),
        measures=usually(draw, {"seats": 9.0}, SOME_MEASURES),
        free=merged(usually(draw, [(0, HORIZON)], PERIODS)),
        buffer=often(draw, (0, 0), BUFFER),
        price=often(draw, Price(), PRICE),
        opening=draw(OPENING),
    )


def line(draw: Draw, index: int, ids: list[str]) -> Line:
    """A line with at most three starts."""
    step, earliest = usually(draw, 5, STEP), draw(EARLIEST)
    return Line(
        id=f"line-{index}",
        kind=usually(draw, "vehicle", KIND),
        value=draw(VALUE),
        minutes=draw(MINUTES),
        start=(earliest, earliest + step * draw(STEPS)),
        step=step,
        at=draw(PLACE),
        max_km=usually(draw, None, KM),
        features=usually(draw, frozenset(), SOME_FEATURES),
        at_least=usually(draw, {}, SEATS),
        units=draw(NEEDED_UNITS),
        prefers=usually(draw, {}, BONUSES),
        max_price=usually(draw, None, MOST_CENTS),
        only=usually(draw, None, st.frozensets(st.sampled_from(ids))) if ids else None,
        current=_current(draw, ids, earliest) if ids and draw(YES) else None,
    )


def _current(draw: Draw, ids: list[str], earliest: int) -> Current:
    return Current(draw(st.sampled_from(ids)), often(draw, earliest, SOMETIME))


@st.composite
def problems(draw: Draw, most_lines: int = 4, most_resources: int = 3) -> Problem:
    """A problem of some requests, lines, resources, busy periods and limits; what `read_problem` would accept."""
    offered = tuple(resource(draw, index) for index in range(_count(draw, most_resources)))
    ids = [each.id for each in offered]
    asked = [line(draw, index, ids) for index in range(_count(draw, most_lines))]
    return Problem(
        resources=offered,
        requests=tuple(_requests(draw, asked)),
        km_cost=draw(KM_COST),
        stability=draw(STABILITY),
        busy=tuple(_busy(draw, ids) for _ in range(draw(FEW))) if ids else (),
        limits=tuple(_limit(draw, asked) for _ in range(often(draw, 0, FEW))),
    )


def _count(draw: Draw, most: int) -> int:
    return draw(st.integers(0, most)) if draw(YES) else most


def _busy(draw: Draw, ids: list[str]) -> Busy:
    start, end = draw(PERIOD)
    return Busy(draw(st.sampled_from(ids)), start, end, draw(ONE_OR_TWO))


def _limit(draw: Draw, asked: list[Line]) -> Limit:
    return Limit(tuple(each.id for each in asked if draw(YES)), draw(FEW))


def _requests(draw: Draw, asked: list[Line]) -> list[Request]:
    """These lines in requests of one to three; rarely a request without lines, which may be the last."""
    found: list[Request] = []
    while asked:
        size = draw(SIZE)
        found.append(_request(draw, len(found), asked[:size]))
        asked = asked[size:]
    if usually(draw, False, YES):
        found.append(_request(draw, len(found), []))
    return found


def _request(draw: Draw, index: int, lines: list[Line]) -> Request:
    together = draw(YES)
    same_start = together and draw(YES)
    return Request(f"request-{index}", usually(draw, "niort", POLE), tuple(lines), together, same_start)


@st.composite
def prices(draw: Draw, problem: Problem) -> Prices:
    """Any prices that prove a bound of this problem: in thousandths of a cent, some far too high or below zero."""
    by_line: dict[str, int | Mapping[int, int]] = {}
    for request in problem.requests:
        for each in request.lines:
            starts = range(each.start[0], each.start[1] + 1, each.step)
            by_start = draw(YES)
            by_line[each.id] = {at: draw(AMOUNT) for at in starts if draw(YES)} if by_start else draw(AMOUNT)
    moments = {each.id: draw(MOMENTS) for each in problem.resources if draw(YES)}
    return Prices(by_line, tuple(draw(PAID) for _ in problem.limits), moments)
