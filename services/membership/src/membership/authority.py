"""What signing in and handing out tokens stands on: keys, clients, and the count of attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from joserfc.jwk import OKPKey
from pydantic import BaseModel, SecretStr

from chassis.access import Identity, issue, jwks
from chassis.settings import AccessSettings
from membership.throttle import Throttle


class Token(BaseModel):
    """An access token, as OAuth 2 answers it (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the kind of token, no secret
    expires_in: int


@dataclass(frozen=True, slots=True)
class Authority:
    """Says who somebody is: `keys[0]` signs, all keys are published."""

    keys: Sequence[OKPKey]
    access: AccessSettings
    clients: Mapping[str, SecretStr]
    throttle: Throttle

    def token(self, identity: Identity) -> Token:
        """A new token for 15 minutes."""
        access_token, lifetime = issue(identity, self.keys[0], self.access, datetime.now(UTC))
        return Token(access_token=access_token, expires_in=lifetime)

    def jwks(self) -> dict[str, object]:
        """The public keys."""
        return jwks(self.keys)


def service_id(client_id: str) -> UUID:
    """The subject of another service's tokens."""
    return uuid5(NAMESPACE_URL, f"urn:polepool:service:{client_id}")
