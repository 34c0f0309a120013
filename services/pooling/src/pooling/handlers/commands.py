"""What may be asked of pooling."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, ValidationInfo, field_validator

from chassis.http import Command, Part
from chassis.http import Line as Title
from schemas.event import Period
from schemas.pooling import Energy, Kind, Price, Ring, Skill

Commune = Annotated[str, Field(pattern=r"^(\d{2}|2[AB])\d{3}$", description="INSEE code, not the postal code.")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must not name the same thing twice")
    return values


def _within_reach(moment: datetime) -> datetime:
    """Far beyond every horizon, yet in UTC and a day around it still a date that can be told."""
    if not 1900 <= moment.year < 2200:
        raise ValueError("must be in the years 1900 to 2199")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]


class PeriodGiven(Part):
    """A half-open period [start, end), with offsets."""

    start: Moment
    end: Moment

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: datetime, given: ValidationInfo) -> datetime:
        if "start" in given.data and end <= given.data["start"]:
            raise ValueError("must come after start")
        return end

    def period(self) -> Period:
        """The period itself."""
        return Period(start=self.start, end=self.end)


class PriceGiven(Part):
    """EUR cents for each booking, and for each of its hours."""

    fixed_cents: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    hour_cents: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    def price(self) -> Price:
        """The price itself."""
        return Price(fixed_cents=self.fixed_cents, hour_cents=self.hour_cents)


class VehicleGiven(Part):
    """A vehicle's characteristics."""

    kind: Literal["vehicle"]
    seats: Annotated[int, Field(ge=1, le=100, description="Places, the driver's included.")]
    energy: Energy
    ramp: bool = False
    tow_bar: bool = False
    child_seats: Annotated[int, Field(ge=0, le=20)] = 0
    payload_kg: Annotated[int, Field(ge=0, le=40_000)] = 0


class PremisesGiven(Part):
    """The characteristics of a room, workshop, kitchen or shop."""

    kind: Literal["premises"]
    capacity: Annotated[int, Field(ge=1, le=10_000, description="People allowed in.")]
    area_m2: Annotated[int, Field(ge=1, le=100_000)]
    accessible: bool = False
    projector: bool = False
    kitchen: bool = False
    internet: bool = False


class StaffGiven(Part):
    """The characteristics of a post that is shared, never of the person who holds it."""

    kind: Literal["staff"]
    skills: Annotated[tuple[Skill, ...], Field(min_length=1, max_length=10), AfterValidator(_each_once)]
    remote: bool = False


class ResourceTerms(Command):
    """What is offered, when, to whom and for how much."""

    title: Title
    characteristics: Annotated[VehicleGiven | PremisesGiven | StaffGiven, Field(discriminator="kind")]
    commune: Commune
    ring: Ring
    price: PriceGiven = PriceGiven()
    availability: Annotated[tuple[PeriodGiven, ...], Field(min_length=1, max_length=200)]


class OfferResource(ResourceTerms):
    """An organisation offers something in a pole."""

    pole_id: UUID
    organisation_id: UUID


class LineGiven(Part):
    """One need: `minutes` within a window, the whole of it if not said."""

    kind: Kind
    window: PeriodGiven
    minutes: Annotated[int, Field(ge=15, le=44_640)] | None = None
    features: Annotated[tuple[Word, ...], Field(max_length=30), AfterValidator(_each_once)] = ()
    at_least: Annotated[
        dict[Word, Annotated[int, Field(ge=0, le=1_000_000)]], Field(max_length=10, default_factory=dict)
    ]
    commune: Commune
    max_km: Annotated[int, Field(ge=0, le=20_000)] | None = None
    max_price_cents: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None


class MakeRequest(Command):
    """An organisation in a pole asks for something, in one or several lines."""

    pole_id: UUID
    organisation_id: UUID
    project_id: UUID | None = None
    title: Title
    lines: Annotated[tuple[LineGiven, ...], Field(min_length=1, max_length=20)]


SeenVersion = Annotated[int, Field(ge=1, description="The version that was looked at: 409 if it changed since.")]


class HoldResource(Command):
    """Take a match (`match_id`, `match_version`), or a resource for a period (all the others)."""

    match_id: UUID | None = None
    match_version: SeenVersion | None = None
    resource_id: UUID | None = None
    resource_version: SeenVersion | None = None
    requester_organisation_id: UUID | None = None
    requester_pole_id: UUID | None = None
    period: PeriodGiven | None = None


@dataclass(frozen=True, slots=True)
class Versioned:
    """Do something to a thing of which the caller has read this version."""

    id: UUID
    expected_version: int


@dataclass(frozen=True, slots=True)
class ChangeResource(Versioned):
    """New terms for an offer."""

    terms: ResourceTerms
