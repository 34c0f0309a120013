"""A problem out of its file (`polepool.matching/1`)."""

from collections.abc import Container

from pooling.matching.problem import Busy, Current, Limit, Line, Price, Problem, Request, Resource
from pooling.matching.reading.fields import (
    FILE,
    BadProblem,
    Given,
    Shape,
    fields,
    flag,
    integer,
    listed,
    mapping,
    number,
    pair,
    parse,
    period,
    shown,
    text,
    texts,
    under,
    whole,
    whole_pair,
)
from pooling.matching.reading.periods import merged

MOST_STARTS = 50_000
"""Starts that a line may choose from: more than a month of minutes."""
MOST_MONEY = 10**15
"""Cents that all lines together can move, as often as they fit into their windows: in thousandths, sums fit 64 bits."""
FURTHEST_KM = 20_038
"""No two places are further apart."""

PROBLEM = Shape.of("format resources requests", "km_cost stability busy limits")
RESOURCE = Shape.of("id kind poles", "at units features measures free buffer price opening")
PRICE = Shape.of("", "fixed hour")
BUSY = Shape.of("resource start end", "units")
REQUEST = Shape.of("id pole lines", "together same_start")
LINE = Shape.of(
    "id kind value minutes start",
    "step at max_km features at_least units prefers max_price only current",
)
CURRENT = Shape.of("resource start")
LIMIT = Shape.of("lines at_most")

Ids = dict[str, str]
"""Every id that was read, with its place."""


def read_problem(raw: bytes) -> Problem:
    """The problem that a file holds, its `free` periods merged. Raises BadProblem, one line with place and rule."""
    given = fields(parse(raw), "", PROBLEM)
    if text(given, "format", "") != "polepool.matching/1":
        raise BadProblem("format", 'must be "polepool.matching/1"')
    ids: Ids = {}
    resources = tuple(
        _resource(each, f"resources[{at}]", ids) for at, each in enumerate(listed(given, "resources", ""))
    )
    known = frozenset(resource.id for resource in resources)
    requests = tuple(
        _request(each, f"requests[{at}]", ids, known) for at, each in enumerate(listed(given, "requests", ""))
    )
    lines = frozenset(line.id for request in requests for line in request.lines)
    problem = Problem(
        resources=resources,
        requests=requests,
        km_cost=integer(given, "km_cost", "", 0),
        stability=integer(given, "stability", "", 0),
        busy=tuple(_busy(each, f"busy[{at}]", known) for at, each in enumerate(listed(given, "busy", ""))),
        limits=tuple(_limit(each, f"limits[{at}]", lines) for at, each in enumerate(listed(given, "limits", ""))),
    )
    _fits_64_bits(problem)
    return problem


def _resource(value: object, place: str, ids: Ids) -> Resource:
    given = fields(value, place, RESOURCE)
    free = [period(each, f"{place}.free[{at}]") for at, each in enumerate(listed(given, "free", place))]
    return Resource(
        id=_new_id(given, place, ids),
        kind=text(given, "kind", place),
        poles=tuple(texts(given, "poles", place)),
        at=_at(given, place),
        units=integer(given, "units", place, 1, absent=1),
        features=frozenset(texts(given, "features", place)),
        measures=_numbers(given, "measures", place),
        free=merged(free),
        buffer=whole_pair(given.get("buffer", [0, 0]), f"{place}.buffer", 0),
        price=_price(given.get("price", {}), f"{place}.price"),
        opening=integer(given, "opening", place, 0),
    )


def _price(value: object, place: str) -> Price:
    given = fields(value, place, PRICE)
    return Price(integer(given, "fixed", place, 0), integer(given, "hour", place, 0))


def _request(value: object, place: str, ids: Ids, resources: frozenset[str]) -> Request:
    given = fields(value, place, REQUEST)
    together, same_start = flag(given, "together", place), flag(given, "same_start", place)
    if same_start and not together:
        raise BadProblem(f"{place}.same_start", "needs together")
    return Request(
        id=_new_id(given, place, ids),
        pole=text(given, "pole", place),
        lines=tuple(
            _line(each, f"{place}.lines[{at}]", ids, resources) for at, each in enumerate(listed(given, "lines", place))
        ),
        together=together,
        same_start=same_start,
    )


