"""An organisation: its public details, the people who act for it, and its API keys."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fr import siret as stdnum_siret

from chassis.errors import Invalid, Refused
from membership.domain.activities import Activity
from schemas import membership as said
from schemas.event import Event, Place
from schemas.membership import Role

MAX_PEOPLE = 400
"""Every event carries all of an organisation's people and stays under 64 KiB; 400 take about 40."""

MAX_KEYS = 50


class SiretKnown(Refused):
    """An organisation with this SIRET is registered already: ask one of its managers to add you."""


class LastManager(Refused):
    """An organisation keeps at least one manager: name another one first."""


class TooManyPeople(Refused):
    """An organisation has at most 400 people."""


class TooManyKeys(Refused):
    """An organisation has at most 50 API keys: revoke one first."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A machine's credential for one organisation; its secret is known to its holder alone."""

    client_id: UUID
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation; `people` are the rights in it, `keys` those not revoked, expired ones among them."""

    id: UUID
    version: int
    name: str
    siret: str
    place: Place
    activities: tuple[Activity, ...]
    people: dict[UUID, Role]
    keys: tuple[ApiKey, ...]

    @classmethod
    def registered(
        cls,
        id: UUID,  # noqa: A002
        name: str,
        siret: str,
        place: Place,
        activities: Collection[Activity],
        manager: UUID,
    ) -> tuple[Self, list[Event]]:
        """A new organisation with its first manager; raises Invalid for a wrong SIRET."""
        kept = tuple(sorted(set(activities)))
        organisation = cls(id, 1, name, checked_siret(siret), place, kept, {manager: Role.MANAGER}, ())
        return organisation, [said.OrganisationRegistered(organisation=organisation.public())]

    def granted(self, person_id: UUID, role: Role) -> tuple[Self, list[Event]]:
        """The organisation with this person in this role; the same role again changes nothing."""
        if person_id not in self.people and len(self.people) >= MAX_PEOPLE:
            raise TooManyPeople
        return self._after(people=_managed(self.id, {**self.people, person_id: role}))

    def revoked(self, person_id: UUID, *, even_the_last: bool = False) -> tuple[Self, list[Event]]:
        """The organisation without this person; who isn't in it changes nothing.

        Raises LastManager, unless `even_the_last` may go: somebody's right to be forgotten comes first. Who manages
        nothing may go even where nobody manages.
        """
        left = {person: role for person, role in self.people.items() if person != person_id}
        managed = self.people.get(person_id) is Role.MANAGER
        return self._after(people=_managed(self.id, left) if managed and not even_the_last else left)

    def with_key(self, key: ApiKey, now: datetime) -> tuple[Self, list[Event]]:
        """The organisation with one more API key; expired ones go at the same time."""
        live = tuple(kept for kept in self.keys if kept.expires_at > now)
        if len(live) >= MAX_KEYS:
            raise TooManyKeys
        return self._after(keys=(*live, key))

    def without_key(self, client_id: UUID) -> tuple[Self, list[Event]]:
        """The organisation without this API key; an unknown one changes nothing."""
        return self._after(keys=tuple(key for key in self.keys if key.client_id != client_id))

    def _after(
        self, people: dict[UUID, Role] | None = None, keys: tuple[ApiKey, ...] | None = None
    ) -> tuple[Self, list[Event]]:
        changed = replace(
            self, people=self.people if people is None else people, keys=self.keys if keys is None else keys
        )
        if changed == self:
            return self, []
        changed = replace(changed, version=self.version + 1)
        return changed, [said.OrganisationChanged(organisation=changed.public())]

    @property
    def is_managed(self) -> bool:
        """Whether somebody manages it."""
        return Role.MANAGER in self.people.values()

    def public(self) -> said.Organisation:
        """What the events tell."""
        return said.Organisation(
            id=self.id,
            version=self.version,
            name=self.name,
            siret=self.siret,
            place=self.place,
            activities=tuple(activity.value for activity in self.activities),
            people=tuple(said.Right(person_id=person, role=role) for person, role in sorted(self.people.items())),
            integrations=tuple(sorted(key.client_id for key in self.keys)),
        )


def checked_siret(written: str) -> str:
    """A SIRET as 14 digits, written with or without spaces; raises Invalid naming the rule that it breaks."""
    try:
        return stdnum_siret.validate(written)
    except InvalidChecksum as error:
        raise Invalid(field="siret", rule="must have the right check digit") from error
    except ValidationError as error:
        raise Invalid(field="siret", rule="must be 14 digits") from error


def _managed(organisation_id: UUID, people: dict[UUID, Role]) -> dict[UUID, Role]:
    if Role.MANAGER not in people.values():
        raise LastManager(organisation_id=str(organisation_id))
    return people
