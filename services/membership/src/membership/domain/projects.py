"""A project: what a lead organisation starts in a pole that it is a member of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from chassis.errors import Refused
from membership.domain.activities import Activity
from schemas import membership as said
from schemas.event import Event, Place


class LeadNotInPole(Refused):
    """The lead organisation of a project must have joined the project's pole."""


@dataclass(frozen=True, slots=True)
class Project:
    """A common project, as it was launched."""

    id: UUID
    version: int
    pole_id: UUID
    lead_organisation_id: UUID
    title: str
    summary: str
    activities: tuple[Activity, ...]
    place: Place
    launched_at: datetime

    @classmethod
    def launched(
        cls,
        id: UUID,  # noqa: A002
        pole_id: UUID,
        lead_organisation_id: UUID,
        title: str,
        summary: str,
        activities: Collection[Activity],
        place: Place,
        now: datetime,
    ) -> tuple[Self, list[Event]]:
        """A new project, launched at `now`."""
        kept = tuple(sorted(set(activities)))
        project = cls(id, 1, pole_id, lead_organisation_id, title, summary, kept, place, now)
        return project, [said.ProjectLaunched(project=project.public())]

    def public(self) -> said.Project:
        """What the events tell."""
        return said.Project(
            id=self.id,
            version=self.version,
            pole_id=self.pole_id,
            lead_organisation_id=self.lead_organisation_id,
            title=self.title,
            summary=self.summary,
            activities=tuple(activity.value for activity in self.activities),
            place=self.place,
            launched_at=self.launched_at,
        )
