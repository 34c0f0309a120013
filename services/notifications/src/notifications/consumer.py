"""Kafka in: every event says something that notifications keeps, and some are told."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.consume import Delivery, Handlers
from chassis.db import Tx
from notifications import handlers
from schemas.membership import (
    MemberApplied,
    MemberJoined,
    MemberLeft,
    MemberRefused,
    OrganisationChanged,
    OrganisationRegistered,
    PoleChanged,
    PoleOpened,
    ProjectLaunched,
)
from schemas.pooling import (
    BookingCancelled,
    BookingConfirmed,
    BookingExpired,
    BookingHeld,
    MatchProposed,
    MatchTaken,
    MatchWithdrawn,
    RequestReopened,
    RequestServed,
    RequestWithdrawn,
    ResourceChanged,
    ResourceOffered,
    ResourceRequested,
    ResourceWithdrawn,
)


async def learn(tx: Tx, run: Sequence[Delivery]) -> None:
    """Learn and tell, now."""
    await handlers.learn(tx, run, datetime.now(UTC))


HANDLERS: Handlers = {
    "polepool.membership.poles": dict.fromkeys((PoleOpened, PoleChanged), learn),
    "polepool.membership.organisations": dict.fromkeys((OrganisationRegistered, OrganisationChanged), learn),
    "polepool.membership.members": dict.fromkeys((MemberApplied, MemberJoined, MemberRefused, MemberLeft), learn),
    "polepool.membership.projects": {ProjectLaunched: learn},
    "polepool.pooling.resources": dict.fromkeys((ResourceOffered, ResourceChanged, ResourceWithdrawn), learn),
    "polepool.pooling.requests": dict.fromkeys(
        (ResourceRequested, RequestServed, RequestReopened, RequestWithdrawn), learn
    ),
    "polepool.pooling.matches": dict.fromkeys((MatchProposed, MatchTaken, MatchWithdrawn), learn),
    "polepool.pooling.bookings": dict.fromkeys(
        (BookingHeld, BookingConfirmed, BookingCancelled, BookingExpired), learn
    ),
}
