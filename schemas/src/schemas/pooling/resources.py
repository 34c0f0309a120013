"""Resources: what an organisation shares."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.event import Contract, Event, Period, Place, State
from schemas.pooling.values import Cents, Kind


class Ring(StrEnum):
    """Who may see and book a resource: the visibility ring."""

    ORGANISATION = "organisation"
    POLE = "pole"
    PARTNER_POLES = "partner_poles"
    EVERYONE = "everyone"


class Energy(StrEnum):
    """What moves a vehicle."""

    PETROL = "petrol"
    DIESEL = "diesel"
    ELECTRIC = "electric"
    HYBRID = "hybrid"
    GAS = "gas"
    MUSCLE = "muscle"


class Vehicle(Contract):
    """A vehicle's characteristics."""

    kind: Literal[Kind.VEHICLE] = Kind.VEHICLE
    seats: Annotated[int, Field(ge=1, le=100, description="Places, the driver's included.")]
    energy: Energy
    ramp: Annotated[bool, Field(description="A wheelchair can board.")] = False
    tow_bar: bool = False
    child_seats: Annotated[int, Field(ge=0, le=20)] = 0
    payload_kg: Annotated[int, Field(ge=0, le=40_000)] = 0


class Premises(Contract):
    """The characteristics of a room, workshop, kitchen or shop."""

    kind: Literal[Kind.PREMISES] = Kind.PREMISES
    capacity: Annotated[int, Field(ge=1, le=10_000, description="People allowed in.")]
    area_m2: Annotated[int, Field(ge=1, le=100_000)]
    accessible: Annotated[bool, Field(description="Step-free, for wheelchairs.")] = False
    projector: bool = False
    kitchen: bool = False
    internet: bool = False


class Skill(StrEnum):
    """What a seconded person can do."""

    ACCOUNTING = "accounting"
    DRIVING = "driving"
    COMMUNICATION = "communication"
    IT_SUPPORT = "it_support"
    HUMAN_RESOURCES = "human_resources"
    LEGAL = "legal"
    TRAINING = "training"
    MAINTENANCE = "maintenance"
    COOKING = "cooking"
    FUNDRAISING = "fundraising"


class Staff(Contract):
    """The characteristics of a post that is shared, never of the person who holds it."""

    kind: Literal[Kind.STAFF] = Kind.STAFF
    skills: Annotated[tuple[Skill, ...], Field(min_length=1, max_length=10)]
    remote: Annotated[bool, Field(description="The work can be done from afar.")] = False


Characteristics = Annotated[Vehicle | Premises | Staff, Field(discriminator="kind")]


class Price(Contract):
    """What the owner asks: a fixed part for each booking and a part for each hour."""

    fixed_cents: Cents = 0
    hour_cents: Cents = 0


class ResourceStatus(StrEnum):
    """Whether a resource is offered."""

    OFFERED = "offered"
    WITHDRAWN = "withdrawn"


class Resource(State):
    """Something an organisation shares, when, with whom and for how much."""

    pole_id: UUID
    organisation_id: UUID
    status: ResourceStatus
    title: str
    characteristics: Characteristics
    place: Place
    ring: Ring
    price: Price
    availability: Annotated[tuple[Period, ...], Field(description="When it is offered, bookings not deducted.")]


class ResourceEvent(Event):
    """What happened to a resource, with its state afterwards."""

    TOPIC = "polepool.pooling.resources"
    resource: Resource

    @property
    def aggregate(self) -> Resource:
        return self.resource


class ResourceOffered(ResourceEvent):
    """An organisation offers a resource."""

    TYPE = "polepool.pooling.resource_offered.v1"


class ResourceChanged(ResourceEvent):
    """An offer's terms, periods or description changed."""

    TYPE = "polepool.pooling.resource_changed.v1"


class ResourceWithdrawn(ResourceEvent):
    """A resource is no longer offered."""

    TYPE = "polepool.pooling.resource_withdrawn.v1"