def _line(value: object, place: str, ids: Ids, resources: frozenset[str]) -> Line:
    given = fields(value, place, LINE)
    step = integer(given, "step", place, 1, absent=15)
    max_price, current, only = given.get("max_price"), given.get("current"), given.get("only")
    return Line(
        id=_new_id(given, place, ids),
        kind=text(given, "kind", place),
        value=integer(given, "value", place, 0),
        minutes=integer(given, "minutes", place, 1),
        start=_window(given["start"], f"{place}.start", step),
        step=step,
        at=_at(given, place),
        max_km=None if given.get("max_km") is None else number(given["max_km"], f"{place}.max_km", 0),
        features=frozenset(texts(given, "features", place)),
        at_least=_numbers(given, "at_least", place),
        units=integer(given, "units", place, 1, absent=1),
        prefers=_bonuses(given, place),
        max_price=None if max_price is None else integer(given, "max_price", place, 0),
        only=None if only is None else frozenset(_known_ids(given, "only", place, resources, "resource")),
        current=None if current is None else _current(current, f"{place}.current", resources),
    )


def _window(value: object, place: str, step: int) -> tuple[int, int]:
    earliest, latest = whole_pair(value, place)
    if latest < earliest:
        raise BadProblem(place, "the latest start is before the earliest")
    steps, beyond = divmod(latest - earliest, step)
    if beyond:
        raise BadProblem(place, f"the latest start is not a multiple of the step ({step}) after the earliest")
    if steps >= MOST_STARTS:
        raise BadProblem(place, f"has {steps + 1} starts, and {MOST_STARTS} are the most")
    return earliest, latest


def _current(value: object, place: str, resources: frozenset[str]) -> Current:
    given = fields(value, place, CURRENT)
    return Current(_known_id(given, "resource", place, resources), integer(given, "start", place))


def _busy(value: object, place: str, resources: frozenset[str]) -> Busy:
    given = fields(value, place, BUSY)
    start, end = integer(given, "start", place), integer(given, "end", place)
    if end < start:
        raise BadProblem(f"{place}.end", "the end is before the start")
    return Busy(_known_id(given, "resource", place, resources), start, end, integer(given, "units", place, 1, absent=1))


def _limit(value: object, place: str, lines: frozenset[str]) -> Limit:
    given = fields(value, place, LIMIT)
    return Limit(tuple(_known_ids(given, "lines", place, lines, "line")), integer(given, "at_most", place, 0))


def _new_id(given: Given, place: str, ids: Ids) -> str:
    name = text(given, "id", place)
    if name in ids:
        raise BadProblem(f"{place}.id", f"{shown(name)} is the id of {ids[name]} already")
    ids[name] = place
    return name


def _known_id(given: Given, name: str, place: str, known: Container[str]) -> str:
    value = text(given, name, place)
    if value not in known:
        raise BadProblem(under(place, name), f"there is no resource {shown(value)}")
    return value


def _known_ids(given: Given, name: str, place: str, known: Container[str], what: str) -> list[str]:
    values = texts(given, name, place)
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value not in known:
            raise BadProblem(f"{under(place, name)}[{index}]", f"there is no {what} {shown(value)}")
        if value in seen:
            raise BadProblem(f"{under(place, name)}[{index}]", f"{shown(value)} is there twice")
        seen.add(value)
    return values


def _at(given: Given, place: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    value = given.get("at")
    if value is None:
        return None
    latitude, longitude = pair(value, f"{place}.at")
    return number(latitude, f"{place}.at[0]", -90, 90), number(longitude, f"{place}.at[1]", -180, 180)


def _numbers(given: Given, name: str, place: str) -> dict[str, float]:
    values = mapping(given.get(name, {}), f"{place}.{name}")
    return {key: number(value, under(f"{place}.{name}", key)) for key, value in values.items()}


def _bonuses(given: Given, place: str) -> dict[str, int]:
    values = mapping(given.get("prefers", {}), f"{place}.prefers")
    return {key: whole(value, under(f"{place}.prefers", key), 0) for key, value in values.items()}


def _fits_64_bits(problem: Problem) -> None:
    """What a line brings counts as often as it can follow itself on one resource, since prices alone would let it."""
    fixed = max((resource.price.fixed for resource in problem.resources), default=0)
    hour = max((resource.price.hour for resource in problem.resources), default=0)
    each = fixed + FURTHEST_KM * problem.km_cost + 2 * problem.stability
    total = sum(resource.opening for resource in problem.resources)
    for request in problem.requests:
        for line in request.lines:
            times = 1 + (line.start[1] - line.start[0]) // max(line.minutes, line.step)
            total += each + times * (line.value + sum(line.prefers.values())) + hour * line.minutes // 60
    if total > MOST_MONEY:
        rule = f"values and costs of all lines together can exceed {MOST_MONEY} cents"
        raise BadProblem(FILE, f"{rule}, as often as they fit into their windows")
