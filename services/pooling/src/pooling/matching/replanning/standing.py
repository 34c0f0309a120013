"""A plan and what may happen to it: each event changes what it must, then looks for the best around itself."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import cos, hypot, pi
from typing import TypeVar

from pooling.matching.distance import METRES_PER_DEGREE
from pooling.matching.problem import Limit, Line, Placed, Problem, Request, Resource
from pooling.matching.reading.periods import merged
from pooling.matching.replanning.around import around, fillers, meets
from pooling.matching.replanning.records import Change, Move, Records
from pooling.matching.replanning.small import as_busy, best_plan, small_problem

T = TypeVar("T")

AT_ONCE = 24
"""Requests that an event has disturbed and that are placed anew together; others follow in their turn."""

MOST_NEWLY_ELIGIBLE = 24
"""Lines that are looked at when a resource is offered otherwise than before."""


class Unknown(Exception):
    """The plan has no such request, line, resource or placement."""


class Known(Exception):
    """The plan has such a request, or a line of it, already."""


class StandingPlan:
    """A feasible plan of a problem, kept up to date.

    What is placed is the proposals as the members know them: a later event moves one of them only if that gains more
    than the problem's `stability` (cents). Accepted bookings (`busy`) never move.
    """

    def __init__(self, problem: Problem, placed: Iterable[Placed]) -> None:
        """`placed` keeps the rules; what the lines' `current` say is replaced by it."""
        self.records = Records(problem, placed)

    @property
    def value(self) -> int:
        """What the plan is worth, in cents, all proposals being where they are known to be."""
        return self.records.value

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Where the lines are."""
        return tuple(self.records.placed.values())

    def problem(self) -> Problem:
        """The problem as it is now, each placed line with its `current`."""
        return self.records.problem()

    def arrive(self, request: Request) -> Change:
        """A request more. Raises Known."""
        self.refuse_known(request)
        home, value = self.known()
        self.records.ask(request)
        return self.settled([request.id], home, value)

    def refuse_known(self, request: Request) -> None:
        """Raises Known for a request whose id, or a line's, the plan has."""
        if request.id in self.records.requests:
            raise Known(request.id)
        for line in request.lines:
            if line.id in self.records.of_line:
                raise Known(line.id)

    def cancel(self, request: str) -> Change:
        """A request less. Raises Unknown."""
        lines = known_in(self.records.requests, request).lines
        change = self.without([line.id for line in lines])
        self.records.requests.pop(request, None)
        return change

    def cancel_line(self, line: str) -> Change:
        """A line less, the rest of its request as before. Raises Unknown."""
        known_in(self.records.of_line, line)
        return self.without([line])

    def without(self, lines: list[str]) -> Change:
        """These lines are gone, and others may have their room."""
        home, value = self.known()
        holes = []
        for line in lines:
            if line in self.records.placed:
                end = self.records.placed[line].start + self.records.of_line[line][0].minutes
                holes.append((self.records.take(line), end))
                home.pop(line)
            self.records.forget(line)
        return self.settled(fillers(self.records, holes), home, value)

    def book(self, line: str) -> Change:
        """A proposal is accepted, with all of its request if that is a bundle: it is busy from now on, and never moves.

        Raises Unknown if the line isn't placed.
        """
        known_in(self.records.placed, line)
        value = self.records.value
        asked, request = self.records.of_line[line]
        for each in request.lines if request.together else (asked,):
            for number in self.records.limits_of.get(each.id, ()):
                limit = self.records.limits[number]
                self.records.limits[number] = Limit(limit.lines, limit.at_most - 1)
            placed = self.records.take(each.id)
            self.records.forget(each.id)
            self.records.book(as_busy(each, placed))
        return Change((), self.records.value - value)

    def break_down(self, resource: str, start: int, end: int) -> Change:
        """A resource can't be used for a period; what is accepted on it stays. Raises Unknown."""
        offered = known_in(self.records.resources, resource)
        before = [(begin, min(close, start)) for begin, close in offered.free]
        after = [(max(begin, end), close) for begin, close in offered.free]
        home, value = self.known()
        struck = [
            placed
            for line, placed in self.records.on[resource].items()
            if placed.start < end and start < placed.start + self.records.of_line[line][0].minutes
        ]
        self.records.offer(replace(offered, free=merged(before + after)))
        return self.settled(self.taken_off(struck), home, value)

    def change_offer(self, resource: Resource) -> Change:
        """A resource is offered otherwise, or for the first time."""
        home, value = self.known()
        struck = list(self.records.on.get(resource.id, {}).values())
        disturbed = self.taken_off(struck)
        before = self.records.resources.get(resource.id)
        self.records.offer(resource)
        known = () if before and scores_alike(before, resource) else self.records.wanted[resource.id]
        for line in [*known, *newly_eligible(self.records, resource)]:
            self.records.rescore(line, resource.id)
        ends = [(Placed("", resource.id, start), end) for start, end in merged(resource.free)]
        seeds = list(dict.fromkeys([*disturbed, *fillers(self.records, ends)]))
        return self.settled(seeds[: max(AT_ONCE, len(disturbed))], home, value)

    def taken_off(self, struck: list[Placed]) -> list[str]:
        """Takes placements away, with the bundles that they are of; the requests to be placed anew."""
        disturbed: dict[str, None] = {}
        for placed in struck:
            request = self.records.of_line[placed.line][1]
            disturbed[request.id] = None
            for each in request.lines if request.together else (self.records.of_line[placed.line][0],):
                if each.id in self.records.placed:
                    self.records.take(each.id)
        return list(disturbed)

    def known(self) -> tuple[dict[str, Placed], int]:
        """The proposals before an event, and their value."""
        return dict(self.records.placed), self.records.value

    def settled(self, seeds: list[str], home: dict[str, Placed], value: int) -> Change:
        """Places requests and those around them anew, a few at a time; what came of it."""
        moved: dict[str, None] = {}
        before = dict(home)
        for at in range(0, len(seeds), AT_ONCE):
            moved.update(dict.fromkeys(self.placed_anew(seeds[at : at + AT_ONCE], home)))
        after = self.followers(moved, before)
        if after:
            moved.update(dict.fromkeys(self.placed_anew(after, home)))
        moves = [Move(line, home.get(line), self.records.placed.get(line)) for line in moved]
        return Change(tuple(each for each in moves if each.before != each.after), self.records.value - value)

    def followers(self, moved: Iterable[str], before: dict[str, Placed]) -> list[str]:
        """The requests that lost their place, and those that gain from the places that others left."""
        records, lost, holes = self.records, [], []
        for line in moved:
            left, now = before.get(line), records.placed.get(line)
            if left is not None and now != left:
                asked, request = records.of_line[line]
                holes.append((left, left.start + asked.minutes))
                if now is None:
                    lost.append(request.id)
        return list(dict.fromkeys([*lost, *fillers(records, holes)]))[:AT_ONCE]

    def placed_anew(self, seeds: list[str], home: dict[str, Placed]) -> list[str]:
        """Makes the best of the requests around the seeds; their lines."""
        records = self.records
        chosen = around(records, seeds)
        found = {each.line: each for each in best_plan(small_problem(records, chosen, home), records.placed)}
        lines = [line.id for request in chosen for line in records.requests[request].lines]
        changed = [line for line in lines if records.placed.get(line) != found.get(line)]
        for line in changed:
            if line in records.placed:
                records.take(line)
        for line in changed:
            if line in found:
                records.put(found[line])
        return lines


