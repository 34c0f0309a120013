"""What an operator does: make a signing key and the network administrator; erase a person, name a manager."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from chassis.access import new_key
from chassis.db import Tx, as_system, in_transaction, new_id, open_pool
from chassis.errors import Invalid, NotFound, Refused
from chassis.settings import BadSettings, DatabaseSettings, load
from membership import passwords
from membership.domain.people import Language, Person, checked_password, normalised_email
from membership.handlers import organisations, people
from membership.settings import MembershipSettings
from membership.store import people as store

PASSWORD = "POLEPOOL_ADMINISTRATOR_PASSWORD"  # noqa: S105 - the name of a variable


def signing_key(
    file: Annotated[Path | None, typer.Option(help="Write it here, readable by its owner alone.")] = None,
) -> None:
    """Make a key that signs tokens, as PEM. To rotate: put it first in the file, and drop the old one a day later."""
    pem = new_key()
    if file is None:
        typer.echo(pem, nl=False)
        return
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(pem)
    except OSError as error:
        _refuse(f"{file} not written: {error.strerror}")
    typer.echo(f"A new signing key is in {file}.")


def administrator(
    email: Annotated[str, typer.Option(help="Of the account to make or to promote.")],
    name: Annotated[str, typer.Option(help="For a new account.")] = "Administrator",
    language: Annotated[Language, typer.Option(help="For a new account.")] = Language.FR,
) -> None:
    """Make a network administrator, or make an account one; the password comes from the environment or is asked for."""
    try:
        settings = load(MembershipSettings)
        typer.echo(asyncio.run(_administrator(settings.database, normalised_email(email), name.strip(), language)))
    except (BadSettings, Invalid) as error:
        _refuse(str(error))


async def _administrator(database: DatabaseSettings, email: str, name: str, language: Language) -> str:
    pool = await open_pool(database)

    async def promote(tx: Tx) -> Person | None:
        await as_system(tx)
        account = await store.find_account(tx, email)
        if account is not None and not account.person.administrator:
            await store.promote(tx, account.person.id)
        return account.person if account else None

    try:
        known = await in_transaction(pool, promote)
        if known is not None:
            return f"{email} is a network administrator {'already' if known.administrator else 'now'}: {known.id}"
        password_hash = await passwords.hashed(checked_password(_password(), PASSWORD))
        person = Person(new_id(), 1, email, name, language, administrator=True)

        async def add(tx: Tx) -> bool:
            await as_system(tx)
            return await store.add_person(tx, person, password_hash, datetime.now(UTC))

        if not await in_transaction(pool, add):
            return f"{email} signed up meanwhile: run this again to promote it."
        return f"{email} is a network administrator, with a new account: {person.id}"
    finally:
        await pool.close()


def erase(email: Annotated[str, typer.Option(help="Of the account to delete.")]) -> None:
    """Delete a person who asks for it, with all rights, even the only manager of an organisation."""

    async def work(tx: Tx) -> str:
        left = await people.erase_for(tx, normalised_email(email))
        lines = [f"{email} is gone."]
        lines += [f"Organisation {id_} has no manager: name one with `manager`." for id_ in left.organisations]
        lines += [f"Pole {id_} has no coordinator: a network administrator names one." for id_ in left.poles]
        return "\n".join(lines)

    _operate(work)


def manager(
    email: Annotated[str, typer.Option(help="Of the account that will manage it.")],
    organisation: Annotated[UUID, typer.Option(help="organisation_id")],
) -> None:
    """Make a person a manager of an organisation that nobody manages any more."""

    async def work(tx: Tx) -> str:
        person_id = await organisations.appoint(tx, organisation, normalised_email(email))
        return f"{email} manages organisation {organisation}: {person_id}"

    _operate(work)


def _operate(work: Callable[[Tx], Awaitable[str]]) -> None:
    async def run(database: DatabaseSettings) -> str:
        pool = await open_pool(database)
        try:
            return await in_transaction(pool, work)
        finally:
            await pool.close()

    try:
        typer.echo(asyncio.run(run(load(MembershipSettings).database)))
    except NotFound:
        _refuse("There is no such account or organisation.")
    except (BadSettings, Refused) as error:
        _refuse(str(error))


def _password() -> str:
    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if sys.stdin.isatty():
        return getpass.getpass("Password of the new administrator: ")
    return sys.stdin.readline().rstrip("\n")


def _refuse(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(2)


COMMANDS: dict[str, Callable[..., None]] = {
    "administrator": administrator,
    "erase": erase,
    "manager": manager,
    "signing-key": signing_key,
}
