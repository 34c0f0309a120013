"""A territory at a moment: what is offered, what is asked and what was planned, as the matching engine's problem."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from pooling.domain.offers import Asker
from pooling.domain.periods import STEP
from pooling.matching import problem as engine
from schemas.event import Period
from schemas.pooling import Kind, Line, Price, Ring

MINUTE = timedelta(minutes=1)
WORTH = 1_000_000
"""Cents that a placed line is worth, whatever it is: first as many as possible, then the cheapest and nearest."""
KM_COST = 45
"""Cents that a kilometre between a line and its resource counts."""
STABILITY = 2_000
"""Cents that a better plan must gain for each line that it moves."""
MOST_STARTS = 96
"""Starts tried for a line: a day of quarters. In a longer window they stand further apart."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the plan has a line."""

    resource_id: UUID
    period: Period


@dataclass(frozen=True, slots=True)
class Wish:
    """An unbooked line of an open request, at the request's version; whether its slot, if it has one, is proposed."""

    request_id: UUID
    request_version: int
    asker: Asker
    line: Line
    slot: Slot | None
    proposed: bool = True

    def has(self, slot: Slot | None) -> bool:
        """Whether this is its slot, and its requester was told so."""
        return self.slot == slot and (slot is None or self.proposed)


@dataclass(frozen=True, slots=True)
class Supply:
    """An offered resource, at its version: when it is available, and when it is booked."""

    id: UUID
    version: int
    pole_id: UUID
    organisation_id: UUID
    title: str
    kind: Kind
    features: frozenset[str]
    measures: Mapping[str, int]
    at: tuple[float, float]
    ring: Ring
    price: Price
    available: tuple[Period, ...]
    booked: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Territory:
    """A consistent snapshot. `partners` are the poles with which each pole shares."""

    now: datetime
    wishes: tuple[Wish, ...]
    supplies: tuple[Supply, ...]
    partners: Mapping[UUID, frozenset[UUID]]


def sees(asker: Asker, supply: Supply, partners: Mapping[UUID, frozenset[UUID]]) -> bool:
    """Whether the resource's ring reaches the asker."""
    return supply.organisation_id == asker.organisation_id or _reaches(supply, asker.pole_id, partners)


def _reaches(supply: Supply, pole_id: UUID, partners: Mapping[UUID, frozenset[UUID]]) -> bool:
    """Whether the resource's ring reaches everybody of a pole."""
    if supply.ring is Ring.EVERYONE or supply.ring is Ring.ORGANISATION:
        return supply.ring is Ring.EVERYONE
    if supply.pole_id == pole_id:
        return True
    return supply.ring is Ring.PARTNER_POLES and pole_id in partners.get(supply.pole_id, ())


def parts_of(territory: Territory, members: Sequence[Collection[UUID]]) -> list[Territory]:
    """The territory of each of these sets of lines and resources, by id; a line or resource is in one at most.

    The times that the plan has given to lines outside count as booked.
    """
    of = {id_: number for number, ids in enumerate(members) for id_ in ids}
    wishes: list[list[Wish]] = [[] for _ in members]
    supplies: list[list[Supply]] = [[] for _ in members]
    given: dict[UUID, tuple[Period, ...]] = {}
    for wish in territory.wishes:
        own = of.get(wish.line.id)
        if own is not None:
            wishes[own].append(wish)
        if wish.slot is not None and of.get(wish.slot.resource_id) != own:
            given[wish.slot.resource_id] = (*given.get(wish.slot.resource_id, ()), wish.slot.period)
    for supply in territory.supplies:
        if (own := of.get(supply.id)) is not None:
            supplies[own].append(replace(supply, booked=supply.booked + given.get(supply.id, ())))
    return [
        replace(territory, wishes=tuple(wishes[number]), supplies=tuple(supplies[number]))
        for number in range(len(members))
    ]


def fingerprint(part: Territory) -> bytes:
    """What a plan of this part rests on: another fingerprint asks for another plan."""
    digest = sha256()
    audience = _Audience(part)
    for supply in part.supplies:
        reached = audience.of(supply)
        booked = sorted((each.start.isoformat(), each.end.isoformat()) for each in supply.booked)
        digest.update(repr((str(supply.id), supply.version, booked, reached)).encode())
    for wish in part.wishes:
        over = wish.slot is not None and (wish.slot.period.start < part.now or not wish.proposed)
        digest.update(repr((str(wish.line.id), wish.request_version, over)).encode())
    return digest.digest()