def known_in(table: Mapping[str, T], name: str) -> T:
    """What a table has under a name. Raises Unknown."""
    if name not in table:
        raise Unknown(name)
    return table[name]


def scores_alike(one: Resource, other: Resource) -> bool:
    """Whether lines that suit one suit the other, at the same score; when they are free and how many aside."""
    return replace(one, free=other.free, units=other.units, buffer=other.buffer, opening=other.opening) == other


def newly_eligible(records: Records, resource: Resource) -> list[str]:
    """The lines that a resource may serve and didn't, roughly; those that have least first."""
    found, known = [], records.wanted[resource.id]
    for id_ in records.of_kind.get(resource.kind, ()):
        line, request = records.of_line[id_]
        if request.pole not in resource.poles or not line.features <= resource.features or id_ in known:
            continue
        if not beyond(line, resource) and any(meets(line, *period) for period in resource.free):
            there = records.placed.get(id_)
            has = records.options[id_][there.resource] if there else 0
            found.append((has - line.value, id_))
    return [id_ for _, id_ in sorted(found)[:MOST_NEWLY_ELIGIBLE]]


def beyond(line: Line, resource: Resource) -> bool:
    """Whether a resource is surely too far, by a distance on the flat map."""
    if line.max_km is None or line.at is None or resource.at is None:
        return False
    most = (1010 * line.max_km + 1000) / METRES_PER_DEGREE
    north = resource.at[0] - line.at[0]
    if not -most <= north <= most:
        return True
    east = resource.at[1] - line.at[1]
    return abs(east) < 180 and hypot(north, east * cos(max(abs(line.at[0]), abs(resource.at[0])) * pi / 180)) > most
