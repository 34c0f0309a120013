"""From bytes to checked values: what every object of the formats is read with."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LARGEST = 10**12
"""No number of a problem is beyond it, in either direction."""
FILE = "the file"
"""The place of what concerns no single field."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Given = dict[str, Any]


class BadProblem(ValueError):
    """A file breaks a rule of its format: `place` tells where (`requests[3].lines[0].start`), `rule` which."""

    def __init__(self, place: str, rule: str) -> None:
        super().__init__(f"{place}: {rule}")
        self.place = place
        self.rule = rule


class Doubled(Given):
    """An object of which some field was written twice."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields that an object must have, and all that it may have."""

    required: tuple[str, ...]
    known: frozenset[str]

    @classmethod
    def of(cls, required: str, optional: str = "") -> "Shape":
        """From names with spaces between them."""
        return cls(tuple(required.split()), frozenset((*required.split(), *optional.split())))


def parse(raw: bytes) -> object:
    """What the JSON says. Raises BadProblem for what is no JSON in UTF-8, or nested too deeply."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadProblem(FILE, f"is not UTF-8 (byte {error.start})") from error
    if not text.strip():
        raise BadProblem(FILE, "is empty")
    try:
        value = _parsed(text)
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadProblem(FILE, f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeEncodeError as error:
        raise BadProblem(FILE, "has half of a surrogate pair in a string") from error
    except RecursionError as error:
        raise BadProblem(FILE, "is nested too deeply") from error
    return value


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of thousands of digits: beyond all bounds, so its field refuses it
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole_or_beyond)


def _whole_or_beyond(digits: str) -> int:
    return int(digits) if len(digits) < 40 else 10**40


def _object(pairs: list[tuple[str, Any]]) -> Given:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(_twice(pairs))


def _twice(pairs: Iterable[tuple[str, Any]]) -> Given:
    """Only the field that is there twice, so that the refusal can name it."""
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            return {name: value}
        seen.add(name)
    raise AssertionError("no field is there twice")


def shown(name: str) -> str:
    """A name out of a file, safe on one line of any terminal."""
    return name if PLAIN_NAME.fullmatch(name) else json.dumps(name if len(name) <= 60 else name[:60] + "...")


def under(place: str, name: str) -> str:
    """The place of a field of the object at `place`."""
    return f"{place}.{shown(name)}" if place else shown(name)


def mapping(value: object, place: str) -> Given:
    """The object that stands here, whatever its fields."""
    if type(value) is dict:
        return value
    if isinstance(value, Doubled):
        raise BadProblem(under(place, next(iter(value))), "is there twice")
    raise BadProblem(place or FILE, "must be an object")


def fields(value: object, place: str, shape: Shape) -> Given:
    """The object that stands here, with all that its shape requires and nothing that it doesn't know."""
    given = mapping(value, place)
    if not given.keys() <= shape.known:
        raise BadProblem(under(place, next(name for name in given if name not in shape.known)), "is an unknown field")
    for name in shape.required:
        if name not in given:
            raise BadProblem(under(place, name), "is missing")
    return given


def text(given: Given, name: str, place: str) -> str:
    """A string."""
    value = given[name]
    if type(value) is not str:
        raise BadProblem(under(place, name), "must be a string")
    return value


def flag(given: Given, name: str, place: str) -> bool:
    """True or false; false when absent."""
    value = given.get(name, False)
    if type(value) is not bool:
        raise BadProblem(under(place, name), "must be true or false")
    return value


def whole(value: object, place: str, least: int = -LARGEST, most: int = LARGEST) -> int:
    """An integer between two others; 1.0 and true are none."""
    if type(value) is not int:
        raise BadProblem(place, "must be an integer")
    if not least <= value <= most:
        raise BadProblem(place, f"must be an integer from {least} to {most}")
    return value


def integer(given: Given, name: str, place: str, least: int = -LARGEST, absent: int = 0) -> int:
    """An integer field of at least `least`."""
    value = given.get(name, absent)
    if type(value) is int and least <= value <= LARGEST:
        return value
    return whole(value, under(place, name), least)


def number(value: object, place: str, least: float = -LARGEST, most: float = LARGEST) -> float:
    """A finite number between two others."""
    if type(value) is not int and type(value) is not float:
        raise BadProblem(place, "must be a number")
    if not least <= value <= most:
        raise BadProblem(place, f"must be a number from {least} to {most}")
    return float(value)


def listed(given: Given, name: str, place: str) -> list[Any]:
    """A list; empty when absent."""
    value = given.get(name, [])
    if type(value) is not list:
        raise BadProblem(under(place, name), "must be a list")
    return value


def texts(given: Given, name: str, place: str) -> list[str]:
    """A list of strings; empty when absent."""
    values = listed(given, name, place)
    for index, value in enumerate(values):
        if type(value) is not str:
            raise BadProblem(f"{under(place, name)}[{index}]", "must be a string")
    return values


def pair(value: object, place: str) -> list[Any]:
    """A list of two."""
    if type(value) is not list or len(value) != 2:
        raise BadProblem(place, "must be a list of two")
    return value


def whole_pair(value: object, place: str, least: int = -LARGEST) -> tuple[int, int]:
    """A list of two integers of at least `least`."""
    first, second = pair(value, place)
    return whole(first, f"{place}[0]", least), whole(second, f"{place}[1]", least)


def period(value: object, place: str) -> tuple[int, int]:
    """`[start, end]` in minutes."""
    start, end = whole_pair(value, place)
    if end < start:
        raise BadProblem(place, "the end is before the start")
    return start, end
