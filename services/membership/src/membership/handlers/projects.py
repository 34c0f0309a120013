"""Launching a project."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, new_id
from chassis.errors import Forbidden
from chassis.http import Command, Line, Paragraphs, Window
from membership.domain.activities import Activity
from membership.domain.projects import LeadNotInPole, Project
from membership.handlers.places import place_of
from membership.store import members as member_store
from membership.store import projects as store
from schemas import membership as said
from schemas.membership import Standing


class LaunchProject(Command):
    """A project that a lead organisation starts in a pole that it has joined."""

    pole_id: UUID
    lead_organisation_id: UUID
    title: Line
    summary: Paragraphs
    activities: Annotated[list[Activity], Field(min_length=1, max_length=30)]
    commune: Annotated[str, Field(max_length=5, description="INSEE code.")]


async def launch(tx: Tx, scope: Scope, command: LaunchProject, now: datetime) -> said.Project:
    """Launch a project, as a person of the lead organisation; raises NotFound, Forbidden, LeadNotInPole, Invalid."""
    if scope.require_organisation(command.lead_organisation_id) == "integration":
        raise Forbidden
    place = place_of(command.commune)
    await _require_joined(tx, scope, command)
    project, events = Project.launched(
        new_id(),
        command.pole_id,
        command.lead_organisation_id,
        command.title,
        command.summary,
        command.activities,
        place,
        now,
    )
    await store.add_project(tx, project)
    await outbox.append(tx, events)
    return project.public()


async def read(tx: Tx, scope: Scope, project_id: UUID) -> said.Project:
    """A project that the caller may see; raises NotFound."""
    return (await store.find_project(tx, scope, project_id)).public()


async def list_(tx: Tx, scope: Scope, pole_id: UUID | None, window: Window) -> list[said.Project]:
    """The projects that the caller may see, in order of their launch."""
    return [project.public() for project in await store.find_projects(tx, scope, pole_id, window.after, window.fetch)]


async def _require_joined(tx: Tx, scope: Scope, command: LaunchProject) -> None:
    """Refuse unless the lead is in the pole, both as the scope saw it and now, locked so that it can't leave."""
    if (command.lead_organisation_id, command.pole_id) not in scope.memberships:
        raise LeadNotInPole
    member = await member_store.lock_pair(tx, scope, command.pole_id, command.lead_organisation_id)
    if member is None or member.standing is not Standing.JOINED:
        raise LeadNotInPole
