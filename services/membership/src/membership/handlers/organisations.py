"""Registering an organisation, saying who acts for it, giving it API keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, as_system, new_id
from chassis.errors import Forbidden, NotFound, Stale
from chassis.http import Command, Line
from membership.domain.activities import Activity
from membership.domain.organisations import ApiKey, Organisation
from membership.handlers.places import place_of
from membership.store import organisations as store
from membership.store import people as person_store
from schemas.event import Place
from schemas.membership import Right, Role


class RegisterOrganisation(Command):
    """An organisation; who registers it becomes its first manager."""

    name: Line
    siret: Annotated[str, Field(max_length=40, description="14 digits with their check digit; spaces may be left in.")]
    commune: Annotated[str, Field(max_length=5, description="INSEE code.")]
    activities: Annotated[list[Activity], Field(min_length=1, max_length=30)]


class GrantRight(Command):
    """A person's role in an organisation."""

    role: Role


class CreateKey(Command):
    """An API key for a machine of an organisation."""

    name: Line
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 365


class KeySeen(BaseModel):
    """An API key, without its secret."""

    client_id: UUID
    name: str
    expires_at: datetime


class OrganisationSeen(BaseModel):
    """An organisation; `people` and `keys` only for who acts for it."""

    id: UUID
    version: int
    name: str
    siret: str
    place: Place
    activities: list[Activity]
    people: list[Right] | None = None
    keys: list[KeySeen] | None = None


class KeyCreated(BaseModel):
    """A new API key. The secret is shown this once: a repeated request answers without it."""

    client_id: UUID
    client_secret: str | None = None
    name: str
    expires_at: datetime
    organisation_version: int


@dataclass(frozen=True, slots=True)
class SetRight:
    """Give a person a role in an organisation, or, without a role, take them out of it."""

    organisation_id: UUID
    expected: int
    person_id: UUID
    role: Role | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key whose secret only its holder will know."""

    organisation_id: UUID
    asked: CreateKey
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Take an API key back."""

    organisation_id: UUID
    expected: int
    client_id: UUID


async def register(tx: Tx, scope: Scope, command: RegisterOrganisation, now: datetime) -> OrganisationSeen:
    """Register an organisation; raises Invalid, SiretKnown."""
    organisation, events = Organisation.registered(
        new_id(), command.name, command.siret, place_of(command.commune), command.activities, scope.subject
    )
    await store.add_organisation(tx, organisation)
    await outbox.append(tx, events)
    return _seen(organisation, own=True)


async def read(tx: Tx, scope: Scope, organisation_id: UUID) -> OrganisationSeen:
    """An organisation as the caller may see it; raises NotFound."""
    organisation = await store.find_organisation(tx, organisation_id)
    return _seen(organisation, own=organisation.id in scope.organisations)


async def set_right(tx: Tx, scope: Scope, command: SetRight, now: datetime) -> OrganisationSeen:
    """Say who acts for an organisation: its managers do, and anybody may go. Raises LastManager, NotFound."""
    leaves = command.role is None and command.person_id == scope.subject
    organisation = await _lock(tx, scope, command.organisation_id, command.expected, managing=not leaves)
    if command.role is None:
        organisation, events = organisation.revoked(command.person_id)
    else:
        organisation, events = organisation.granted(command.person_id, command.role)
    await store.save_people(tx, organisation)
    await outbox.append(tx, events)
    return _seen(organisation, own=not leaves)


async def appoint(tx: Tx, organisation_id: UUID, email: str) -> UUID:
    """Make a person a manager, as the operator, where nobody is left to do it; raises NotFound, TooManyPeople."""
    await as_system(tx)
    account = await person_store.find_account(tx, email)
    if account is None:
        raise NotFound
    person_id = account.person.id
    scope = Scope(subject=person_id, organisations={organisation_id: Role.MANAGER})
    organisation = await store.lock_organisation(tx, scope, organisation_id)
    organisation, events = organisation.granted(person_id, Role.MANAGER)
    await store.save_people(tx, organisation)
    await outbox.append(tx, events)
    return person_id


async def create_key(tx: Tx, scope: Scope, command: NewKey, now: datetime) -> KeyCreated:
    """Give an organisation an API key; raises TooManyKeys."""
    organisation = await _lock(tx, scope, command.organisation_id, None, managing=True)
    key = ApiKey(new_id(), command.asked.name, now + timedelta(days=command.asked.expires_in_days))
    organisation, events = organisation.with_key(key, now)
    await store.add_key(tx, organisation, key, command.secret_hash, now)
    await store.save_keys(tx, organisation)
    await outbox.append(tx, events)
    return KeyCreated(
        client_id=key.client_id,
        name=key.name,
        expires_at=key.expires_at,
        organisation_version=organisation.version,
    )


async def revoke_key(tx: Tx, scope: Scope, command: RevokeKey, now: datetime) -> OrganisationSeen:
    """Take an API key back; an unknown one is gone already."""
    organisation = await _lock(tx, scope, command.organisation_id, command.expected, managing=True)
    organisation, events = organisation.without_key(command.client_id)
    await store.save_keys(tx, organisation)
    await outbox.append(tx, events)
    return _seen(organisation, own=True)


async def _lock(tx: Tx, scope: Scope, organisation_id: UUID, expected: int | None, *, managing: bool) -> Organisation:
    role = scope.require_organisation(organisation_id)
    if managing and role != Role.MANAGER:
        raise Forbidden
    organisation = await store.lock_organisation(tx, scope, organisation_id)
    if expected is not None and organisation.version != expected:
        raise Stale
    return organisation


def _seen(organisation: Organisation, *, own: bool) -> OrganisationSeen:
    state = organisation.public()
    keys = [KeySeen.model_validate(key, from_attributes=True) for key in organisation.keys]
    return OrganisationSeen(
        id=state.id,
        version=state.version,
        name=state.name,
        siret=state.siret,
        place=state.place,
        activities=list(organisation.activities),
        people=list(state.people) if own else None,
        keys=keys if own else None,
    )
