"""Bookings: holding, confirming, cancelling."""

from functools import partial
from uuid import UUID

from fastapi import Request, Response

from chassis.http import Changes, Creates, Page, Reads, Router, Windowed
from pooling.handlers import bookings as handlers
from pooling.handlers.commands import HoldResource, Versioned
from schemas import pooling as said

router = Router(tags=["bookings"])


@router.post("/v1/bookings", status_code=201, response_model=said.Booking)
async def hold(edge: Creates, request: Request, command: HoldResource) -> Response:
    """Take a match, or hold a resource for a period, at the version that was looked at.

    409 `offer_changed` tells what it is now; `slot_taken` and others tell the next best alternatives.
    """
    return await edge.create_at_once(partial(handlers.hold, rules=request.app.state.hold_rules), command)


@router.get("/v1/bookings")
async def list_(
    edge: Reads, window: Windowed, status: said.BookingStatus | None = None, resource_id: UUID | None = None
) -> Page[said.Booking]:
    """The bookings of which the caller is a side, the newest first."""
    return await edge.read(handlers.page, status, resource_id, window)


@router.get("/v1/bookings/{booking_id}")
async def read(edge: Reads, booking_id: UUID) -> said.Booking:
    """A booking of which the caller is a side."""
    return await edge.read(handlers.read, booking_id)


@router.post("/v1/bookings/{booking_id}/confirmation", response_model=said.Booking)
async def confirm(edge: Changes, booking_id: UUID) -> Response:
    """Accept a hold on an own resource."""
    return await edge.change(handlers.confirm, Versioned(booking_id, edge.expected_version))


@router.post("/v1/bookings/{booking_id}/cancellation", response_model=said.Booking)
async def cancel(edge: Changes, booking_id: UUID) -> Response:
    """Give a booking up, as its owner or its requester."""
    return await edge.change(handlers.cancel, Versioned(booking_id, edge.expected_version))
