"""Tokens for tests: signed by a key of the test's own, verified by the same code as in production."""

from datetime import UTC, datetime
from uuid import UUID

from joserfc.jwk import KeySet

from chassis.access import Identity, Kind, TokenVerifier, issue, load_keys, new_key, sign
from chassis.settings import AccessSettings

ISSUER = "https://issuer.test"


class TokenIssuer:
    """Stands where membership's sign-in stands: `verifier()` accepts what `token()` issues, and nothing else."""

    def __init__(self) -> None:
        self._keys = load_keys(new_key())
        self.settings = AccessSettings(issuer=ISSUER, jwks_url=f"{ISSUER}/.well-known/jwks.json")

    def verifier(self) -> TokenVerifier:
        """A verifier with this issuer's key, which asks no address."""
        return TokenVerifier(self.settings, KeySet(list(self._keys)))

    def token(self, subject: UUID, kind: Kind = "person", now: datetime | None = None) -> str:
        """A token for `subject`, valid for a quarter of an hour from `now`."""
        return issue(Identity(subject, kind), self._keys[0], self.settings, now or datetime.now(UTC))[0]

    def headers(self, subject: UUID, kind: Kind = "person") -> dict[str, str]:
        """The Authorization header of a request by `subject`."""
        return {"Authorization": f"Bearer {self.token(subject, kind)}"}

    def signed(self, claims: dict[str, object]) -> str:
        """A token with any claims, well signed: for what a verifier must refuse."""
        return sign(claims, self._keys[0])
