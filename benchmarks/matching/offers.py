"""What members offer: vehicles, rooms and staff, on some days of the week."""

import numpy as np

from benchmarks.matching.chance import Chance, Whole
from benchmarks.matching.families import DAY, HOUR, Family
from benchmarks.matching.territory import SIDE, Places, scattered
from pooling.matching.problem import Price, Resource

KINDS = ("vehicle", "room", "staff")
SHARES = (5, 3, 2)
FEATURES = {
    "vehicle": ("ramp", "electric", "towbar"),
    "room": ("step-free", "kitchen", "projector"),
    "staff": ("first-aid", "sign-language", "driving-licence"),
}
MEASURES = {"vehicle": ("seats", (2, 5, 7, 9)), "room": ("people", (12, 25, 50, 120))}
"""By kind what is measured, and the sizes that there are; staff isn't measured."""
OPEN, CLOSE = 8 * HOUR, 22 * HOUR
WEEK = 7
POLES = ("west", "east")


def resources(family: Family, lines: int, chance: Chance) -> tuple[Resource, ...]:
    """The resources for a problem of that many lines."""
    count = family.resources(lines)
    places = scattered(chance, "resource", count, clustered=family.clustered)
    kinds = kinds_of(family, "resource", count, chance)
    fixed, hour = chance.whole("fixed", count, 0, 500).tolist(), chance.whole("hour", count, 0, 300).tolist()
    features = chance.whole("features", count, 0, 7).tolist()
    sizes = chance.whole("sizes", count, 0, 3).tolist()
    units = _units(family, chance, count)
    poles, periods = _poles(chance, places), _periods(family, chance, count)
    before = _minutes(family, chance, "before", count)
    after = _minutes(family, chance, "after", count)
    opening = _opening(family, chance, count)
    return tuple(
        Resource(f"r{at}", kinds[at], poles[at], where, units[at], having(kinds[at], features[at]),
                 _measures(kinds[at], sizes[at]), periods[at], (before[at], after[at]),
                 Price(fixed[at], hour[at]), opening[at])
        for at, where in enumerate(places.degrees())
    )  # fmt: skip


def kinds_of(family: Family, name: str, count: int, chance: Chance) -> list[str]:
    """The kind of each; one to one there is one kind."""
    if family.one_to_one:
        return ["room"] * count
    return [KINDS[at] for at in chance.pick(f"{name} kind", count, SHARES).tolist()]


def having(kind: str, bits: int) -> frozenset[str]:
    """The features of a kind whose bits are set."""
    return frozenset(feature for at, feature in enumerate(FEATURES[kind]) if bits >> at & 1)


def _measures(kind: str, size: int) -> dict[str, float]:
    if kind not in MEASURES:
        return {}
    name, sizes = MEASURES[kind]
    return {name: sizes[size]}


def _poles(chance: Chance, places: Places) -> list[tuple[str, ...]]:
    """Each its own pole, and three in five the other one too."""
    own = (places.east >= SIDE // 2).astype(np.int64).tolist()
    both = chance.happens("both poles", len(own), 60).tolist()
    return [POLES if shared else (POLES[pole],) for pole, shared in zip(own, both, strict=True)]


def _periods(family: Family, chance: Chance, count: int) -> list[tuple[tuple[int, int], ...]]:
    """When each is offered: on its days of the week from opening to closing, or whole days of three weeks."""
    ranks = np.stack([chance.order(f"day {at}", count) for at in range(WEEK)]).argsort(axis=0, kind="stable")
    days = chance.whole("days", count, *family.offered)
    there = (days[:, None] > ranks.T).tolist()
    if family.whole_days:
        return [tuple(_merged([at for at in range(3 * WEEK) if week[at % WEEK]])) for week in there]
    return [tuple((at * DAY + OPEN, at * DAY + CLOSE) for at in range(WEEK) if week[at]) for week in there]


def _merged(days: list[int]) -> list[tuple[int, int]]:
    """Periods of the days, neighbours as one."""
    periods: list[tuple[int, int]] = []
    for day in days:
        if periods and periods[-1][1] == day * DAY:
            periods[-1] = (periods[-1][0], (day + 1) * DAY)
        else:
            periods.append((day * DAY, (day + 1) * DAY))
    return periods


def _units(family: Family, chance: Chance, count: int) -> list[int]:
    if family.units == 1:
        return [1] * count
    several = chance.happens("several", count, 70)
    return [int(units) for units in np.where(several, chance.whole("units", count, 2, family.units), 1)]


def _minutes(family: Family, chance: Chance, name: str, count: int) -> list[int]:
    """Buffers: none, a quarter or half an hour."""
    return [15 * int(quarters) for quarters in chance.whole(name, count, 0, 2) * family.everything]


def _opening(family: Family, chance: Chance, count: int) -> list[int]:
    """A third of the resources cost something once when they are used at all."""
    if not family.everything:
        return [0] * count
    costs: Whole = np.where(chance.happens("opens", count, 33), chance.whole("opening", count, 500, 3_000), 0)
    return [int(cents) for cents in costs]
