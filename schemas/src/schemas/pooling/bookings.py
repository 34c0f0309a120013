"""Bookings: a resource taken for a period."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.event import Event, Moment, Period, State
from schemas.pooling.values import Cents


class BookingStatus(StrEnum):
    """Where a booking stands."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class CancelledBy(StrEnum):
    """Who or what ended a booking."""

    OWNER = "owner"
    REQUESTER = "requester"
    MEMBER_LEFT = "member_left"
    RESOURCE_WITHDRAWN = "resource_withdrawn"


class Booking(State):
    """A resource taken for a period: held until it expires, or confirmed by its owner."""

    status: BookingStatus
    resource_id: UUID
    owner_pole_id: UUID
    owner_organisation_id: UUID
    requester_pole_id: UUID
    requester_organisation_id: UUID
    request_id: UUID | None = None
    line_id: UUID | None = None
    match_id: UUID | None = None
    period: Period
    price_cents: Cents
    expires_at: Annotated[Moment | None, Field(description="When a hold lapses; absent once confirmed.")] = None
    cancelled_by: CancelledBy | None = None


class BookingEvent(Event):
    """What happened to a booking, with its state afterwards."""

    TOPIC = "polepool.pooling.bookings"
    booking: Booking

    @property
    def aggregate(self) -> Booking:
        return self.booking


class BookingHeld(BookingEvent):
    """A requester holds a resource; its owner has yet to answer."""

    TYPE = "polepool.pooling.booking_held.v1"


class BookingConfirmed(BookingEvent):
    """The owner accepted a hold."""

    TYPE = "polepool.pooling.booking_confirmed.v1"


class BookingCancelled(BookingEvent):
    """A booking ended before its time, by one of its sides or because one of them left."""

    TYPE = "polepool.pooling.booking_cancelled.v1"


class BookingExpired(BookingEvent):
    """The owner did not answer in time: the resource is free again."""

    TYPE = "polepool.pooling.booking_expired.v1"
