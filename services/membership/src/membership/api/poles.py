"""Poles."""

from uuid import UUID

from fastapi import Response

from chassis.http import Changes, Creates, Page, Reads, Router, Windowed
from membership.handlers import poles as handlers
from schemas import membership as said

router = Router(tags=["poles"])


@router.post("/v1/poles", status_code=201, response_model=said.Pole)
async def open_pole(edge: Creates, command: handlers.OpenPole) -> Response:
    """Open a pole, as a network administrator."""
    return await edge.create(handlers.open_pole, command)


@router.get("/v1/poles")
async def list_(edge: Reads, window: Windowed) -> Page[said.Pole]:
    """All poles, the oldest first."""
    return window.page(await edge.read(handlers.list_, window))


@router.get("/v1/poles/{pole_id}")
async def read(edge: Reads, pole_id: UUID) -> said.Pole:
    """A pole."""
    return await edge.read(handlers.read, pole_id)


@router.put("/v1/poles/{pole_id}", response_model=said.Pole)
async def change(edge: Changes, pole_id: UUID, command: handlers.PoleDetails) -> Response:
    """Change a pole's name, coordinators and partners, as its coordinator or a network administrator."""
    return await edge.change(handlers.change, handlers.ChangePole(pole_id, edge.expected_version, command))
