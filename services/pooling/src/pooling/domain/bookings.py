"""A resource taken for a period: held, then confirmed by its owner, or cancelled, or expired."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.errors import Invalid, Stale
from pooling.domain.offers import Asker
from pooling.domain.periods import MAX_BOOKING, MIN_BOOKING
from pooling.domain.places import price_cents
from pooling.domain.refusals import BookingEnded, BookingStarted, HoldExpired, ResourceIsWithdrawn, TooManyHolds
from schemas.event import Event, Period
from schemas.pooling import (
    Booking,
    BookingCancelled,
    BookingConfirmed,
    BookingExpired,
    BookingHeld,
    BookingStatus,
    CancelledBy,
    Match,
    Price,
    ResourceStatus,
)

LIVE = frozenset({BookingStatus.HELD, BookingStatus.CONFIRMED})


@dataclass(frozen=True, slots=True)
class HoldRules:
    """How long a hold waits for its owner's answer, and how many an organisation may have waiting."""

    keep: timedelta = timedelta(hours=48)
    most: int = 200

    def check(self, waiting: int) -> None:
        """Raise TooManyHolds when one more is too many. Holds made at the same moment aren't counted."""
        if waiting >= self.most:
            raise TooManyHolds(most=self.most)


USUAL = HoldRules()
"""Unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Bookable:
    """What a hold needs to know of a resource."""

    id: UUID
    version: int
    pole_id: UUID
    organisation_id: UUID
    status: ResourceStatus
    price: Price


def check_period(period: Period, now: datetime, field: str = "period") -> None:
    """Raise Invalid for a period that has begun, or is shorter than MIN_BOOKING or longer than MAX_BOOKING."""
    if period.start < now:
        raise Invalid(field=f"{field}.start", rule="must not be in the past")
    if period.end - period.start < MIN_BOOKING:
        raise Invalid(field=f"{field}.end", rule=f"must be at least {MIN_BOOKING.seconds // 60} minutes after start")
    if period.end - period.start > MAX_BOOKING:
        raise Invalid(field=f"{field}.end", rule=f"must be at most {MAX_BOOKING.days} days after start")


def held(
    booking_id: UUID,
    resource: Bookable,
    requester: Asker,
    period: Period,
    match: Match | None,
    now: datetime,
    keep: timedelta,
) -> tuple[Booking, list[Event]]:
    """A new hold, kept for `keep` but not beyond the period's start. Raises Invalid, ResourceIsWithdrawn."""
    check_period(period, now)
    if resource.status is not ResourceStatus.OFFERED:
        raise ResourceIsWithdrawn(resource_id=str(resource.id))
    booking = Booking(
        id=booking_id,
        version=1,
        status=BookingStatus.HELD,
        resource_id=resource.id,
        owner_pole_id=resource.pole_id,
        owner_organisation_id=resource.organisation_id,
        requester_pole_id=requester.pole_id,
        requester_organisation_id=requester.organisation_id,
        request_id=match.request_id if match else None,
        line_id=match.line_id if match else None,
        match_id=match.id if match else None,
        period=period,
        price_cents=price_cents(resource.price, period.end - period.start),
        expires_at=min(now + keep, period.start),
    )
    return booking, [BookingHeld(booking=booking)]


def check_version(booking: Booking, expected_version: int) -> None:
    """Raise Stale unless the caller has seen the booking's latest version."""
    if booking.version != expected_version:
        raise Stale(version=booking.version)


def confirmed(booking: Booking, now: datetime) -> tuple[Booking, list[Event]]:
    """The owner accepts; twice changes nothing. Raises HoldExpired, BookingEnded."""
    if booking.status is BookingStatus.CONFIRMED:
        return booking, []
    if booking.status is BookingStatus.EXPIRED or (booking.expires_at is not None and now >= booking.expires_at):
        raise HoldExpired(booking_id=str(booking.id))
    if booking.status is not BookingStatus.HELD:
        raise BookingEnded(booking_id=str(booking.id), status=booking.status.value)
    after = booking.model_copy(
        update={"status": BookingStatus.CONFIRMED, "version": booking.version + 1, "expires_at": None}
    )
    return after, [BookingConfirmed(booking=after)]


def cancelled(booking: Booking, by: CancelledBy, now: datetime) -> tuple[Booking, list[Event]]:
    """Given up before it starts; twice changes nothing. Raises BookingEnded, BookingStarted."""
    if booking.status is BookingStatus.CANCELLED:
        return booking, []
    if booking.status not in LIVE:
        raise BookingEnded(booking_id=str(booking.id), status=booking.status.value)
    if booking.period.start <= now:
        raise BookingStarted(booking_id=str(booking.id))
    after = booking.model_copy(
        update={
            "status": BookingStatus.CANCELLED,
            "version": booking.version + 1,
            "expires_at": None,
            "cancelled_by": by,
        }
    )
    return after, [BookingCancelled(booking=after)]


def expired(booking: Booking, now: datetime) -> tuple[Booking, list[Event]]:
    """A hold whose time has passed lapses; any other stays as it is."""
    if booking.status is not BookingStatus.HELD or booking.expires_at is None or now < booking.expires_at:
        return booking, []
    after = booking.model_copy(update={"status": BookingStatus.EXPIRED, "version": booking.version + 1})
    return after, [BookingExpired(booking=after)]
