"""What tests of pooling begin with: times, things and events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chassis.consume import Delivery
from chassis.db import new_id
from chassis.errors import Refused
from pooling.handlers import commands
from pooling.handlers.answers import Alternative
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Envelope, Event, Period, Place

MONTMERLE, NIORT = "01263", "79191"
PLACE = Place(commune=MONTMERLE, name="Montmerle-sur-Saône", latitude=46.08, longitude=4.76)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAY = (NOW + timedelta(days=10)).replace(hour=0)


def period(start: float, end: float) -> Period:
    """From one hour to another of DAY."""
    return Period(start=DAY + timedelta(hours=start), end=DAY + timedelta(hours=end))


def given(start: float, end: float) -> commands.PeriodGiven:
    """The same, as a caller gives it."""
    return commands.PeriodGiven(start=DAY + timedelta(hours=start), end=DAY + timedelta(hours=end))


def minibus(seats: int = 9, *, ramp: bool = True) -> commands.VehicleGiven:
    """A minibus."""
    return commands.VehicleGiven(kind="vehicle", seats=seats, energy=p.Energy.DIESEL, ramp=ramp)


def line(
    start: float = 8,
    end: float = 18,
    *,
    minutes: int | None = 120,
    features: Sequence[str] = ("ramp",),
    seats: int = 9,
    commune: str = MONTMERLE,
    max_km: int | None = None,
    max_price_cents: int | None = None,
) -> commands.LineGiven:
    """A need for a vehicle."""
    return commands.LineGiven(
        kind=p.Kind.VEHICLE,
        window=given(start, end),
        minutes=minutes,
        features=tuple(features),
        at_least={"seats": seats},
        commune=commune,
        max_km=max_km,
        max_price_cents=max_price_cents,
    )


def delivery(event: Event) -> Delivery:
    """The event as the consumer gives it to a handler."""
    source = f"/polepool/{event.TOPIC.split('.')[1]}"
    envelope = Envelope(
        id=new_id(), source=source, type=event.TYPE, subject=str(event.aggregate.id), time=datetime.now(UTC)
    )
    return Delivery(event, envelope, event.TOPIC, 0, 0)


def organisation(organisation_id: UUID, manager: UUID, version: int = 1) -> m.Organisation:
    """An organisation with one manager."""
    return m.Organisation(
        id=organisation_id,
        version=version,
        name="Le Fournil",
        siret="73282932000074",
        place=PLACE,
        activities=("mobility",),
        people=(m.Right(person_id=manager, role=m.Role.MANAGER),),
        integrations=(),
    )


def alternatives(refused: pytest.ExceptionInfo[Refused]) -> list[Alternative]:
    """What a refusal offers instead."""
    instead = refused.value.extra["alternatives"]
    assert isinstance(instead, list)
    return instead
