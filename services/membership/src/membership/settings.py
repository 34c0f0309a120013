"""What membership needs to know beyond what every service does."""

import hashlib
import hmac
from pathlib import Path

from limits import RateLimitItem, parse_many
from pydantic import Field, SecretStr, field_validator

from chassis.settings import ServiceSettings, Settings


class SignInSettings(Settings):
    """How often somebody may try to sign in or up, as `limits` writes it: "10/minute;50/hour"."""

    per_email_and_address: str = "10/minute;60/hour"
    per_email: str = "100/hour"
    per_address: str = "120/minute"

    @field_validator("per_email_and_address", "per_email", "per_address")
    @classmethod
    def is_a_limit(cls, written: str) -> str:
        """Refuse at start-up what could not be read later."""
        parse_many(written)
        return written

    def limits(self) -> tuple[list[RateLimitItem], list[RateLimitItem], list[RateLimitItem]]:
        """The limits per network address, per e-mail address from one network address, and per e-mail address."""
        return parse_many(self.per_address), parse_many(self.per_email_and_address), parse_many(self.per_email)


class MembershipSettings(ServiceSettings):
    """membership's settings: POLEPOOL_SIGNING_KEY_FILE, POLEPOOL_SERVICE_CLIENTS__<NAME>, POLEPOOL_SIGN_IN__…"""

    signing_key_file: Path | None = Field(
        default=None,
        description="PEM file with Ed25519 private keys: the first signs, all are published. Needed by the role api.",
    )
    service_clients: dict[str, SecretStr] = Field(
        default_factory=dict, description="Other services by client_id, each with its secret, at least 16 characters."
    )
    sign_in: SignInSettings = SignInSettings()

    @field_validator("service_clients")
    @classmethod
    def secrets_are_long(cls, clients: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """A short secret could be guessed: nothing slows guesses at it down."""
        for name, secret in clients.items():
            if len(secret.get_secret_value()) < 16:
                raise ValueError(f"the secret of {name} must have at least 16 characters")
        return clients

    def signing_keys(self) -> str:
        """The text of the key file; raises ValueError when it is not named or can't be read."""
        if self.signing_key_file is None:
            raise ValueError("POLEPOOL_SIGNING_KEY_FILE is missing: `python -m membership signing-key` makes one")
        try:
            return self.signing_key_file.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"POLEPOOL_SIGNING_KEY_FILE {self.signing_key_file} can't be read: {error}") from error


def matches(secret: SecretStr, given: str) -> bool:
    """Whether a client gave its secret; takes the same time wherever they differ."""
    expected = hashlib.sha256(secret.get_secret_value().encode()).digest()
    return hmac.compare_digest(expected, hashlib.sha256(given.encode()).digest())
