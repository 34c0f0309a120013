"""What a line could have beside the rest of a plan that keeps the rules."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pooling.matching.checking.score import Known, worth
from pooling.matching.checking.times import Left, Period, block, left, starts_within, union
from pooling.matching.problem import Busy, Current, Line, Placed, Problem, Resource

Block = tuple[int, int, int, str]
"""Start, end, units and the line's id."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The plan by line and by resource; `remaining` is what busy periods leave, `free` when it is offered."""

    problem: Problem
    known: Known
    where: dict[str, Placed]
    blocks: dict[str, list[Block]]
    remaining: dict[str, Left]
    free: dict[str, list[Period]]

    @classmethod
    def of(cls, problem: Problem, placed: Sequence[Placed]) -> "Beside":
        """What these placements leave."""
        known = Known.of(problem)
        busy: dict[str, list[Busy]] = defaultdict(list)
        for each in problem.busy:
            busy[each.resource].append(each)
        blocks: dict[str, list[Block]] = defaultdict(list)
        for place in placed:
            line = known.lines[place.line][0]
            blocks[place.resource].append(blocked(line, known.resources[place.resource], place.start))
        return cls(
            problem,
            known,
            {place.line: place for place in placed},
            blocks,
            {resource.id: left(resource, busy[resource.id]) for resource in problem.resources},
            {resource.id: union(resource.free) for resource in problem.resources},
        )

    def units_left(self, line: Line, resource: Resource, start: int, more: Iterable[Block] = ()) -> int:
        """The fewest units left on the resource while the line would block it, itself and `more` aside."""
        begins, ends = block(resource, start, start + line.minutes)
        remaining = self.remaining[resource.id]
        others = [each for each in (*self.blocks.get(resource.id, ()), *more) if each[3] != line.id]
        others = [each for each in others if each[0] < ends and begins < each[1]]
        moments = {*remaining.changes(begins, ends), *(each[0] for each in others if each[0] > begins)}
        return min(
            remaining.at(moment) - sum(units for first, last, units, _ in others if first <= moment < last)
            for moment in moments
        )

    def hours(self, line: Line, resource: Resource) -> Iterator[int]:
        """The line's starts by rule 5."""
        return starts_within(line, self.free[resource.id])

    def starts(self, line: Line, resource: Resource) -> Iterator[int]:
        """Those of them with room."""
        return (start for start in self.hours(line, resource) if self.units_left(line, resource, start) >= line.units)

    def gain(self, line: Line, resource: Resource) -> int:
        """Cents that the line adds there, stability aside."""
        return worth(line, resource, self.problem.km_cost) - self.opening(line, resource)

    def staying(self, line: Line, resource: Resource, start: int) -> int:
        """Cents of stability that it spares by being where it is proposed now."""
        return self.problem.stability if line.current == Current(resource.id, start) else 0

    def opening(self, line: Line, resource: Resource) -> int:
        """What it costs if nothing else is there."""
        opened = any(other != line.id for _, _, _, other in self.blocks.get(resource.id, ()))
        return 0 if opened else resource.opening

    def within_limits(self, lines: Iterable[Line]) -> bool:
        """Whether these lines may be placed as well."""
        ids = {line.id for line in lines} | self.where.keys()
        return all(len(ids.intersection(limit.lines)) <= limit.at_most for limit in self.problem.limits)


def blocked(line: Line, resource: Resource, start: int) -> Block:
    """What the line blocks there."""
    return (*block(resource, start, start + line.minutes), line.units, line.id)
