"""Requests: asking, what is proposed, what nearly fits, giving up."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import Response

from chassis.http import Changes, Creates, Page, Reads, Router, Windowed
from pooling.handlers import requests as handlers
from pooling.handlers.answers import Matches, NearMisses, Plan
from pooling.handlers.commands import MakeRequest, Versioned
from schemas import pooling as said

router = Router(tags=["requests"])


@router.post("/v1/requests", status_code=201, response_model=said.Request)
async def make(edge: Creates, command: MakeRequest) -> Response:
    """Ask for something for an own organisation; the best matches are proposed at once."""
    return await edge.create(handlers.make, command)


@router.get("/v1/requests")
async def list_(edge: Reads, window: Windowed, status: said.RequestStatus | None = None) -> Page[said.Request]:
    """The requests of the caller's organisations, the newest first."""
    return await edge.read(handlers.page, status, window)


@router.get("/v1/requests/{request_id}")
async def read(edge: Reads, request_id: UUID) -> said.Request:
    """An own request."""
    return await edge.read(handlers.read, request_id)


@router.get("/v1/requests/{request_id}/matches")
async def matches(edge: Reads, request_id: UUID) -> Matches:
    """What is proposed or taken for an own request, the best first, with its reasons."""
    return await edge.read(handlers.list_matches, request_id)


@router.get("/v1/requests/{request_id}/plan")
async def plan(edge: Reads, request_id: UUID) -> Plan:
    """What the plan of the whole territory has for an own request: a place for each line, or why there is none."""
    return await edge.read(handlers.plan, request_id, datetime.now(UTC))


@router.get("/v1/requests/{request_id}/near-misses")
async def near_misses(edge: Reads, request_id: UUID) -> NearMisses:
    """What would fit an own request but for the fewest conditions, and what it misses."""
    return await edge.read(handlers.near_misses, request_id, datetime.now(UTC))


@router.post("/v1/requests/{request_id}/withdrawal", response_model=said.Request)
async def withdraw(edge: Changes, request_id: UUID) -> Response:
    """Give an own request up, with its matches and its bookings to come."""
    return await edge.change(handlers.withdraw, Versioned(request_id, edge.expected_version))
