"""Which requests are looked at again after an event: those that want the same room, those that could fill a hole."""

from collections.abc import Iterable, Iterator

from pooling.matching.problem import Line, Placed
from pooling.matching.replanning.records import Records

SIZE = 28
"""Requests that are placed anew together."""

NEAR = 12
"""Resources of a line, of those where it scores most, on which its rivals are looked for."""

FILLERS = 10
NEXT_FILLERS = 3
"""Lines that may fill a hole, and that may fill the hole which one of those leaves."""

MOST_FILLERS = 24


def around(records: Records, seeds: Iterable[str]) -> list[str]:
    """The seeds and the requests that are placed in their way, and in the way of those, about SIZE of them."""
    chosen = dict.fromkeys(seeds)
    queue = list(chosen)
    for request in queue:
        for line in records.requests[request].lines:
            for rival in rivals(records, line):
                if len(chosen) >= SIZE:
                    return list(chosen)
                if rival not in chosen:
                    chosen[rival] = None
                    queue.append(rival)
    return list(chosen)


def rivals(records: Records, line: Line) -> Iterator[str]:
    """The requests placed where and when this line may be, the resources where it scores most first."""
    for resource in list(records.options[line.id])[:NEAR]:
        gap = sum(records.resources[resource].buffer)
        for other, placed in records.on[resource].items():
            asked, request = records.of_line[other]
            if meets(line, placed.start - gap, placed.start + asked.minutes + gap):
                yield request.id


def meets(line: Line, begin: int, end: int) -> bool:
    """Whether a line can be there at some time of a period, by its window."""
    return line.start[0] < end and begin < line.start[1] + line.minutes


def fillers(records: Records, holes: Iterable[tuple[Placed, int]]) -> list[str]:
    """The requests that gain most from holes (what was placed, and its end), and those that gain from following them.

    Room for which nobody was waiting is worth nothing; a proposal comes only if it gains more than its stability.
    """
    chosen: dict[str, None] = {}
    for placed, end in holes:
        for line in gainers(records, placed, end, FILLERS):
            asked, request = records.of_line[line]
            chosen[request.id] = None
            there = records.placed.get(line)
            for next_line in gainers(records, there, there.start + asked.minutes, NEXT_FILLERS) if there else ():
                chosen[records.of_line[next_line][1].id] = None
    return list(chosen)[:MOST_FILLERS]


def gainers(records: Records, hole: Placed, end: int, most: int) -> list[str]:
    """The lines that score most on a resource beyond what they have, of those that can use a period there."""
    gap = sum(records.resources[hole.resource].buffer)
    begin, close, found = hole.start - gap, end + gap, []
    for line in records.wanted[hole.resource]:
        asked = records.of_line[line][0]
        if meets(asked, begin, close):
            gain = records.options[line][hole.resource]
            there = records.placed.get(line)
            if there is not None:
                gain -= records.options[line][there.resource] + records.stability
            if gain > 0 and (there is None or there.resource != hole.resource):
                found.append((-gain, line))
    return [line for _, line in sorted(found)[:most]]
