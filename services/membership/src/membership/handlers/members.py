"""Applying to a pole, being accepted or refused, leaving."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, new_id
from chassis.errors import Forbidden, NotFound, Stale
from chassis.http import Command, Window
from membership.domain.members import Member
from membership.store import members as store
from schemas import membership as said
from schemas.membership import Role


class Apply(Command):
    """An organisation asks to join a pole."""

    pole_id: UUID
    organisation_id: UUID


@dataclass(frozen=True, slots=True)
class Step:
    """A member and the version that the caller read of it."""

    member_id: UUID
    expected: int


async def apply(tx: Tx, scope: Scope, command: Apply, now: datetime) -> said.Member:
    """Ask to join a pole, as a manager; again after a refusal or a departure. Raises AlreadyMember, Invalid."""
    if scope.require_organisation(command.organisation_id) != Role.MANAGER:
        raise Forbidden
    member, events = Member.applied(new_id(), command.pole_id, command.organisation_id)
    if not await store.add_member(tx, member):
        known = await store.lock_pair(tx, scope, command.pole_id, command.organisation_id)
        if known is None:
            raise NotFound
        member, events = known.reapplied()
        await store.save_member(tx, member)
    await outbox.append(tx, events)
    return member.public()


async def accept(tx: Tx, scope: Scope, command: Step, now: datetime) -> said.Member:
    """Take an organisation in, as a coordinator; raises NotFound, Forbidden, Stale, ApplicationNotOpen."""
    member = await _lock(tx, scope, command)
    if member.pole_id not in scope.coordinates:
        raise Forbidden
    member, events = member.accepted()
    await store.save_member(tx, member)
    await outbox.append(tx, events)
    return member.public()


async def refuse(tx: Tx, scope: Scope, command: Step, now: datetime) -> said.Member:
    """Don't take an organisation in, as a coordinator; raises NotFound, Forbidden, Stale, ApplicationNotOpen."""
    member = await _lock(tx, scope, command)
    if member.pole_id not in scope.coordinates:
        raise Forbidden
    member, events = member.refused()
    await store.save_member(tx, member)
    await outbox.append(tx, events)
    return member.public()


async def depart(tx: Tx, scope: Scope, command: Step, now: datetime) -> said.Member:
    """Leave, as a manager of the organisation, or be put out, by a coordinator; raises NotFound, Forbidden, Stale."""
    member = await _lock(tx, scope, command)
    manages = scope.organisations.get(member.organisation_id) == Role.MANAGER
    if not manages and member.pole_id not in scope.coordinates:
        raise Forbidden
    member, events = member.left()
    await store.save_member(tx, member)
    await outbox.append(tx, events)
    return member.public()


async def read(tx: Tx, scope: Scope, member_id: UUID) -> said.Member:
    """A member that the caller may see; raises NotFound."""
    return (await store.find_member(tx, scope, member_id)).public()


async def list_(tx: Tx, scope: Scope, pole_id: UUID | None, window: Window) -> list[said.Member]:
    """The members that the caller may see, in order of their first application."""
    return [member.public() for member in await store.find_members(tx, scope, pole_id, window.after, window.fetch)]


async def _lock(tx: Tx, scope: Scope, command: Step) -> Member:
    seen = await store.find_member(tx, scope, command.member_id)
    if seen.pole_id not in scope.coordinates and seen.organisation_id not in scope.organisations:
        raise Forbidden
    member = await store.lock_member(tx, scope, command.member_id)
    if member.version != command.expected:
        raise Stale
    return member
