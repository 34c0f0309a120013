"""A member: an organisation in a pole, from its application to its departure."""

from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from chassis.errors import Refused
from schemas import membership as said
from schemas.event import Event
from schemas.membership import Standing

LIVE = frozenset({Standing.APPLIED, Standing.JOINED})


class AlreadyMember(Refused):
    """The organisation has applied to this pole or joined it already."""


class ApplicationNotOpen(Refused):
    """Only an application that waits for its answer can be accepted or refused."""


class NotAMember(Refused):
    """The organisation is not in this pole."""


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation in a pole. One per pair: who comes back goes on with the same id and the next version."""

    id: UUID
    version: int
    pole_id: UUID
    organisation_id: UUID
    standing: Standing

    @classmethod
    def applied(cls, id: UUID, pole_id: UUID, organisation_id: UUID) -> tuple[Self, list[Event]]:  # noqa: A002
        """An organisation's first application to a pole."""
        member = cls(id, 1, pole_id, organisation_id, Standing.APPLIED)
        return member, [said.MemberApplied(member=member.public())]

    def reapplied(self) -> tuple[Self, list[Event]]:
        """The application of an organisation that had been refused or had left; raises AlreadyMember for the others."""
        if self.standing in LIVE:
            raise AlreadyMember(member_id=str(self.id), standing=self.standing.value)
        member = self._now(Standing.APPLIED)
        return member, [said.MemberApplied(member=member.public())]

    def accepted(self) -> tuple[Self, list[Event]]:
        """The pole takes the organisation in; twice changes nothing. Raises ApplicationNotOpen."""
        if self.standing is Standing.JOINED:
            return self, []
        member = self._answered(Standing.JOINED)
        return member, [said.MemberJoined(member=member.public())]

    def refused(self) -> tuple[Self, list[Event]]:
        """The pole does not take the organisation in; twice changes nothing. Raises ApplicationNotOpen."""
        if self.standing is Standing.REFUSED:
            return self, []
        member = self._answered(Standing.REFUSED)
        return member, [said.MemberRefused(member=member.public())]

    def left(self) -> tuple[Self, list[Event]]:
        """The organisation goes, or takes its application back; twice changes nothing. Raises NotAMember if refused."""
        if self.standing is Standing.LEFT:
            return self, []
        if self.standing is Standing.REFUSED:
            raise NotAMember(member_id=str(self.id))
        member = self._now(Standing.LEFT)
        return member, [said.MemberLeft(member=member.public())]

    def public(self) -> said.Member:
        """What the events tell."""
        return said.Member(
            id=self.id,
            version=self.version,
            pole_id=self.pole_id,
            organisation_id=self.organisation_id,
            standing=self.standing,
        )

    def _answered(self, standing: Standing) -> Self:
        if self.standing is not Standing.APPLIED:
            raise ApplicationNotOpen(member_id=str(self.id), standing=self.standing.value)
        return self._now(standing)

    def _now(self, standing: Standing) -> Self:
        return replace(self, standing=standing, version=self.version + 1)
