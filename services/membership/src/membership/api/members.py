"""Members: organisations in poles."""

from uuid import UUID

from fastapi import Response

from chassis.http import Changes, Creates, Page, Reads, Router, Windowed
from membership.handlers import members as handlers
from schemas import membership as said

router = Router(tags=["members"])


@router.post("/v1/members", status_code=201, response_model=said.Member)
async def apply(edge: Creates, command: handlers.Apply) -> Response:
    """Ask to join a pole, as a manager of the organisation; after a refusal or a departure, again."""
    return await edge.create(handlers.apply, command)


@router.get("/v1/members")
async def list_(edge: Reads, window: Windowed, pole_id: UUID | None = None) -> Page[said.Member]:
    """Who has joined the poles that the caller is in, all applications to those that the caller runs, and the caller's
    own memberships, the oldest first."""
    return window.page(await edge.read(handlers.list_, pole_id, window))


@router.get("/v1/members/{member_id}")
async def read(edge: Reads, member_id: UUID) -> said.Member:
    """A member."""
    return await edge.read(handlers.read, member_id)


@router.post("/v1/members/{member_id}/acceptance", response_model=said.Member)
async def accept(edge: Changes, member_id: UUID) -> Response:
    """Accept an application, as a coordinator of the pole."""
    return await edge.change(handlers.accept, handlers.Step(member_id, edge.expected_version))


@router.post("/v1/members/{member_id}/refusal", response_model=said.Member)
async def refuse(edge: Changes, member_id: UUID) -> Response:
    """Refuse an application, as a coordinator of the pole."""
    return await edge.change(handlers.refuse, handlers.Step(member_id, edge.expected_version))


@router.post("/v1/members/{member_id}/departure", response_model=said.Member)
async def depart(edge: Changes, member_id: UUID) -> Response:
    """Leave a pole, as a manager of the organisation, or put an organisation out, as a coordinator of the pole."""
    return await edge.change(handlers.depart, handlers.Step(member_id, edge.expected_version))
