"""Distance, price and value of placements, in whole metres and cents."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import asin, cos, floor, radians, sin, sqrt

from pooling.matching.problem import Current, Line, Placed, Problem, Request, Resource

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG), in metres."""


@dataclass(frozen=True, slots=True)
class Known:
    """A problem's resources and lines by id, the lines with their request."""

    resources: dict[str, Resource]
    lines: dict[str, tuple[Line, Request]]

    @classmethod
    def of(cls, problem: Problem) -> "Known":
        """Everything that the problem names."""
        return cls(
            {resource.id: resource for resource in problem.resources},
            {line.id: (line, request) for request in problem.requests for line in request.lines},
        )


def metres(line: Line, resource: Resource) -> int:
    """Great-circle distance (haversine), rounded half up to whole metres; 0 when one of them has no place."""
    if line.at is None or resource.at is None:
        return 0
    latitude_a, latitude_b = radians(line.at[0]), radians(resource.at[0])
    half_chord = (
        sin((latitude_b - latitude_a) / 2) ** 2
        + cos(latitude_a) * cos(latitude_b) * sin(radians(resource.at[1] - line.at[1]) / 2) ** 2
    )
    return floor(2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half_chord))) + 0.5)


def price(line: Line, resource: Resource) -> int:
    """The fixed part plus the hourly part, rounded half up to whole cents."""
    return resource.price.fixed + (2 * resource.price.hour * line.minutes + 60) // 120


def travel(km_cost: int, distance: int) -> int:
    """What a distance in metres costs, rounded half up to whole cents."""
    return (2 * distance * km_cost + 1000) // 2000


def worth(line: Line, resource: Resource, km_cost: int) -> int:
    """What the placement adds before stability and opening: value and bonuses less price and travel."""
    bonuses = sum(bonus for feature, bonus in line.prefers.items() if feature in resource.features)
    return line.value + bonuses - price(line, resource) - travel(km_cost, metres(line, resource))


def value_of(problem: Problem, placed: Iterable[Placed]) -> int:
    """The objective in cents of these placements, each line known and at most once among them, whatever else holds."""
    known = Known.of(problem)
    where = {each.line: each for each in placed}
    total = -sum(known.resources[resource].opening for resource in {each.resource for each in where.values()})
    for each in where.values():
        total += worth(known.lines[each.line][0], known.resources[each.resource], problem.km_cost)
    for line, _ in known.lines.values():
        if line.current is not None and not _stays(line.current, where.get(line.id)):
            total -= problem.stability
    return total


def _stays(current: Current, placed: Placed | None) -> bool:
    return placed is not None and (placed.resource, placed.start) == (current.resource, current.start)
