"""Why a line is where it is, and why another is nowhere; docs/matching.md says what each word means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pooling.matching.problem import Line

CONDITIONS = (
    "kind", "pole", "only", "features", "measures", "units", "distance", "price", "free", "available",
)  # fmt: skip
"""What a resource has to pass, in this order, to take a line."""


class Because(StrEnum):
    """Why a line isn't placed."""

    NO_SUCH_RESOURCE = "no such resource"
    TOO_FAR = "too far"
    TOO_DEAR = "too dear"
    NOT_FREE = "not free"
    TAKEN = "taken"
    BUNDLE = "bundle"
    LIMIT = "limit"
    NOT_WORTH_IT = "not worth it"
    TIME = "time"


class Change(StrEnum):
    """The condition of a line that a near miss changes: the name of the line's field."""

    START = "start"
    MAX_KM = "max_km"
    MAX_PRICE = "max_price"
    AT_LEAST = "at_least"
    FEATURES = "features"
    UNITS = "units"


@dataclass(frozen=True, slots=True)
class Score:
    """What a placed line adds to the plan's value, in cents, but for the opening of its resource.

    `bonuses` are by feature; `price`, `travel` (for `metres`) and `stability` (0 unless it was moved) are taken off.
    """

    value: int
    bonuses: Mapping[str, int]
    price: int
    metres: int
    travel: int
    stability: int

    @property
    def total(self) -> int:
        """Cents."""
        return self.value + sum(self.bonuses.values()) - self.price - self.travel - self.stability


@dataclass(frozen=True, slots=True)
class Alternative:
    """Where a placed line could be instead, and by how many cents the plan's value would change."""

    resource: str
    start: int
    difference: int


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line that has a place: what that is worth, and its best alternatives, best first."""

    line: Line
    resource: str
    start: int
    score: Score
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The line with one condition changed, and the resource and start that it could have then."""

    changed: Change
    line: Line
    resource: str
    start: int


@dataclass(frozen=True, slots=True)
class UnplacedLine:
    """A line that has no place: how many resources passed each condition so far, and what would help.

    `mates` are the lines of its bundle, itself left out, for which no place is available.
    """

    line: Line
    because: Because
    funnel: tuple[tuple[str, int], ...]
    near_misses: tuple[NearMiss, ...]
    mates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanations:
    """By line id, in the problem's order."""

    placed: Mapping[str, PlacedLine]
    unplaced: Mapping[str, UnplacedLine]
