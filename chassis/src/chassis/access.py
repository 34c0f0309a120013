"""Who calls, and what they may see.

A token says who (`Identity`); each service decides what they may do from its own projections (`Scope`).
Tokens are JWTs signed with EdDSA on Ed25519 (RFC 8037) by membership, typ `at+jwt` (RFC 9068), verified by its JWKS.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID, uuid4

import aiohttp
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from chassis.errors import NotFound, Retry, Unauthenticated
from chassis.settings import AccessSettings

ALGORITHM = "Ed25519"
"""EdDSA with its curve named (RFC 9864; the bare name is deprecated there)."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of an access token, no secret
LEEWAY = 30
"""Seconds by which clocks may differ."""
LIFETIME = timedelta(minutes=15)
MAX_TOKEN = 4096
MAX_JWKS = 64 * 1024
MAX_AGE = 300.0
"""Seconds after which keys are fetched anew: so long does one that was withdrawn go on counting."""
REMEMBERED = 10_000
"""Verified tokens kept, so that a busy client's token is verified once."""

Kind = Literal["person", "integration", "service"]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token speaks for."""

    subject: UUID
    kind: Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see and do: every store function that takes tenant data takes one."""

    subject: UUID
    organisations: Mapping[UUID, str] = field(default_factory=dict)
    """Own organisations, each with the role there: manager, contributor or integration."""
    poles: frozenset[UUID] = frozenset()
    """Where an own organisation has joined."""
    partner_poles: frozenset[UUID] = frozenset()
    coordinates: frozenset[UUID] = frozenset()
    """Poles that the caller runs."""
    memberships: frozenset[tuple[UUID, UUID]] = frozenset()
    """(organisation_id, pole_id) of own organisations that have joined."""
    administrator: bool = False
    is_system: bool = False

    @classmethod
    def system(cls) -> "Scope":
        """The scope of what no caller asked for: consumers and background work."""
        return cls(subject=UUID(int=0), is_system=True)

    def require_organisation(self, organisation_id: UUID) -> str:
        """The caller's role in an own organisation; a foreign one is as unknown as one that isn't (`NotFound`)."""
        role = self.organisations.get(organisation_id)
        if role is None:
            raise NotFound
        return role


class Verifier(Protocol):
    """Turns a token into an identity, or raises `Unauthenticated` (never valid) or `Retry` (no keys at hand)."""

    async def verify(self, token: str) -> Identity:
        """Who the token speaks for."""
        ...


def new_key() -> str:
    """A new signing key, as PEM (PKCS 8)."""
    return OKPKey.generate_key("Ed25519").as_pem(private=True).decode()


def load_keys(pem: str) -> list[OKPKey]:
    """The private keys in a PEM text: the first signs, all are published, so that a key can be rotated.

    Raises ValueError when there is none or one isn't an Ed25519 private key.
    """
    end = "-----END PRIVATE KEY-----"
    keys = [OKPKey.import_key(part + end) for part in pem.split(end)[:-1]]
    if not keys or any(not key.is_private or key.curve_name != "Ed25519" for key in keys):
        raise ValueError("a signing key must be an Ed25519 private key in PEM (PKCS 8)")
    for key in keys:
        key.ensure_kid()
    return keys


def jwks(keys: Sequence[OKPKey]) -> dict[str, object]:
    """The public halves as a JWK set (RFC 7517)."""
    return {"keys": [{**key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"} for key in keys]}


def sign(claims: Mapping[str, object], key: OKPKey) -> str:
    """A signed token with these claims as they are."""
    key.ensure_kid()
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
    return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])


def issue(identity: Identity, key: OKPKey, settings: AccessSettings, now: datetime) -> tuple[str, int]:
    """A new access token for `identity`, and its lifetime in seconds."""
    issued = int(now.timestamp())
    lifetime = int(LIFETIME.total_seconds())
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": str(identity.subject),
        "kind": identity.kind,
        "iat": issued,
        "exp": issued + lifetime,
        "jti": str(uuid4()),
    }
    return sign(claims, key), lifetime


