"""The problem that the engine solves and the plan that it answers with, as docs/matching.md says it.

Times are integer minutes from a common origin, money is integer cents, periods are half-open `[start, end)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SCALE = 1000


@dataclass(frozen=True, slots=True)
class Price:
    """What a placed line pays: cents once, and cents per hour."""

    fixed: int = 0
    hour: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """Something offered: `units` of it, in the periods `free` (minutes), to requests of its `poles`."""

    id: str
    kind: str
    poles: tuple[str, ...]
    at: tuple[float, float] | None = None
    units: int = 1
    features: frozenset[str] = frozenset()
    measures: Mapping[str, float] = field(default_factory=dict)
    free: tuple[tuple[int, int], ...] = ()
    buffer: tuple[int, int] = (0, 0)
    price: Price = Price()
    opening: int = 0


@dataclass(frozen=True, slots=True)
class Busy:
    """An accepted booking: it never moves."""

    resource: str
    start: int
    end: int
    units: int = 1


@dataclass(frozen=True, slots=True)
class Current:
    """Where a line is proposed now."""

    resource: str
    start: int


@dataclass(frozen=True, slots=True)
class Line:
    """One thing asked for: `minutes` long, starting within `start` (both ends allowed) on its `step`."""

    id: str
    kind: str
    value: int
    minutes: int
    start: tuple[int, int]
    step: int = 15
    at: tuple[float, float] | None = None
    max_km: float | None = None
    features: frozenset[str] = frozenset()
    at_least: Mapping[str, float] = field(default_factory=dict)
    units: int = 1
    prefers: Mapping[str, int] = field(default_factory=dict)
    max_price: int | None = None
    only: frozenset[str] | None = None
    current: Current | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Lines of one pole's member; `together`: all are placed or none; `same_start`: at one and the same start."""

    id: str
    pole: str
    lines: tuple[Line, ...]
    together: bool = False
    same_start: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `at_most` of these lines are placed."""

    lines: tuple[str, ...]
    at_most: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A territory's offers and needs. `km_cost` is cents per kilometre, `stability` cents per moved proposal."""

    resources: tuple[Resource, ...]
    requests: tuple[Request, ...]
    km_cost: int = 0
    stability: int = 0
    busy: tuple[Busy, ...] = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A line on a resource at a start."""

    line: str
    resource: str
    start: int


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices that prove a bound, in thousandths of a cent (`SCALE` to the cent); what is absent is 0.

    `lines`: by line id one price, or one per start; `limits`: one per limit of the problem; `moments`: by resource id
    pairs (minute, price), paid per unit by whatever blocks that minute.
    """

    lines: Mapping[str, int | Mapping[int, int]] = field(default_factory=dict)
    limits: tuple[int, ...] = ()
    moments: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: until `seconds` have passed or `rounds` are done, whichever comes first; None: no end.

    `clock` tells the time in seconds, from any beginning: needed with `seconds`.
    """

    seconds: float | None = None
    rounds: int | None = None
    clock: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the engine found: its value, a proved upper bound of any plan's value (cents), and what is placed."""

    value: int
    bound: int
    placed: tuple[Placed, ...]
    prices: Prices = Prices()
    seed: int = 0
    rounds: int = 0
    seconds: float = 0.0
    components: int = 0

    @property
    def gap(self) -> float:
        """How far from the best possible the plan can be, relative to the bound."""
        return (self.bound - self.value) / max(1, abs(self.bound))
