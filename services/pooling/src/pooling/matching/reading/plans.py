"""Plans (`polepool.plan/1`) and certificates (`polepool.certificate/1`) out of their files.

Plans may come from any program: only what a check needs is required, and further fields are passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pooling.matching.problem import Placed, Prices
from pooling.matching.reading.fields import (
    BadProblem,
    Given,
    Shape,
    fields,
    integer,
    listed,
    mapping,
    number,
    pair,
    parse,
    text,
    under,
    whole,
)

EXPLAINING = ("score", "alternatives", "because", "funnel", "near_misses")
"""The fields of a line's entry that explain it."""
CERTIFICATE = Shape.of("format", "lines limits moments")
LARGEST_SUM = 10**18
"""Money of a whole plan in cents, or a price in thousandths of a cent."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a plan's file claims: cents, the gap, where which line is placed, and which lines aren't.

    `why` is, by line, what else its entry says in the fields of explanations, whatever that is.
    """

    value: int
    bound: int
    gap: float
    placed: tuple[Placed, ...]
    unplaced: tuple[str, ...]
    why: Mapping[str, Given]


def read_plan(raw: bytes) -> PlanFile:
    """The plan that a file holds. Raises BadProblem."""
    given = mapping(parse(raw), "")
    _require(given, "", "format", "value", "bound", "gap", "placed", "unplaced")
    if given["format"] != "polepool.plan/1":
        raise BadProblem("format", 'must be "polepool.plan/1"')
    return PlanFile(
        value=whole(given["value"], "value", -LARGEST_SUM, LARGEST_SUM),
        bound=whole(given["bound"], "bound", -LARGEST_SUM, LARGEST_SUM),
        gap=number(given["gap"], "gap", -LARGEST_SUM, LARGEST_SUM),
        placed=tuple(_placed(each, f"placed[{at}]") for at, each in enumerate(listed(given, "placed", ""))),
        unplaced=tuple(_unplaced(each, f"unplaced[{at}]") for at, each in enumerate(listed(given, "unplaced", ""))),
        why={each["line"]: why for each in (*given["placed"], *given["unplaced"]) if (why := _why(each))},
    )


def _why(given: Given) -> Given:
    return {name: given[name] for name in EXPLAINING if name in given}


def _placed(value: object, place: str) -> Placed:
    given = mapping(value, place)
    _require(given, place, "line", "resource", "start")
    return Placed(text(given, "line", place), text(given, "resource", place), integer(given, "start", place))


def _unplaced(value: object, place: str) -> str:
    given = mapping(value, place)
    _require(given, place, "line")
    return text(given, "line", place)


def _require(given: Given, place: str, *names: str) -> None:
    for name in names:
        if name not in given:
            raise BadProblem(under(place, name), "is missing")


def read_certificate(raw: bytes) -> Prices:
    """The prices that a file holds, in thousandths of a cent. Raises BadProblem."""
    given = fields(parse(raw), "", CERTIFICATE)
    if given["format"] != "polepool.certificate/1":
        raise BadProblem("format", 'must be "polepool.certificate/1"')
    lines = mapping(given.get("lines", {}), "lines")
    moments = mapping(given.get("moments", {}), "moments")
    return Prices(
        lines={name: _line_price(value, under("lines", name)) for name, value in lines.items()},
        limits=tuple(_paid(each, f"limits[{at}]") for at, each in enumerate(listed(given, "limits", ""))),
        moments={name: _moments(moments, name) for name in moments},
    )


def _line_price(value: object, place: str) -> int | dict[int, int]:
    if not isinstance(value, dict):
        return whole(value, place, -LARGEST_SUM, LARGEST_SUM)
    prices: dict[int, int] = {}
    for start, price in mapping(value, place).items():
        prices[_minute(start, place)] = whole(price, under(place, start), -LARGEST_SUM, LARGEST_SUM)
    return prices


def _minute(text_of_start: str, place: str) -> int:
    """The minute that a key names, in the one way in which JSON writes it."""
    try:
        minute = int(text_of_start)
    except ValueError:
        minute = None
    if minute is None or str(minute) != text_of_start:
        raise BadProblem(under(place, text_of_start), "must be a minute")
    return minute


def _moments(given: Given, name: str) -> tuple[tuple[int, int], ...]:
    place = under("moments", name)
    found = []
    for at, each in enumerate(listed(given, name, "moments")):
        minute, price = pair(each, f"{place}[{at}]")
        found.append((whole(minute, f"{place}[{at}][0]"), _paid(price, f"{place}[{at}][1]")))
    return tuple(found)


def _paid(value: object, place: str) -> int:
    return whole(value, place, 0, LARGEST_SUM)
