"""What an operator does once: make a signing key, make the network administrator."""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chassis.access import new_key
from chassis.db import Tx, as_system, in_transaction, new_id, open_pool
from chassis.errors import Invalid
from chassis.settings import BadSettings, DatabaseSettings, load
from membership import passwords
from membership.domain.people import Language, Person, checked_password, normalised_email
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


def _password() -> str:
    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if sys.stdin.isatty():
        return getpass.getpass("Password of the new administrator: ")
    return sys.stdin.readline().rstrip("\n")


def _refuse(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(2)


COMMANDS: dict[str, Callable[..., None]] = {"administrator": administrator, "signing-key": signing_key}
