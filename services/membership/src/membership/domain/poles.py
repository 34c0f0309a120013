"""A pole: its name, who coordinates it, and the poles that it shares with."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from chassis.errors import Invalid, Refused
from schemas import membership as said
from schemas.event import Event, Place

MAX_COORDINATORS = 50
MAX_PARTNERS = 200


class LastCoordinator(Refused):
    """A pole keeps at least one coordinator: name another one first."""


@dataclass(frozen=True, slots=True)
class Pole:
    """A pole. Partners are the poles that it opens its resources to; the opening is its own, not mutual."""

    id: UUID
    version: int
    name: str
    place: Place
    coordinators: tuple[UUID, ...]
    partners: tuple[UUID, ...]

    @classmethod
    def opened(cls, id: UUID, name: str, place: Place, coordinators: Collection[UUID]) -> tuple[Self, list[Event]]:  # noqa: A002
        """A new pole; raises Invalid without a coordinator."""
        pole = cls(id, 1, name, place, _coordinators(coordinators), ())
        return pole, [said.PoleOpened(pole=pole.public())]

    def changed(
        self, name: str, coordinators: Collection[UUID], partners: Collection[UUID]
    ) -> tuple[Self, list[Event]]:
        """The pole with these details in place of its own; the same details change nothing."""
        if self.id in partners:
            raise Invalid(field="partners", rule="must be other poles than this one")
        return self._after(
            replace(self, name=name, coordinators=_coordinators(coordinators), partners=_partners(partners))
        )

    def _after(self, changed: Self) -> tuple[Self, list[Event]]:
        if changed == self:
            return self, []
        changed = replace(changed, version=self.version + 1)
        return changed, [said.PoleChanged(pole=changed.public())]

    def without_coordinator(self, person_id: UUID, *, even_the_last: bool = False) -> tuple[Self, list[Event]]:
        """The pole after a coordinator went; raises LastCoordinator for the only one, unless `even_the_last` may go."""
        left = tuple(person for person in self.coordinators if person != person_id)
        if not left and not even_the_last:
            raise LastCoordinator(pole_id=str(self.id))
        return self._after(replace(self, coordinators=left))

    def public(self) -> said.Pole:
        """What the events tell."""
        return said.Pole(
            id=self.id,
            version=self.version,
            name=self.name,
            place=self.place,
            coordinators=self.coordinators,
            partners=self.partners,
        )


def _coordinators(people: Collection[UUID]) -> tuple[UUID, ...]:
    if not people:
        raise Invalid(field="coordinators", rule="must name at least one person")
    return _distinct(people, MAX_COORDINATORS, "coordinators")


def _partners(poles: Collection[UUID]) -> tuple[UUID, ...]:
    return _distinct(poles, MAX_PARTNERS, "partners")


def _distinct(ids: Collection[UUID], most: int, field: str) -> tuple[UUID, ...]:
    if len(ids) > most:
        raise Invalid(field=field, rule=f"must be at most {most}")
    return tuple(sorted(set(ids)))
