"""Projects."""

from uuid import UUID

from fastapi import Response

from chassis.http import Creates, Page, Reads, Router, Windowed
from membership.handlers import projects as handlers
from schemas import membership as said

router = Router(tags=["projects"])


@router.post("/v1/projects", status_code=201, response_model=said.Project)
async def launch(edge: Creates, command: handlers.LaunchProject) -> Response:
    """Launch a project in a pole, as a person of a lead organisation that has joined it."""
    return await edge.create(handlers.launch, command)


@router.get("/v1/projects")
async def list_(edge: Reads, window: Windowed, pole_id: UUID | None = None) -> Page[said.Project]:
    """The projects of the poles that the caller is in or runs, the oldest first."""
    return window.page(await edge.read(handlers.list_, pole_id, window))


@router.get("/v1/projects/{project_id}")
async def read(edge: Reads, project_id: UUID) -> said.Project:
    """A project."""
    return await edge.read(handlers.read, project_id)
