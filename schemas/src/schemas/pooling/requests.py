"""Requests: what an organisation is looking for."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.event import Contract, Event, Period, Place, State
from schemas.pooling.values import Kind


class RequestStatus(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    SERVED = "served"
    WITHDRAWN = "withdrawn"


class Line(Contract):
    """One need in a window."""

    id: UUID
    kind: Kind
    window: Annotated[Period, Field(description="The booking must lie inside.")]
    minutes: Annotated[int, Field(ge=15, le=60 * 24 * 31, description="How long it is needed.")]
    features: Annotated[tuple[str, ...], Field(description="Characteristics that must be true, or skills.")]
    at_least: Annotated[dict[str, int], Field(description="Least values of measured characteristics.")]
    place: Place
    max_km: int | None = None
    max_price_cents: int | None = None


class Request(State):
    """What an organisation is looking for."""

    pole_id: UUID
    organisation_id: UUID
    project_id: UUID | None = None
    status: RequestStatus
    title: str
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]


class RequestEvent(Event):
    """What happened to a request, with its state afterwards."""

    TOPIC = "polepool.pooling.requests"
    request: Request

    @property
    def aggregate(self) -> Request:
        return self.request


class ResourceRequested(RequestEvent):
    """An organisation asks for something."""

    TYPE = "polepool.pooling.resource_requested.v1"


class RequestServed(RequestEvent):
    """Every line of a request has a confirmed booking."""

    TYPE = "polepool.pooling.request_served.v1"


class RequestReopened(RequestEvent):
    """A served request lost a booking and looks for another."""

    TYPE = "polepool.pooling.request_reopened.v1"


class RequestWithdrawn(RequestEvent):
    """A request is no longer wanted."""

    TYPE = "polepool.pooling.request_withdrawn.v1"
