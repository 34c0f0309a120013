"""A person: the only personal data of Polepool. Everybody else knows an opaque id."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from chassis.errors import Invalid, Refused, Unauthenticated

MIN_PASSWORD = 12
MAX_PASSWORD = 1024


class EmailTaken(Refused):
    """This e-mail address has an account already: sign in."""


class SignInRefused(Unauthenticated):
    """The e-mail address or the password is wrong."""


class TooManyAttempts(Refused):
    """Too many attempts: try again later."""

    status = 429


class Language(StrEnum):
    """A language of the interface."""

    FR = "fr"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    id: UUID
    version: int
    email: str
    name: str
    language: Language
    administrator: bool


def normalised_email(written: str) -> str:
    """An address in the one form it is kept and compared in: lower case, composed; raises Invalid."""
    try:
        checked = validate_email(written, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise Invalid(field="email", rule="must be an e-mail address") from error
    return unicodedata.normalize("NFC", checked.normalized.lower())


def checked_password(written: str, field: str = "password") -> str:
    """A new password as it is hashed: compatibility-composed (NFKC, NIST SP 800-63B 3.1.1.2); raises Invalid.

    12 to 1024 characters, counted as they were typed.
    """
    if not MIN_PASSWORD <= len(written) <= MAX_PASSWORD:
        raise Invalid(field=field, rule=f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return composed(written)


def composed(password: str) -> str:
    """A password as it is hashed and verified."""
    return unicodedata.normalize("NFKC", password)
