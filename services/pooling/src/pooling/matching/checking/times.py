"""Which minutes are free, blocked, and how many units are left in them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pooling.matching.problem import Busy, Line, Resource

Period = tuple[int, int]


def union(periods: Iterable[Period]) -> list[Period]:
    """The same minutes, sorted, without overlaps."""
    found: list[Period] = []
    for start, end in sorted(periods):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((start, end))
    return found


def starts_within(line: Line, free: Iterable[Period]) -> Iterator[int]:
    """The line's starts, on its step and in its window, from which it lasts inside one of these (disjoint) periods."""
    earliest, latest = line.start
    for opens, closes in free:
        skipped = max(0, -((earliest - opens) // line.step))
        yield from range(earliest + skipped * line.step, min(latest, closes - line.minutes) + 1, line.step)


def block(resource: Resource, start: int, end: int) -> Period:
    """What is blocked on the resource by something from start to end."""
    before, after = resource.buffer
    return start - before, end + after


@dataclass(frozen=True, slots=True)
class Left:
    """Units left by what is busy: `units[i]` from `minutes[i]` up to the next, `units[0]` from ever."""

    minutes: list[int]
    units: list[int]

    def at(self, minute: int) -> int:
        """Units left at this minute."""
        return self.units[bisect_right(self.minutes, minute)]

    def changes(self, start: int, end: int) -> list[int]:
        """The start, and the minutes up to the end at which another number of units is left."""
        return [start, *self.minutes[bisect_right(self.minutes, start) : bisect_left(self.minutes, end)]]

    def falls(self) -> list[int]:
        """The minutes at which fewer units are left than before."""
        steps = zip(self.minutes, pairwise(self.units), strict=True)
        return [minute for minute, (before, after) in steps if after < before]

    def least(self, start: int, end: int) -> int:
        """The fewest units left at any minute of `[start, end)`."""
        return min(self.at(minute) for minute in self.changes(start, end))


def left(resource: Resource, busy: Iterable[Busy]) -> Left:
    """The units that the busy periods of this resource leave, never below 0."""
    changes: dict[int, int] = {}
    for each in busy:
        starts, ends = block(resource, each.start, each.end)
        changes[starts] = changes.get(starts, 0) + each.units
        changes[ends] = changes.get(ends, 0) - each.units
    minutes, taken, units = sorted(changes), 0, [resource.units]
    for minute in minutes:
        taken += changes[minute]
        units.append(max(0, resource.units - taken))
    return Left(minutes, units)
