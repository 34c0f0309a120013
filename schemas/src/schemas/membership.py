"""What membership says: poles, organisations, members, projects. No personal data: people are opaque ids."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.event import Contract, Event, Moment, Place, State


class Role(StrEnum):
    """What a person may do for an organisation."""

    CONTRIBUTOR = "contributor"
    MANAGER = "manager"


class Standing(StrEnum):
    """Where a membership stands."""

    APPLIED = "applied"
    JOINED = "joined"
    REFUSED = "refused"
    LEFT = "left"


class Right(Contract):
    """A person's role in an organisation."""

    person_id: UUID
    role: Role


class Pole(State):
    """A pôle territorial de coopération économique."""

    name: str
    place: Place
    coordinators: Annotated[tuple[UUID, ...], Field(description="person_id of those who run the pole.")]
    partners: Annotated[tuple[UUID, ...], Field(description="pole_id of the poles that it shares with.")]


class Organisation(State):
    """A legal entity: an association, a cooperative, a firm, a local authority."""

    name: str
    siret: str
    place: Place
    activities: Annotated[tuple[str, ...], Field(description="Codes of the sectors that it works in.")]
    people: tuple[Right, ...]
    integrations: Annotated[tuple[UUID, ...], Field(description="client_id of its live API keys.")]


class Member(State):
    """An organisation in a pole."""

    pole_id: UUID
    organisation_id: UUID
    standing: Standing


class Project(State):
    """A common project, carried by a lead organisation in a pole."""

    pole_id: UUID
    lead_organisation_id: UUID
    title: str
    summary: str
    activities: tuple[str, ...]
    place: Place
    launched_at: Moment


class PoleEvent(Event):
    """What happened to a pole, with its state afterwards."""

    TOPIC = "polepool.membership.poles"
    pole: Pole

    @property
    def aggregate(self) -> Pole:
        return self.pole


class PoleOpened(PoleEvent):
    """A pole begins."""

    TYPE = "polepool.membership.pole_opened.v1"


class PoleChanged(PoleEvent):
    """A pole's name, coordinators or partner poles changed."""

    TYPE = "polepool.membership.pole_changed.v1"


class OrganisationEvent(Event):
    """What happened to an organisation, with its state afterwards."""

    TOPIC = "polepool.membership.organisations"
    organisation: Organisation

    @property
    def aggregate(self) -> Organisation:
        return self.organisation


class OrganisationRegistered(OrganisationEvent):
    """An organisation is known to the platform; it is in no pole yet."""

    TYPE = "polepool.membership.organisation_registered.v1"


class OrganisationChanged(OrganisationEvent):
    """An organisation's people or API keys changed."""

    TYPE = "polepool.membership.organisation_changed.v1"


class MemberEvent(Event):
    """What happened to a member, with its state afterwards."""

    TOPIC = "polepool.membership.members"
    member: Member

    @property
    def aggregate(self) -> Member:
        return self.member


class MemberApplied(MemberEvent):
    """An organisation asks to join a pole."""

    TYPE = "polepool.membership.member_applied.v1"


class MemberJoined(MemberEvent):
    """A pole accepted an organisation."""

    TYPE = "polepool.membership.member_joined.v1"


class MemberRefused(MemberEvent):
    """A pole refused an organisation."""

    TYPE = "polepool.membership.member_refused.v1"


class MemberLeft(MemberEvent):
    """An organisation is no longer in a pole."""

    TYPE = "polepool.membership.member_left.v1"


class ProjectLaunched(Event):
    """A member starts a project that others may join."""

    TYPE = "polepool.membership.project_launched.v1"
    TOPIC = "polepool.membership.projects"
    project: Project

    @property
    def aggregate(self) -> Project:
        return self.project
