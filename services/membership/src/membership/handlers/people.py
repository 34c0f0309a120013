"""Signing up, signing in, one's own rights, going away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import outbox
from chassis.access import Identity, Scope
from chassis.db import Tx, as_system, new_id
from chassis.errors import Forbidden, NotFound, Stale
from chassis.http import Command, Line
from membership.domain import people
from membership.domain.people import EmailTaken, Language, Person
from membership.store import organisations as organisation_store
from membership.store import people as store
from membership.store import poles as pole_store
from membership.store.scope import load_scope
from schemas.event import Event


class SignUp(Command):
    """An account for a person."""

    email: Annotated[str, Field(max_length=320)]
    name: Line
    language: Language
    password: Annotated[str, Field(description="12 to 1024 characters.")]


class SignIn(Command):
    """An e-mail address and its password."""

    email: Annotated[str, Field(max_length=320)]
    password: Annotated[str, Field(max_length=people.MAX_PASSWORD)]


class Me(BaseModel):
    """Who calls, and what they may do."""

    id: UUID
    kind: Literal["person", "integration", "service"]
    version: int | None = None
    email: str | None = None
    name: str | None = None
    language: Language | None = None
    administrator: bool
    organisations: list["Mine"]
    coordinates: Annotated[list[UUID], Field(description="pole_id of the poles that the caller runs.")]


class Mine(BaseModel):
    """An organisation that the caller acts for."""

    organisation_id: UUID
    role: str
    poles: Annotated[list[UUID], Field(description="pole_id of the poles that it has joined.")]


class SignedUp(BaseModel):
    """A new account."""

    id: UUID
    version: int
    email: str
    name: str
    language: Language


class Contact(BaseModel):
    """How another service reaches a person: for sending, not for keeping."""

    email: str
    name: str
    language: Language


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A sign-up whose password is hashed already: hashing takes long, and needs no transaction."""

    email: str
    name: str
    language: Language
    password_hash: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person and the version that they read of themselves."""

    person_id: UUID
    expected: int


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody who went left without a manager or a coordinator."""

    organisations: list[UUID]
    poles: list[UUID]


async def sign_up(tx: Tx, newcomer: Newcomer, now: datetime) -> SignedUp:
    """Keep a new person; raises EmailTaken."""
    person = Person(new_id(), 1, newcomer.email, newcomer.name, newcomer.language, administrator=False)
    if not await store.add_person(tx, person, newcomer.password_hash, now):
        raise EmailTaken
    return signed_up(person)


def signed_up(person: Person) -> SignedUp:
    """What signing up answers."""
    return SignedUp.model_validate(person, from_attributes=True)


async def read_me(tx: Tx, scope: Scope, identity: Identity) -> Me:
    """The caller and their rights; an API key or a service has no name, address and language."""
    person = await store.find_person(tx, scope.subject) if identity.kind == "person" else None
    mine = [
        Mine(organisation_id=id_, role=role, poles=sorted(pole for own, pole in scope.memberships if own == id_))
        for id_, role in sorted(scope.organisations.items())
    ]
    return Me(
        id=scope.subject,
        kind=identity.kind,
        version=person and person.version,
        email=person and person.email,
        name=person and person.name,
        language=person and person.language,
        administrator=scope.administrator,
        organisations=mine,
        coordinates=sorted(scope.coordinates),
    )


async def read_contact(tx: Tx, _scope: Scope, identity: Identity, person_id: UUID) -> Contact:
    """A person's address, for other services alone; raises Forbidden, and NotFound for who is gone or never was."""
    if identity.kind != "service":
        raise Forbidden
    await as_system(tx)
    return Contact.model_validate(await store.find_person(tx, person_id), from_attributes=True)


async def erase(tx: Tx, scope: Scope, command: Erasure, now: datetime) -> None:
    """Delete oneself, with all rights. Raises LastManager and LastCoordinator: somebody must take over first."""
    if command.person_id != scope.subject:
        raise NotFound
    person = await store.lock_person(tx, scope)
    if person.version != command.expected:
        raise Stale
    await _go(tx, scope, person, even_the_last=False)


async def erase_for(tx: Tx, email: str) -> Left:
    """Delete a person at their request, as the operator, the only manager or coordinator too; raises NotFound."""
    await as_system(tx)
    account = await store.find_account(tx, email)
    if account is None:
        raise NotFound
    scope = await load_scope(tx, Identity(account.person.id, "person"))
    await as_system(tx)  # the operator's own eyes again
    return await _go(tx, scope, await store.lock_person(tx, scope), even_the_last=True)


async def _go(tx: Tx, scope: Scope, person: Person, *, even_the_last: bool) -> Left:
    events: list[Event] = []
    left = Left([], [])
    for organisation_id in sorted(scope.organisations):
        organisation = await organisation_store.lock_organisation(tx, scope, organisation_id)
        organisation, said = organisation.revoked(person.id, even_the_last=even_the_last)
        await organisation_store.save_people(tx, organisation)
        events += said
        if not organisation.is_managed:
            left.organisations.append(organisation_id)
    for pole_id in sorted(scope.coordinates):
        pole = await pole_store.lock_pole(tx, scope, pole_id)
        pole, said = pole.without_coordinator(person.id, even_the_last=even_the_last)
        await pole_store.save_pole(tx, pole)
        events += said
        if not pole.coordinators:
            left.poles.append(pole_id)
    await store.erase_person(tx, person)
    await outbox.append(tx, events)
    return left
