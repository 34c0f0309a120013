"""What an organisation looks for: open until every line has a confirmed booking, or until it is withdrawn."""

from collections.abc import Collection
from uuid import UUID

from pooling.domain.refusals import RequestNotOpen
from schemas.event import Event
from schemas.pooling import Request, RequestReopened, RequestServed, RequestStatus, RequestWithdrawn


def served(request: Request, confirmed_lines: Collection[UUID]) -> tuple[Request, list[Event]]:
    """Served once each line is among those confirmed; until then, and if it isn't open, nothing changes."""
    if request.status is not RequestStatus.OPEN or any(line.id not in confirmed_lines for line in request.lines):
        return request, []
    after = _now(request, RequestStatus.SERVED)
    return after, [RequestServed(request=after)]


def reopened(request: Request) -> tuple[Request, list[Event]]:
    """A served request that lost a booking is open again; others stay as they are."""
    if request.status is not RequestStatus.SERVED:
        return request, []
    after = _now(request, RequestStatus.OPEN)
    return after, [RequestReopened(request=after)]


def withdrawn(request: Request) -> tuple[Request, list[Event]]:
    """No longer wanted; twice changes nothing. Raises RequestNotOpen for a served one: cancel its bookings instead."""
    if request.status is RequestStatus.WITHDRAWN:
        return request, []
    if request.status is RequestStatus.SERVED:
        raise RequestNotOpen(request_id=str(request.id), status=request.status.value)
    return dropped(request)


def dropped(request: Request) -> tuple[Request, list[Event]]:
    """Withdrawn whether open or served: its organisation left the pole."""
    if request.status is RequestStatus.WITHDRAWN:
        return request, []
    after = _now(request, RequestStatus.WITHDRAWN)
    return after, [RequestWithdrawn(request=after)]


def _now(request: Request, status: RequestStatus) -> Request:
    return request.model_copy(update={"status": status, "version": request.version + 1})
