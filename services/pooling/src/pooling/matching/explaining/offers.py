"""A near miss as an offer of what to change: what follows « Possible » and "Possible"."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from pooling.domain import wording
from pooling.matching.explaining import nouns
from pooling.matching.explanations import Change, NearMiss
from pooling.matching.problem import Line

Pair = tuple[str, str]
"""French, English."""


def offer(line: Line, miss: NearMiss, when: Callable[[int], datetime]) -> Pair:
    """« à 10 h 15 au lieu de 9 h », "at 10:15 instead of 9:00"."""
    match miss.changed:
        case Change.START:
            return _start(when(miss.start), when(line.start[0]), when(line.start[1]))
        case Change.MAX_KM:
            far, most = nouns.farther(miss.line), nouns.nearer(line)
            return f"à {far.fr} au lieu de {most.fr}", f"as far as {far.en} away instead of {most.en}"
        case Change.MAX_PRICE:
            price, limit = wording.money(miss.line.max_price or 0), wording.money(line.max_price or 0)
            return f"pour {price.fr} au lieu de {limit.fr}", f"for {price.en} instead of {limit.en}"
        case Change.AT_LEAST:
            return _measures(line, miss.line)
        case Change.FEATURES:
            without = nouns.joined(nouns.feature(name) for name in sorted(line.features - miss.line.features))
            return f"sans exiger{wording.NBSP}: {without.fr}", f"without asking for: {without.en}"
        case Change.UNITS:
            return _units(miss.line.units, line.units)
        case _:
            assert_never(miss.changed)


def _start(start: datetime, earliest: datetime, latest: datetime) -> Pair:
    """The hour alone on the same day; a window is told by its ends."""
    same_day = wording.day(start) == wording.day(earliest) == wording.day(latest)
    told = wording.hour if same_day else wording.moment
    at, first, last = told(start), told(earliest), told(latest)
    fr, en = ("à", "at") if same_day else ("le", "on")
    if earliest == latest:
        of = "de" if same_day else "du"
        return f"{fr} {at.fr} au lieu {of} {first.fr}", f"{en} {at.en} instead of {first.en}"
    between = "entre" if same_day else "entre le"
    and_ = "et" if same_day else "et le"
    return (
        f"{fr} {at.fr}, et non {between} {first.fr} {and_} {last.fr}",
        f"{en} {at.en} instead of between {first.en} and {last.en}",
    )


def _units(units: int, asked: int) -> Pair:
    some = "unité" if units == 1 else "unités"
    return f"pour {units} {some} au lieu de {asked}", f"for {units} unit{'s' * (units > 1)} instead of {asked}"


def _measures(line: Line, other: Line) -> Pair:
    parts = [
        _measure(name, amount, other.at_least.get(name))
        for name, amount in sorted(line.at_least.items())
        if other.at_least.get(name) != amount
    ]
    return ", ".join(fr for fr, _ in parts), ", ".join(en for _, en in parts)


def _measure(name: str, asked: float, instead: float | None) -> Pair:
    wanted = nouns.measure(name, asked)
    if instead is None:
        return f"sans exiger {wanted.fr}", f"without asking for {wanted.en}"
    has = nouns.measure(name, instead)
    return f"avec {has.fr} au lieu de {wanted.fr}", f"with {has.en} instead of {wanted.en}"
