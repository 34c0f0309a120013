"""Events as the other services would publish them, and notifications running on parts of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from chassis.consume import Delivery
from chassis.db import Pool, as_system, in_transaction, new_id
from chassis.testing import TokenIssuer
from notifications import handlers
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Envelope, Event, Period, Place, Text

PLACE = Place(commune="01263", name="Montmerle-sur-Saône", latitude=46.08, longitude=4.76)
START = datetime(2026, 11, 26, 8, tzinfo=UTC)
PERIOD = Period(start=START, end=START + timedelta(hours=3, minutes=30))


def pole_opened(*coordinators: UUID, name: str = "Val de Saône Dombes") -> m.PoleOpened:
    """A pole with these coordinators."""
    pole = m.Pole(id=uuid4(), version=1, name=name, place=PLACE, coordinators=coordinators, partners=())
    return m.PoleOpened(pole=pole)


def organisation(
    name: str,
    *,
    managers: Sequence[UUID] = (),
    contributors: Sequence[UUID] = (),
    integrations: Sequence[UUID] = (),
    activities: Sequence[str] = ("mobility",),
) -> m.OrganisationRegistered:
    """An organisation with these people."""
    people = [m.Right(person_id=each, role=m.Role.MANAGER) for each in managers]
    people += [m.Right(person_id=each, role=m.Role.CONTRIBUTOR) for each in contributors]
    return m.OrganisationRegistered(
        organisation=m.Organisation(
            id=uuid4(),
            version=1,
            name=name,
            siret="73282932000074",
            place=PLACE,
            activities=tuple(activities),
            people=tuple(people),
            integrations=tuple(integrations),
        )
    )


def member(
    pole_id: UUID, organisation_id: UUID, standing: m.Standing = m.Standing.JOINED, version: int = 2
) -> m.Member:
    """A membership."""
    return m.Member(id=uuid4(), version=2, pole_id=pole_id, organisation_id=organisation_id, standing=standing)


def project(pole_id: UUID, lead: UUID, activities: Sequence[str] = ("mobility",)) -> m.ProjectLaunched:
    """A launched project."""
    return m.ProjectLaunched(
        project=m.Project(
            id=uuid4(), version=1, pole_id=pole_id, lead_organisation_id=lead, title="Ateliers mobiles", summary="…",
            activities=tuple(activities), place=PLACE, launched_at=START,
        )
    )  # fmt: skip


def resource(pole_id: UUID, organisation_id: UUID, title: str = "Minibus neuf places") -> p.ResourceOffered:
    """An offered minibus."""
    return p.ResourceOffered(
        resource=p.Resource(
            id=uuid4(), version=1, pole_id=pole_id, organisation_id=organisation_id, status=p.ResourceStatus.OFFERED,
            title=title, characteristics=p.Vehicle(seats=9, energy=p.Energy.DIESEL, ramp=True), place=PLACE,
            ring=p.Ring.POLE, price=p.Price(fixed_cents=1250), availability=(PERIOD,),
        )
    )  # fmt: skip


def request(pole_id: UUID, organisation_id: UUID, title: str = "Sortie du jeudi") -> p.ResourceRequested:
    """A request for nine seats."""
    line = p.Line(
        id=uuid4(),
        kind=p.Kind.VEHICLE,
        window=PERIOD,
        minutes=120,
        features=("ramp",),
        at_least={"seats": 9},
        place=PLACE,
    )
    return p.ResourceRequested(
        request=p.Request(
            id=uuid4(), version=1, pole_id=pole_id, organisation_id=organisation_id, status=p.RequestStatus.OPEN,
            title=title, lines=(line,),
        )
    )  # fmt: skip


@dataclass
class Story:
    """A pole with an owner of a minibus and a requester, as events; people are ids."""

    coordinator: UUID = field(default_factory=uuid4)
    owner_manager: UUID = field(default_factory=uuid4)
    owner_contributor: UUID = field(default_factory=uuid4)
    requester_manager: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.pole = pole_opened(self.coordinator)
        self.owner = organisation(
            "Les Ateliers de la Saône", managers=[self.owner_manager], contributors=[self.owner_contributor]
        )
        self.requester = organisation("La Ferme du Pont", managers=[self.requester_manager])
        self.pole_id, self.owner_id = self.pole.pole.id, self.owner.organisation.id
        self.requester_id = self.requester.organisation.id
        self.owner_joined = m.MemberJoined(member=member(self.pole_id, self.owner_id))
        self.requester_joined = m.MemberJoined(member=member(self.pole_id, self.requester_id))
        self.resource = resource(self.pole_id, self.owner_id)
        self.request = request(self.pole_id, self.requester_id)

    @property
    def facts(self) -> list[Event]:
        """What must be known, without anybody being told of it but of the joinings."""
        return [self.pole, self.owner, self.requester, self.resource, self.request]

    @property
    def joined(self) -> list[Event]:
        """Both have joined."""
        return [self.owner_joined, self.requester_joined]

    def match(self) -> p.MatchProposed:
        """The minibus fits the request."""
        reason = p.Reason(code="seats", text=Text(fr="Neuf places pour neuf demandées", en="Nine seats of nine"))
        return p.MatchProposed(
            match=p.Match(
                id=uuid4(), version=1, status=p.MatchStatus.PROPOSED, request_id=self.request.request.id,
                line_id=self.request.request.lines[0].id, requester_pole_id=self.pole_id,
                requester_organisation_id=self.requester_id, resource_id=self.resource.resource.id,
                owner_pole_id=self.pole_id, owner_organisation_id=self.owner_id, period=PERIOD, distance_m=12_400,
                price_cents=1250, score=900, reasons=(reason,),
            )
        )  # fmt: skip

    def booking(self, **changes: Any) -> p.Booking:
        """A hold of the minibus, or what `changes` make of it."""
        held: dict[str, Any] = {
            "id": uuid4(), "version": 1, "status": p.BookingStatus.HELD, "resource_id": self.resource.resource.id,
            "owner_pole_id": self.pole_id, "owner_organisation_id": self.owner_id, "requester_pole_id": self.pole_id,
            "requester_organisation_id": self.requester_id, "period": PERIOD, "price_cents": 1250,
            "expires_at": START - timedelta(hours=15),
        }  # fmt: skip
        return p.Booking(**(held | changes))

    def held(self, **changes: Any) -> p.BookingHeld:
        """The minibus is held."""
        return p.BookingHeld(booking=self.booking(**changes))

    def confirmed(self, held: p.BookingHeld) -> p.BookingConfirmed:
        """The owner says yes."""
        changes = {"version": 2, "status": p.BookingStatus.CONFIRMED, "expires_at": None}
        return p.BookingConfirmed(booking=held.booking.model_copy(update=changes))


def delivery(event: Event, *, event_id: UUID | None = None, time: datetime | None = None) -> Delivery:
    """The event as the consumer would give it to a handler."""
    owner = event.TOPIC.split(".")[1]
    envelope = Envelope(
        id=event_id or new_id(),
        source=f"/polepool/{owner}",
        type=event.TYPE,
        subject=str(event.aggregate.id),
        time=time or datetime.now(UTC),
    )
    return Delivery(event, envelope, event.TOPIC, 0, 0)


@dataclass
class World:
    """notifications on a database of its own, answering in this process."""

    http: httpx.AsyncClient
    pool: Pool
    tokens: TokenIssuer

    async def learn(self, *events: Event | Delivery, now: datetime | None = None) -> list[Delivery]:
        """What the consumer does with these events, in one transaction."""
        run = [each if isinstance(each, Delivery) else delivery(each) for each in events]

        async def work(tx: Any) -> None:
            await as_system(tx)
            await handlers.learn(tx, run, now or datetime.now(UTC))

        await in_transaction(self.pool, work)
        return run

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as the system sees them."""

        async def work(tx: Any) -> list[dict[str, Any]]:
            await as_system(tx)
            return [dict(row) for row in await tx.fetch(query, *values)]

        return await in_transaction(self.pool, work)

    async def codes(self, person_id: UUID) -> list[str]:
        """The codes of what a person was told, oldest first."""
        found = await self.rows("SELECT code FROM notification WHERE person_id = $1 ORDER BY id", person_id)
        return [row["code"] for row in found]

    async def forget_mails(self) -> None:
        """No mail is left to send."""
        await self.rows("DELETE FROM mail")

    async def send(
        self, person: UUID, method: str, path: str, json: object = None, *, kind: Any = "person", **headers: str
    ) -> httpx.Response:
        """One request; a POST gets a new Idempotency-Key unless one is given."""
        named = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        named |= self.tokens.headers(person, kind) | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, json=json, headers=named)

    async def get(self, person: UUID, path: str) -> Any:
        """What a person finds there."""
        answer = await self.send(person, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()
