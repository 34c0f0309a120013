"""Opening a pole and changing it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, new_id
from chassis.errors import Forbidden, Stale
from chassis.http import Command, Line, Window
from membership.domain import poles
from membership.domain.poles import Pole
from membership.handlers.places import place_of
from membership.store import poles as store
from schemas import membership as said


class OpenPole(Command):
    """A pole and who runs it."""

    name: Line
    commune: Annotated[str, Field(max_length=5, description="INSEE code of where it is at home.")]
    coordinators: Annotated[list[UUID], Field(min_length=1, max_length=poles.MAX_COORDINATORS)]


class PoleDetails(Command):
    """What can change of a pole; all of it, as it shall be."""

    name: Line
    coordinators: Annotated[list[UUID], Field(min_length=1, max_length=poles.MAX_COORDINATORS)]
    partners: Annotated[list[UUID], Field(max_length=poles.MAX_PARTNERS, description="Poles that it opens itself to.")]


@dataclass(frozen=True, slots=True)
class ChangePole:
    """A pole's details in place of those of the expected version."""

    pole_id: UUID
    expected: int
    details: PoleDetails


async def open_pole(tx: Tx, scope: Scope, command: OpenPole, now: datetime) -> said.Pole:
    """Open a pole, as a network administrator; raises Forbidden, Invalid."""
    if not scope.administrator:
        raise Forbidden
    pole, events = Pole.opened(new_id(), command.name, place_of(command.commune), command.coordinators)
    await store.add_pole(tx, pole)
    await outbox.append(tx, events)
    return pole.public()


async def change(tx: Tx, scope: Scope, command: ChangePole, now: datetime) -> said.Pole:
    """Change a pole, as its coordinator or a network administrator; raises NotFound, Forbidden, Stale, Invalid."""
    if not scope.administrator and command.pole_id not in scope.coordinates:
        await store.find_pole(tx, command.pole_id)
        raise Forbidden
    pole = await store.lock_pole(tx, scope, command.pole_id)
    if pole.version != command.expected:
        raise Stale
    details = command.details
    pole, events = pole.changed(details.name, details.coordinators, details.partners)
    await store.save_pole(tx, pole)
    await outbox.append(tx, events)
    return pole.public()


async def read(tx: Tx, scope: Scope, pole_id: UUID) -> said.Pole:
    """A pole, which anybody signed in may see; raises NotFound."""
    return (await store.find_pole(tx, pole_id)).public()


async def list_(tx: Tx, scope: Scope, window: Window) -> list[said.Pole]:
    """Poles in order of their opening."""
    return [pole.public() for pole in await store.find_poles(tx, window.after, window.fetch)]
