"""JSON read strictly, before anything is made of it."""

import json
import re
from collections.abc import Iterator
from math import isinf
from typing import Any, NoReturn

from chassis.errors import Invalid

MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""Strings, ended or not, and brackets. Possessive: nothing is ever tried twice, so it takes linear time."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_json(body: bytes) -> None:
    """Refuse what readers of JSON disagree on or databases can't keep.

    Raises `Invalid` for: not UTF-8, not JSON, deeper than `MAX_DEPTH`, a name twice in an object, NaN or infinities,
    numbers that some read as infinite, integers beyond 64 bits, NUL characters and lone surrogates.
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Invalid(field="body", rule=f"must not be nested deeper than {MAX_DEPTH} levels")
    try:
        parsed = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except UnicodeDecodeError as error:
        raise Invalid(field="body", rule=f"must be UTF-8, and byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        rule = f"must be valid JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}"
        raise Invalid(field="body", rule=rule) from None
    if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body:
        _check_texts(parsed)


def check_text(field: str, text: str) -> None:
    """Refuse characters that a database can't keep."""
    if "\0" in text:
        raise Invalid(field=field, rule="must not contain the NUL character")
    if _SURROGATE.search(text):
        raise Invalid(field=field, rule="must not contain a lone surrogate")


def _depth(body: bytes) -> int:
    """How deep the brackets outside strings nest; linear, without recursion."""
    deepest = depth = 0
    for match in _BRACKETS.finditer(body):
        token = match[0]
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Invalid(field=_shown(twice), rule="must not be there twice")
    return made


def _constant(name: str) -> NoReturn:
    raise Invalid(field="body", rule=f"must not contain {name}, which is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(value := int(digits)) > MAX_INTEGER:
        raise Invalid(field="body", rule=f"must not contain integers beyond 64 bits, like {digits[:20]}…")
    return value


def _number(digits: str) -> float:
    if isinf(value := float(digits)):
        raise Invalid(field="body", rule=f"must not contain numbers too large for 64 bits, like {digits[:20]}…")
    return value


def _check_texts(parsed: Any) -> None:
    for path, text in _texts(parsed):
        if "\0" in text or _SURROGATE.search(text):  # names are long, and shown only then
            check_text(".".join(map(_shown, path)) or "body", text)


def _texts(parsed: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in a JSON value, names included, with its path."""
    left: list[tuple[tuple[str, ...], Any]] = [((), parsed)]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            yield from (((*path, name), name) for name in value)
            left.extend(((*path, name), inside) for name, inside in value.items())
        elif isinstance(value, list):
            left.extend(((*path, str(number)), inside) for number, inside in enumerate(value))


def _shown(name: str) -> str:
    """A name that can be put in an answer."""
    return name.encode("ascii", "backslashreplace").decode().replace("\0", "\\u0000")[:100]
