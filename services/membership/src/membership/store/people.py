"""Where people are kept: the one table with personal data."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import ForeignKeyViolationError

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound, Stale
from membership.domain.people import Language, Person


@dataclass(frozen=True, slots=True)
class Account:
    """A person with the hash that a password is verified against."""

    person: Person
    password_hash: str


async def add_person(tx: Tx, person: Person, password_hash: str, now: datetime) -> bool:
    """Keep a new person; False, and nothing kept, when the e-mail address is taken. As the system."""
    added = await tx.fetchval(
        """
        INSERT INTO person (id, version, email, name, language, password_hash, administrator, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT person_email_taken DO NOTHING
        RETURNING id
        """,
        person.id,
        person.version,
        person.email,
        person.name,
        person.language.value,
        password_hash,
        person.administrator,
        now,
    )
    return added is not None


async def find_account(tx: Tx, email: str) -> Account | None:
    """The account of a normalised e-mail address, or None. As the system."""
    row = await tx.fetchrow(
        "SELECT id, version, email, name, language, administrator, password_hash FROM person WHERE email = $1", email
    )
    if row is None:
        return None
    values = dict(row)
    password_hash = values.pop("password_hash")
    return Account(_person(values), password_hash)


async def find_person(tx: Tx, person_id: UUID) -> Person:
    """A person, as oneself or as the system; raises NotFound."""
    row = await tx.fetchrow(
        "SELECT id, version, email, name, language, administrator FROM person WHERE id = $1", person_id
    )
    if row is None:
        raise NotFound
    return _person(dict(row))


async def lock_person(tx: Tx, scope: Scope) -> Person:
    """The caller, locked against new rights (their foreign keys wait); raises NotFound."""
    row = await tx.fetchrow(
        "SELECT id, version, email, name, language, administrator FROM person WHERE id = $1 FOR UPDATE", scope.subject
    )
    if row is None:
        raise NotFound
    return _person(dict(row))


async def promote(tx: Tx, person_id: UUID) -> None:
    """Make a person a network administrator. As the system."""
    await tx.execute("UPDATE person SET administrator = true, version = version + 1 WHERE id = $1", person_id)


async def erase_person(tx: Tx, person: Person) -> None:
    """Delete all that is known of a person, whose rights went first; raises Stale when new ones came meanwhile."""
    try:
        await tx.execute("DELETE FROM person WHERE id = $1", person.id)
    except ForeignKeyViolationError as error:
        raise Stale from error


def _person(values: dict[str, object]) -> Person:
    return Person(**{**values, "language": Language(values["language"])})  # type: ignore[arg-type]