class TokenVerifier:
    """Verifies tokens with the keys given, or with those of the JWKS address, fetched when needed and kept.

    Keys are fetched anew every `max_age` seconds; old ones go on serving while the address is away. An unknown key id
    causes a new fetch too, at most one per `pause` seconds however many such tokens come; until then nobody can tell
    whether the key is new or none of ours, so the caller is asked to come again.
    """

    def __init__(
        self, settings: AccessSettings, keys: KeySet | None = None, *, pause: float = 10.0, max_age: float = MAX_AGE
    ) -> None:
        self._jwks_url = None if keys else settings.jwks_url
        self._keys = keys or KeySet([])
        self._pause = pause
        self._max_age = max_age
        self._fetch_after = 0.0
        self._fresh_until = 0.0
        self._fetching = asyncio.Lock()
        self._known: OrderedDict[str, tuple[Identity, float]] = OrderedDict()
        self._registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            kind={"essential": True, "values": ["person", "integration", "service"]},
        )

    async def verify(self, token: str) -> Identity:
        """Who the token speaks for. Raises `Unauthenticated`; `Retry` when its key may be one not fetched yet."""
        known = self._known.get(token)
        if known and time.time() < known[1] and not self._is_old():
            return known[0]
        if len(token) > MAX_TOKEN:
            raise Unauthenticated
        with _refusing_what_is_no_token():
            kid = self._kid(token)
        key = await self._key(kid)
        with _refusing_what_is_no_token():
            claims = self._claims(token, key)
            identity = Identity(UUID(claims["sub"]), claims["kind"])
        self._remember(token, identity, float(claims["exp"]) + LEEWAY)
        return identity

    def _kid(self, token: str) -> str:
        header = jws.extract_compact(token.encode()).headers()
        if not isinstance(header, dict) or not isinstance(header.get("kid"), str):
            raise ValueError("a header that names no key")
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE:
            raise ValueError("not one of our access tokens")
        return str(header["kid"])

    async def _key(self, kid: str) -> OKPKey:
        known = self._find(kid) is not None
        if self._jwks_url and (not known or (self._is_old() and not self._fetching.locked())):
            asked = await self._fetch(self._jwks_url, kid)
            if not asked and self._find(kid) is None:
                wait = self._fetch_after - time.monotonic()
                raise Retry("the keys to verify tokens with are not at hand", after=max(1.0, wait))
        key = self._find(kid)
        if key is None:
            raise Unauthenticated
        return key

    def _is_old(self) -> bool:
        """Whether the keys at hand should be fetched anew, and may be."""
        return self._jwks_url is not None and time.monotonic() >= max(self._fresh_until, self._fetch_after)

    def _find(self, kid: str) -> OKPKey | None:
        return next((key for key in self._keys if key.kid == kid and isinstance(key, OKPKey)), None)

    def _claims(self, token: str, key: OKPKey) -> jwt.Claims:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        self._registry.validate(claims)
        return claims

    def _remember(self, token: str, identity: Identity, until: float) -> None:
        self._known[token] = (identity, until)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _fetch(self, url: str, kid: str) -> bool:
        """Whether the keys at hand are those of now; false when it is too early to ask again, or asking failed."""
        async with self._fetching:
            if time.monotonic() < self._fetch_after or (self._find(kid) and not self._is_old()):
                return False
            try:
                patience = 1.0 if self._find(kid) else 5.0  # who can be served without is not kept long
                keys = await fetch_keys(url, patience)
            except (aiohttp.ClientError, OSError, ValueError, JoseError, RecursionError) as error:
                self._fetch_after = time.monotonic() + min(1.0, self._pause)
                self._fresh_until = time.monotonic() + self._pause
                log.warning("keys not fetched", url=url, error=repr(error), kept=len(self._keys.keys))
                return False
            self._fetch_after = time.monotonic() + self._pause
            self._fresh_until = time.monotonic() + self._max_age
            self._keys = keys
            self._known.clear()
            return True


@contextmanager
def _refusing_what_is_no_token() -> Iterator[None]:
    """Raise `Unauthenticated` for what can be wrong with a token.

    joserfc looks into a header before it looks whether that is an object, and into values of other types than it
    expects: what that raises is none of its own errors.
    """
    try:
        yield
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unauthenticated from error


async def fetch_keys(url: str, patience: float) -> KeySet:
    """The keys that a JWKS address gives within `patience` seconds.

    Raises aiohttp.ClientError, OSError (timeouts too), ValueError, JoseError, RecursionError.
    """
    timeout = aiohttp.ClientTimeout(total=patience)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        answer.raise_for_status()
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > MAX_JWKS:
                raise ValueError("answered more than a JWK set")
    return read_keys(bytes(body))


def read_keys(body: bytes) -> KeySet:
    """The keys in a JWK set, without those of other kinds than ours. Raises ValueError, JoseError or RecursionError."""
    listed = json.loads(body)
    if not isinstance(listed, dict) or not isinstance(listed.get("keys"), list):
        raise ValueError("not a JWK set")
    ours = [each for each in listed["keys"] if isinstance(each, dict) and each.get("crv") == "Ed25519"]
    return KeySet([OKPKey.import_key(each) for each in ours])