def problem_of(territory: Territory) -> engine.Problem:
    """The engine's problem: minutes from `now` on (whole, rounded down), cents; ids are the uuids as text.

    A line that can no longer begin in its window is left out.
    """
    origin = origin_of(territory)
    known = {supply.id for supply in territory.supplies}
    audience = _Audience(territory)
    requests: dict[UUID, list[engine.Line]] = {}
    askers: dict[UUID, Asker] = {}
    for wish in territory.wishes:
        if (line := _line(wish, territory.now, origin, known)) is not None:
            requests.setdefault(wish.request_id, []).append(line)
            askers[wish.request_id] = wish.asker
    return engine.Problem(
        resources=tuple(_resource(supply, audience, origin) for supply in territory.supplies),
        requests=tuple(
            engine.Request(str(id_), audience.key(askers[id_]), tuple(lines)) for id_, lines in requests.items()
        ),
        km_cost=KM_COST,
        stability=STABILITY,
        busy=tuple(
            engine.Busy(str(supply.id), (period.start - origin) // MINUTE, -((origin - period.end) // MINUTE))
            for supply in territory.supplies
            for period in supply.booked
        ),
    )


def origin_of(territory: Territory) -> datetime:
    """The moment of the problem's minute 0."""
    return territory.now.replace(second=0, microsecond=0)


def slot_of(territory: Territory, wish: Wish, placed: engine.Placed) -> Slot:
    """Where a placed line is, in time."""
    first = wish.line.window.start
    start = first + (placed.start - (first - origin_of(territory)) // MINUTE) * MINUTE
    return Slot(UUID(placed.resource), Period(start=start, end=start + wish.line.minutes * MINUTE))


class _Audience:
    """Who sees what, in few words: the engine's poles.

    They are our poles, but for an asker who sees something of its own organisation that its pole doesn't.
    """

    def __init__(self, territory: Territory) -> None:
        self.partners = territory.partners
        owned: dict[UUID, list[Supply]] = {}
        for supply in territory.supplies:
            owned.setdefault(supply.organisation_id, []).append(supply)
        askers = {wish.asker for wish in territory.wishes}
        self.apart = {
            asker
            for asker in askers
            if any(
                not _reaches(supply, asker.pole_id, self.partners) for supply in owned.get(asker.organisation_id, ())
            )
        }
        self.keys = {self.key(asker): asker for asker in sorted(askers, key=self.key)}
        self.known: dict[tuple[Ring, UUID], tuple[str, ...]] = {}

    def key(self, asker: Asker) -> str:
        """The engine's pole of an asker's requests."""
        return f"{asker.pole_id}/{asker.organisation_id}" if asker in self.apart else str(asker.pole_id)

    def of(self, supply: Supply) -> tuple[str, ...]:
        """The engine's poles of a resource."""
        same = supply.ring, supply.pole_id
        if same not in self.known:
            self.known[same] = tuple(
                key for key, asker in self.keys.items() if _reaches(supply, asker.pole_id, self.partners)
            )
        own = {self.key(asker) for asker in self.apart if asker.organisation_id == supply.organisation_id}
        return (*self.known[same], *sorted(own.difference(self.known[same])))


def _resource(supply: Supply, audience: _Audience, origin: datetime) -> engine.Resource:
    return engine.Resource(
        id=str(supply.id),
        kind=supply.kind,
        poles=audience.of(supply),
        at=supply.at,
        features=supply.features,
        measures=supply.measures,
        free=tuple(_inside(supply.available, origin)),
        price=engine.Price(supply.price.fixed_cents, supply.price.hour_cents),
    )


def _inside(periods: Iterable[Period], origin: datetime) -> Iterable[tuple[int, int]]:
    """The whole minutes of these periods, from the origin on."""
    for period in periods:
        start, end = max(0, -((origin - period.start) // MINUTE)), (period.end - origin) // MINUTE
        if start < end:
            yield start, end


def _line(wish: Wish, now: datetime, origin: datetime, known: Collection[UUID]) -> engine.Line | None:
    """The line with its starts on the service's steps; one between two minutes is planned as a minute longer."""
    line = wish.line
    first, length = line.window.start, line.minutes * MINUTE
    minute = (first - origin) // MINUTE
    steps = (line.window.end - first - length) // STEP
    apart = max(1, -(-(steps + 1) // MOST_STARTS))
    earliest = -(-max(now - first, timedelta()) // (STEP * apart)) * apart
    if steps < earliest:
        return None
    latest = steps // apart * apart
    quarter = STEP // MINUTE
    return engine.Line(
        id=str(line.id),
        kind=line.kind,
        value=WORTH,
        minutes=line.minutes + ((first - origin) % MINUTE > timedelta()),
        start=(minute + earliest * quarter, minute + latest * quarter),
        step=apart * quarter,
        at=(line.place.latitude, line.place.longitude),
        max_km=line.max_km,
        features=frozenset(line.features),
        at_least={name: needed for name, needed in line.at_least.items() if needed > 0},
        max_price=line.max_price_cents,
        current=_current(wish, minute, known),
    )


def _current(wish: Wish, minute: int, known: Collection[UUID]) -> engine.Current | None:
    if wish.slot is None or wish.slot.resource_id not in known:
        return None
    start = minute + (wish.slot.period.start - wish.line.window.start) // MINUTE
    return engine.Current(str(wish.slot.resource_id), start)
