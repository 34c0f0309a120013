"""What members ask for: lines at a time, or within a window, alone or together."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from benchmarks.matching.chance import Chance, Whole
from benchmarks.matching.families import DAY, HOUR, Family
from benchmarks.matching.offers import CLOSE, MEASURES, OPEN, POLES, SHARES, WEEK, having, kinds_of
from benchmarks.matching.territory import SIDE, Places, scattered
from pooling.matching.problem import Line, Request

WANTED = (8, 10, 20, 10, 10, 28, 14)
"""How many of 100 lines want each day of the week, Monday first."""
ELIGIBLE = 20


@dataclass(frozen=True, slots=True)
class Bundles:
    """How lines make requests: for each line its request, and for each request whether it is together, at one start."""

    request: Whole
    together: list[bool]
    same_start: list[bool]


def requests(family: Family, lines: int, chance: Chance) -> tuple[Request, ...]:
    """The requests of a problem of that many lines."""
    bundles = _bundles(family, lines, chance)
    homes = scattered(chance, "request", len(bundles.together), clustered=family.clustered)
    made = _lines(family, lines, chance, bundles, homes)
    poles = (homes.east >= SIDE // 2).astype(np.int64).tolist()
    firsts = np.searchsorted(bundles.request, np.arange(len(poles) + 1)).tolist()
    return tuple(
        Request(
            f"q{at}",
            POLES[pole],
            tuple(made[firsts[at] : firsts[at + 1]]),
            bundles.together[at],
            bundles.same_start[at],
        )
        for at, pole in enumerate(poles)
    )


def _bundles(family: Family, lines: int, chance: Chance) -> Bundles:
    """Pairs and triples until the share of lines is in bundles, each second one at one start; then lines alone."""
    wanted, sizes, bundled = lines * family.bundles // 100, [], 0
    for size in chance.whole("bundle sizes", lines, 2, 3).tolist():
        if bundled + size > wanted:
            break
        sizes.append(size)
        bundled += size
    sizes += [1] * (lines - bundled)
    mixed = [sizes[at] for at in chance.order("bundles", len(sizes)).tolist()]
    same = chance.happens("same start", len(mixed), 50).tolist()
    together = [size > 1 for size in mixed]
    return Bundles(
        np.repeat(np.arange(len(mixed)), mixed), together, [a and b for a, b in zip(together, same, strict=True)]
    )


def _lines(family: Family, count: int, chance: Chance, bundles: Bundles, homes: Places) -> list[Line]:
    kinds = kinds_of(family, "line", count, chance)
    places = homes.of(bundles.request).degrees()
    minutes, starts = _times(family, count, chance, bundles)
    values = _values(chance, minutes)
    reach, units = _reach(family, count, chance, kinds), _units(family, chance, count)
    needed, liked = _some(chance, "needed", count, 30), _some(chance, "liked", count, 30)
    bonus, sizes = chance.whole("bonus", count, 100, 500).tolist(), chance.whole("asked size", count, 0, 3).tolist()
    dear = _most_paid(family, chance, minutes)
    return [
        Line(f"l{at}", kind, values[at], int(minutes[at]), starts[at], family.step, places[at], reach[at],
             having(kind, needed[at]), _at_least(kind, sizes[at]), units[at],
             dict.fromkeys(having(kind, liked[at]), bonus[at]), dear[at])
        for at, kind in enumerate(kinds)
    ]  # fmt: skip


def _times(family: Family, count: int, chance: Chance, bundles: Bundles) -> tuple[Whole, list[tuple[int, int]]]:
    """How long each line is, and its window; lines of a request share the day, and a common start its window."""
    window = family.step * chance.whole("window", count, 0, family.window // family.step)
    if family.one_to_one:
        return np.full(count, 4 * HOUR), [(5 * DAY + 14 * HOUR, 5 * DAY + 14 * HOUR)] * count
    if family.whole_days:
        minutes = DAY * (1 + chance.pick("days asked", count, (40, 25, 15, 10, 10)))
        first = DAY * (7 * chance.whole("week asked", count, 0, 2) + chance.pick("day asked", count, WANTED))
        first = np.minimum(first, 3 * WEEK * DAY - minutes - window)
        return minutes, list(zip(first.tolist(), (first + window).tolist(), strict=True))
    minutes = 30 * chance.whole("length", count, 4, 20)
    day = chance.pick("day asked", count, WANTED)
    same = np.array(bundles.same_start)[bundles.request]
    leader = np.where(
        same | np.array(bundles.together)[bundles.request],
        np.searchsorted(bundles.request, bundles.request),
        np.arange(count),
    )
    free = np.maximum(0, CLOSE - OPEN - minutes - window) // 30
    first = day * DAY + OPEN + 30 * (chance.whole("half hour", count, 0, 10_000) % (free + 1))
    first, window = np.where(same, first[leader], first), np.where(same, window[leader], window)
    first = first + (day[leader] - first // DAY) * DAY
    minutes = np.where(same, minutes[leader], minutes)
    window = np.minimum(window, (CLOSE - first % DAY - minutes) // family.step * family.step)
    return minutes, list(zip(first.tolist(), (first + window).tolist(), strict=True))


def _values(chance: Chance, minutes: Whole) -> list[int]:
    """Cents: an hourly value of which few are high, with a little that doesn't depend on the length."""
    count = len(minutes)
    rate = 600 + chance.whole("rate", count, 0, 60) * chance.whole("rate again", count, 0, 60)
    hours = np.minimum(minutes, 24 * HOUR)
    return [int(cents) for cents in chance.whole("once", count, 500, 2_000) + rate * hours // 60]


def _reach(family: Family, count: int, chance: Chance, kinds: list[str]) -> list[float]:
    """Kilometres within which about 20 resources suit a line, give or take a third of the area's radius."""
    shares = {kind: share / sum(SHARES) for kind, share in zip(("vehicle", "room", "staff"), SHARES, strict=True)}
    each = {kind: family.resources(count) * (1.0 if family.one_to_one else shares[kind]) for kind in set(kinds)}
    radius = {kind: SIDE / 1000 * sqrt(ELIGIBLE * family.reaching(count) / 314 / many) for kind, many in each.items()}
    spread = chance.whole("reach", count, 70, 130).tolist()
    return [round(radius[kind] * percent / 100, 2) for kind, percent in zip(kinds, spread, strict=True)]


def _some(chance: Chance, name: str, count: int, percent: int) -> list[int]:
    """A single feature's bit, or none."""
    bit = 1 << chance.whole(f"{name} which", count, 0, 2)
    return [int(each) for each in np.where(chance.happens(name, count, percent), bit, 0)]


def _at_least(kind: str, size: int) -> dict[str, float]:
    """Every second line asks for no size; others for one of the lower three."""
    if kind not in MEASURES or size == 3:
        return {}
    name, sizes = MEASURES[kind]
    return {name: sizes[size]} if size else {}


def _units(family: Family, chance: Chance, count: int) -> list[int]:
    if family.units == 1:
        return [1] * count
    return [1 + int(more) for more in chance.pick("units asked", count, (60, 20, 10, 10))]


def _most_paid(family: Family, chance: Chance, minutes: Whole) -> list[int | None]:
    """What some are ready to pay, at most."""
    if not family.everything:
        return [None] * len(minutes)
    most = (300 + chance.whole("ready to pay", len(minutes), 100, 300) * minutes // 60).tolist()
    limited = chance.happens("limited", len(minutes), 20).tolist()
    return [cents if tight else None for cents, tight in zip(most, limited, strict=True)]
