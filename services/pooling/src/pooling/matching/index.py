"""Candidates for one line at a time, best first, from offers and bookings that are kept up to date in place.

The rules are those of the batch: `candidates.suiting` and `starts.starts_of` decide here too. Offers lie in runs of
slots, by kind and cell of a grid over the map (`columns`); a line looks at the cells around its circle (`ranking`).
"""

from bisect import insort
from dataclasses import dataclass, replace

import numpy as np

from pooling.matching.candidates import Asked
from pooling.matching.columns import RUN, Columns
from pooling.matching.compiled import NEVER, NONE, Ints
from pooling.matching.compiling import UNLIMITED, bits
from pooling.matching.problem import Busy, Line, Resource
from pooling.matching.ranking import ACROSS, CELL, CELLS, DOWN, Money, Windows, best_of, within
from pooling.matching.reading.periods import merged


class UnknownResource(Exception):
    """The index has no such resource."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource for a line, its first start there (minute), and the parts of its score (cents).

    The score is value + bonus - price - travel - stability: what placing the line there adds to a plan, openings aside.
    """

    resource: str
    start: int
    score: int
    value: int
    bonus: int
    price: int
    travel: int
    stability: int
    metres: int


class Index:
    """Offers and bookings, by resource id."""

    def __init__(self, room: int = 64 * RUN) -> None:
        """`room`: for how many resources at first, in whole runs; it grows."""
        self.columns = Columns(RUN * max(1, -(-room // RUN)))
        self.used = 0
        self.slots: dict[str, int] = {}
        self.ids: dict[int, str] = {}
        self.kinds: dict[str, int] = {}
        self.poles: dict[str, int] = {}
        self.features: dict[str, int] = {}
        self.measures: dict[str, int] = {}
        self.runs: list[Ints] = []
        self.empty: dict[tuple[int, int], list[int]] = {}

    def offer(self, resource: Resource) -> None:
        """Adds a resource, or changes it; what is booked on it stays."""
        busy = self.columns.busy[self.slots[resource.id]] if resource.id in self.slots else []
        if busy or resource.id in self.slots:
            self.withdraw(resource.id)
        for name, numbers in ((resource.features, self.features), (resource.measures, self.measures)):
            numbers.update({each: len(numbers) + at for at, each in enumerate(sorted(set(name) - set(numbers)))})
        for pole in resource.poles:
            self.poles.setdefault(pole, len(self.poles))
        self.columns.widen(len(self.poles), len(self.features), len(self.measures))
        slot = self.slot_for(self.kinds.setdefault(resource.kind, len(self.kinds)), cell_of(resource.at))
        self.slots[resource.id], self.ids[slot] = slot, resource.id
        self.fill(slot, resource)
        self.columns.busy[slot] = busy

    def fill(self, slot: int, resource: Resource) -> None:
        """Writes a resource into its slot."""
        columns = self.columns
        columns.kind[slot] = self.kinds[resource.kind]
        columns.poles[slot] = bits([[self.poles[pole] for pole in resource.poles]], 64 * columns.poles.shape[1])
        columns.place[slot] = (np.nan, np.nan) if resource.at is None else resource.at
        columns.units[slot] = resource.units
        columns.features[slot] = bits(
            [[self.features[name] for name in resource.features]], 64 * columns.features.shape[1]
        )
        columns.measures[slot] = -np.inf
        for name, amount in resource.measures.items():
            columns.measures[slot, self.measures[name]] = amount
        columns.before[slot], columns.after[slot] = resource.buffer
        columns.fixed[slot], columns.hour[slot] = resource.price.fixed, resource.price.hour
        columns.free[slot] = merged(resource.free)

    def slot_for(self, kind: int, cell: int) -> int:
        """An empty slot of a kind and cell, in a new run if need be."""
        if kind == len(self.runs):
            self.runs.append(np.zeros(CELLS, np.int64))
        empty = self.empty.setdefault((kind, cell), [])
        if not empty:
            if self.used == len(self.columns.kind):
                self.columns.grow()
            run = self.used // RUN
            self.columns.next_run[run] = self.runs[kind][cell] - 1
            self.runs[kind][cell] = run + 1
            empty.extend(range(self.used + RUN - 1, self.used - 1, -1))
            self.used += RUN
        return empty.pop()

    def withdraw(self, resource: str) -> None:
        """Removes a resource and what is booked on it. Raises UnknownResource."""
        slot = self.slot_of(resource)
        place, kind = self.columns.place[slot], int(self.columns.kind[slot])
        at = None if np.isnan(place[0]) else (float(place[0]), float(place[1]))
        self.columns.kind[slot] = NONE
        self.columns.busy[slot] = []
        self.empty[kind, cell_of(at)].append(slot)
        del self.slots[resource], self.ids[slot]

    def book(self, busy: Busy) -> None:
        """Adds an accepted booking. Raises UnknownResource."""
        slot = self.slot_of(busy.resource)
        rows = self.columns.busy[slot]
        insort(rows, (busy.start, busy.end, busy.units))
        self.columns.busy[slot] = rows

    def release(self, busy: Busy) -> None:
        """Removes a booking, which must be there. Raises UnknownResource."""
        slot = self.slot_of(busy.resource)
        rows = self.columns.busy[slot]
        rows.remove((busy.start, busy.end, busy.units))
        self.columns.busy[slot] = rows

    def slot_of(self, resource: str) -> int:
        """Where a resource is. Raises UnknownResource."""
        if resource not in self.slots:
            raise UnknownResource(resource)
        return self.slots[resource]

    def ranked(self, line: Line, pole: str, km_cost: int = 0, stability: int = 0, most: int = 10) -> list[Candidate]:
        """The best resources for a line of a pole's request, each at the first start by rules 1 to 6.

        By score, then distance. `km_cost` is cents per kilometre; `stability` what a line pays for not being where its
        `current` is, and on that resource that start is the one told, if it is possible.
        """
        asked, preferred = self.asked(line, pole), self.preferred(line)
        if asked is None:
            return []
        if line.only is None:
            near = within(asked[2][0], asked[3][0], self.runs[asked[0][0]], self.columns.next_run, self.used)
        else:
            near = np.array(sorted(self.slots[each] for each in line.only if each in self.slots), np.int64)
        paid = stability if line.current else 0
        found = self.told(line, near, asked, preferred, (km_cost, paid), most)
        at = line.current
        if at and at.resource in self.slots and (line.only is None or at.resource in line.only):
            begins = at.start in range(line.start[0], line.start[1] + 1, line.step)
            fixed = replace(line, start=(at.start, at.start) if begins else (0, -1))
            here = np.array([self.slots[at.resource]], np.int64)
            home = self.told(fixed, here, asked, preferred, (km_cost, 0), 1)
            others = [each for each in found if not home or each.resource != at.resource]
            found = sorted([*home, *others], key=lambda each: (-each.score, each.metres))[:most]
        return found

    def told(
        self, line: Line, near: Ints, asked: Asked, preferred: Ints, costs: tuple[int, int], most: int
    ) -> list[Candidate]:
        """The best of these slots, by their names; `costs` are cents per km, and for not staying."""
        columns, (km_cost, stability) = self.columns, costs
        dearest = int(NEVER) if line.max_price is None else line.max_price
        money: Money = (line.value - stability, km_cost, dearest, preferred, columns.fixed, columns.hour)
        numbers = (line.start[0], line.start[1], line.step, line.minutes, line.units)
        windows: Windows = tuple(np.array([each], np.int64) for each in numbers)  # type: ignore[assignment]  # five
        offered = (columns.kind, columns.poles, columns.place, columns.features, columns.measures, columns.units)
        free, busy = ((lists.begins, lists.ends, lists.rows) for lists in (columns.free, columns.busy))
        rest = (free, busy, columns.before, columns.after, columns.units)
        rows = best_of(near, asked, windows, money, offered, rest, most)
        return [
            Candidate(
                self.ids[slot], start, score, line.value, bonus, price,
                line.value + bonus - price - stability - score, stability, metres,
            )
            for score, metres, slot, start, price, bonus in rows.tolist()
        ]  # fmt: skip

    def asked(self, line: Line, pole: str) -> Asked | None:
        """What a line asks for as columns of one row; nothing if it asks for what no resource has ever had."""
        if line.kind not in self.kinds or pole not in self.poles:
            return None
        if not line.features <= self.features.keys() or not line.at_least.keys() <= self.measures.keys():
            return None
        measures = np.full((1, self.columns.measures.shape[1]), -np.inf)
        for name, amount in line.at_least.items():
            measures[0, self.measures[name]] = amount
        features = bits([[self.features[name] for name in line.features]], 64 * self.columns.features.shape[1])
        return (
            np.array([self.kinds[line.kind]]), np.array([self.poles[pole]]),
            np.array([(np.nan, np.nan) if line.at is None else line.at], float),
            np.array([UNLIMITED if line.max_km is None else line.max_km], float),
            features, measures, np.array([line.units]),
        )  # fmt: skip

    def preferred(self, line: Line) -> Ints:
        """Rows (feature, cents) of the bonuses that some resource can have."""
        known = [(self.features[name], cents) for name, cents in line.prefers.items() if name in self.features]
        return np.array(known, np.int64).reshape(-1, 2)


def cell_of(at: tuple[float, float] | None) -> int:
    """The cell of the map; the last if there is no place."""
    if at is None:
        return CELLS - 1
    row, column = int((at[0] + 90.0) // CELL), int((at[1] + 180.0) // CELL)
    return min(DOWN - 1, max(0, row)) * ACROSS + column % ACROSS
