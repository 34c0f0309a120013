"""What is known of a standing plan's lines, resources and placements, and what they are worth (cents)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pooling.matching.index import Index
from pooling.matching.problem import Busy, Current, Limit, Line, Placed, Problem, Request, Resource

MOST_OPTIONS = 32
"""Resources that are remembered for a line: those where it scores most, if it had them for itself."""


@dataclass(frozen=True, slots=True)
class Move:
    """A line whose proposal changed: from where to where (None: nowhere)."""

    line: str
    before: Placed | None
    after: Placed | None


@dataclass(frozen=True, slots=True)
class Change:
    """What came of an event: what moved, and the change of the plan's value, moving itself not counted (cents)."""

    moves: tuple[Move, ...]
    gain: int


class Records:
    """The standing plan as it is. A line's `current` is where it is placed, and nothing else."""

    def __init__(self, problem: Problem, placed: Iterable[Placed]) -> None:
        self.km_cost, self.stability = problem.km_cost, problem.stability
        self.resources: dict[str, Resource] = {}
        self.requests: dict[str, Request] = {}
        self.of_line: dict[str, tuple[Line, Request]] = {}
        self.of_kind: dict[str, dict[str, None]] = {}
        self.busy: dict[str, list[Busy]] = {}
        self.limits: dict[int, Limit] = dict(enumerate(problem.limits))
        self.limits_of: dict[str, list[int]] = {}
        self.placed: dict[str, Placed] = {}
        self.on: dict[str, dict[str, Placed]] = {}
        self.options: dict[str, dict[str, int]] = {}
        self.wanted: dict[str, dict[str, None]] = {}
        self.index = Index(len(problem.resources) + 1024)
        self.value = 0
        for resource in problem.resources:
            self.offer(resource)
        for busy in problem.busy:
            self.book(busy)
        for number, limit in self.limits.items():
            for line in limit.lines:
                self.limits_of.setdefault(line, []).append(number)
        for request in problem.requests:
            self.ask(request)
        for each in placed:
            self.put(each)

    def offer(self, resource: Resource) -> None:
        """Adds or replaces a resource; what lines score on it is left as it is."""
        self.index.offer(resource)
        self.resources[resource.id] = resource
        self.wanted.setdefault(resource.id, {})
        self.on.setdefault(resource.id, {})
        self.busy.setdefault(resource.id, [])

    def book(self, busy: Busy) -> None:
        """Adds an accepted booking."""
        self.index.book(busy)
        self.busy[busy.resource].append(busy)

    def ask(self, request: Request) -> None:
        """Adds a request, nothing of it placed."""
        lines = tuple(replace(line, current=None) for line in request.lines)
        request = replace(request, lines=lines)
        self.requests[request.id] = request
        for line in lines:
            self.of_line[line.id] = line, request
            self.of_kind.setdefault(line.kind, {})[line.id] = None
            self.options[line.id] = {}
            for found in self.index.ranked(line, request.pole, self.km_cost, most=MOST_OPTIONS):
                self.remember(line.id, found.resource, found.score)

    def remember(self, line: str, resource: str, score: int) -> None:
        """Adds a resource to those where a line may go."""
        self.options[line][resource] = score
        self.wanted[resource][line] = None

    def forget(self, line: str) -> None:
        """Removes a line that isn't placed, from its request and its limits too; at last the request."""
        asked, request = self.of_line.pop(line)
        del self.of_kind[asked.kind][line]
        for resource in self.options.pop(line):
            del self.wanted[resource][line]
        for number in self.limits_of.pop(line, ()):
            limit = self.limits[number]
            self.limits[number] = replace(limit, lines=tuple(each for each in limit.lines if each != line))
        lines = tuple(each for each in request.lines if each.id != line)
        request = replace(request, lines=lines)
        self.requests[request.id] = request
        for each in lines:
            self.of_line[each.id] = each, request
        if not lines:
            del self.requests[request.id]

    def rescore(self, line: str, resource: str) -> bool:
        """Looks again at what a line scores on a resource; false if it can't be there any more, at any start."""
        asked, request = self.of_line[line]
        alone = replace(asked, only=frozenset({resource} if asked.only is None else asked.only & {resource}))
        found = self.index.ranked(alone, request.pole, self.km_cost, most=1)
        if found:
            self.remember(line, resource, found[0].score)
            self.options[line] = dict(sorted(self.options[line].items(), key=lambda each: -each[1]))
        else:
            self.options[line].pop(resource, None)
            self.wanted[resource].pop(line, None)
        return bool(found)

    def put(self, placed: Placed) -> None:
        """Places a line that isn't placed."""
        if placed.resource not in self.options[placed.line]:
            self.rescore(placed.line, placed.resource)
        self.value += self.options[placed.line][placed.resource]
        if not self.on[placed.resource]:
            self.value -= self.resources[placed.resource].opening
        self.placed[placed.line] = self.on[placed.resource][placed.line] = placed

    def take(self, line: str) -> Placed:
        """Takes a placed line away."""
        placed = self.placed.pop(line)
        del self.on[placed.resource][line]
        self.value -= self.options[line][placed.resource]
        if not self.on[placed.resource]:
            self.value += self.resources[placed.resource].opening
        return placed

    def problem(self) -> Problem:
        """The problem as it is now, each placed line with its `current`."""
        return Problem(
            tuple(self.resources.values()),
            tuple(self.with_currents(request) for request in self.requests.values()),
            self.km_cost,
            self.stability,
            tuple(busy for of_resource in self.busy.values() for busy in of_resource),
            tuple(self.limits.values()),
        )

    def with_currents(self, request: Request) -> Request:
        """A request whose placed lines say where they are."""
        lines = []
        for line in request.lines:
            at = self.placed.get(line.id)
            lines.append(replace(line, current=Current(at.resource, at.start) if at else None))
        return replace(request, lines=tuple(lines))
