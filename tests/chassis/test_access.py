"""Tokens: who may speak for whom, with keys that rotate and an authority that may be away."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from joserfc.jwk import KeySet, OctKey, OKPKey
from joserfc.jws import serialize_compact
from joserfc.jwt import encode

from chassis.access import Identity, Scope, TokenVerifier, issue, jwks, load_keys, new_key, sign
from chassis.errors import NotFound, Retry, Unauthenticated
from chassis.settings import AccessSettings

SOMEBODY = Identity(uuid4(), "person")
CRITICAL: tuple[object, ...] = (5, None, [5], [[]])
"""Values of `crit`, which lists names of headers (RFC 7515)."""


@dataclass
class Authority:
    """Where keys are published; it may be away, or answer nonsense."""

    keys: list[OKPKey] = field(default_factory=lambda: load_keys(new_key()))
    away: bool = False
    nonsense: bytes | None = None
    asked: int = 0
    settings: AccessSettings = field(default_factory=lambda: AccessSettings(issuer="https://us", jwks_url=""))

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        body = self.nonsense if self.nonsense is not None else json.dumps(jwks(self.keys)).encode()
        return web.Response(body=body, content_type="application/json")

    def token(self, key: OKPKey | None = None, ago: int = 0) -> str:
        return issue(SOMEBODY, key or self.keys[0], self.settings, datetime.now(UTC) - timedelta(seconds=ago))[0]

    def signed(self, **changed: object) -> str:
        """A good token, but for these claims; None leaves one out, a timedelta is from now."""
        claims = {
            "iss": "https://us",
            "aud": "polepool",
            "sub": str(SOMEBODY.subject),
            "kind": "person",
            "iat": timedelta(0),
            "exp": timedelta(seconds=60),
            **changed,
        }
        return sign({name: moment(value) for name, value in claims.items() if value is not None}, self.keys[0])


def moment(value: object) -> object:
    """A claim's value: a timedelta becomes a time in seconds, counted when the token is made."""
    return int((datetime.now(UTC) + value).timestamp()) if isinstance(value, timedelta) else value


@pytest.fixture
async def authority() -> AsyncIterator[Authority]:
    authority = Authority()
    app = web.Application()
    app.router.add_get("/jwks", authority.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    authority.settings = AccessSettings(issuer="https://us", jwks_url=f"http://{host}:{port}/jwks")
    yield authority
    await runner.cleanup()


async def test_a_token_says_who(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings)
    assert await verifier.verify(authority.token()) == SOMEBODY


async def test_a_token_seen_before_costs_no_question(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings)
    token = authority.token()
    for _ in range(5):
        await verifier.verify(token)
    assert authority.asked == 1


async def test_keys_go_on_serving_while_the_authority_is_away(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0)
    await verifier.verify(authority.token())
    authority.away = True
    assert await verifier.verify(authority.token(ago=1)) == SOMEBODY
    authority.away = False
    assert await verifier.verify(authority.token(ago=2)) == SOMEBODY


async def test_without_any_key_yet_the_caller_is_asked_to_come_again(authority: Authority) -> None:
    authority.away = True
    verifier = TokenVerifier(authority.settings, pause=0)
    with pytest.raises(Retry):
        await verifier.verify(authority.token())
    authority.away = False
    assert await verifier.verify(authority.token()) == SOMEBODY


@pytest.mark.parametrize(
    "nonsense", [b"", b"[]", b'{"keys":5}', b'{"keys":[{"crv":"Ed25519"}]}', b"x" * 100_000, b"[" * 60_000]
)
async def test_an_authority_that_answers_nonsense_changes_nothing(authority: Authority, nonsense: bytes) -> None:
    authority.nonsense = nonsense
    with pytest.raises(Retry):
        await TokenVerifier(authority.settings).verify(authority.token())


async def test_a_new_key_is_found_and_the_old_one_still_counts_while_it_is_published(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0)
    old = authority.token()
    await verifier.verify(old)
    authority.keys.insert(0, load_keys(new_key())[0])
    assert await verifier.verify(authority.token()) == SOMEBODY
    assert await verifier.verify(old) == SOMEBODY


async def test_a_key_that_is_published_no_more_ends_with_the_next_fetch(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0)
    old = authority.token()
    await verifier.verify(old)
    authority.keys[:] = load_keys(new_key())
    await verifier.verify(authority.token())
    with pytest.raises(Unauthenticated):
        await verifier.verify(old)


async def test_unknown_keys_do_not_make_us_ask_each_time(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=60)
    await verifier.verify(authority.token())
    for _ in range(10):
        with pytest.raises(Retry):
            await verifier.verify(authority.token(load_keys(new_key())[0]))
    assert authority.asked == 1


async def test_a_key_that_the_authority_does_not_publish_counts_for_nothing(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0)
    with pytest.raises(Unauthenticated):
        await verifier.verify(authority.token(load_keys(new_key())[0]))


async def test_a_withdrawn_key_ends_with_its_age_though_no_new_one_is_seen(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0, max_age=0)
    token = authority.token()
    assert await verifier.verify(token) == SOMEBODY
    authority.keys[:] = load_keys(new_key())
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_old_keys_serve_while_the_authority_is_away_and_it_is_not_asked_each_time(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, pause=0, max_age=0)
    token = authority.token()
    await verifier.verify(token)
    authority.away = True
    for _ in range(10):
        assert await verifier.verify(token) == SOMEBODY
    patient = TokenVerifier(authority.settings, pause=60, max_age=0)
    authority.away, authority.asked = False, 0
    for _ in range(10):
        assert await patient.verify(token) == SOMEBODY
    assert authority.asked == 1


@pytest.mark.parametrize("away", [True, False], ids=["the authority is away", "it was asked a moment ago"])
async def test_a_token_of_a_new_key_is_asked_to_come_again_while_nobody_can_tell(
    authority: Authority, away: bool
) -> None:
    verifier = TokenVerifier(authority.settings, pause=0 if away else 60)
    await verifier.verify(authority.token())
    authority.keys.insert(0, load_keys(new_key())[0])
    authority.away = away
    with pytest.raises(Retry):
        await verifier.verify(authority.token())


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://them"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"sub": "me"},
        {"sub": 5},
        {"sub": None},
        {"kind": "root"},
        {"kind": None},
        {"exp": timedelta(seconds=-31)},
        {"exp": None},
        {"exp": "soon"},
        {"iat": timedelta(seconds=90)},
        {"iat": None},
        {"nbf": timedelta(seconds=90)},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(authority: Authority, changed: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await TokenVerifier(authority.settings).verify(authority.signed(**changed))


async def test_clocks_may_differ_a_little(authority: Authority) -> None:
    expired = authority.signed(exp=timedelta(seconds=-5), iat=timedelta(seconds=15))
    assert await TokenVerifier(authority.settings).verify(expired) == SOMEBODY


async def test_only_our_algorithm_and_type_count(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings)
    key = authority.keys[0]
    now = int(datetime.now(UTC).timestamp())
    claims: dict[str, Any] = {"iss": "https://us", "aud": "polepool", "sub": str(SOMEBODY.subject), "kind": "person"}
    claims |= {"iat": now, "exp": now + 60}
    ours: dict[str, Any] = {"alg": "Ed25519", "typ": "at+jwt", "kid": key.kid}
    public = OctKey.import_key(str(key.as_dict(private=False)["x"]))
    good = encode(ours, dict(claims), key, algorithms=["Ed25519"])
    assert await verifier.verify(good) == SOMEBODY
    forged = [
        encode({**ours, "alg": "HS256"}, dict(claims), public, algorithms=["HS256"]),
        encode({**ours, "typ": "JWT"}, dict(claims), key, algorithms=["Ed25519"]),
        encode({"alg": "Ed25519", "typ": "at+jwt"}, dict(claims), key, algorithms=["Ed25519"]),
        *(_headed(wrong) for wrong in (["alg"], ["alg", "b64"], "alg", "alg b64", 5, None, {**ours, "kid": 5})),
        *(_headed({**ours, "crit": wrong}) for wrong in CRITICAL),
        serialize_compact(ours, b"[" * 1100 + b"]" * 1100, key, algorithms=["Ed25519"]),
        _unsigned(authority.token()),
        _unsigned(authority.token()) + authority.token().rpartition(".")[2],
        authority.token()[:-2],
        authority.token() + "é",
        "a" * 5000,
        "..",
        "",
    ]
    for token in forged:
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


def _headed(header: object) -> str:
    """A token with this header, and a signature that is none."""
    return f"{_encoded(header)}.e30.x"


def _unsigned(token: str) -> str:
    head = _encoded({"alg": "none", "typ": "at+jwt", "kid": "x"})
    return f"{head}.{token.split('.')[1]}."


def _encoded(header: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def test_several_keys_are_loaded_in_order_and_published_without_their_secrets() -> None:
    keys = load_keys(new_key() + new_key())
    published = jwks(keys)["keys"]
    assert isinstance(published, list)
    assert [each["kid"] for each in published] == [key.kid for key in keys]
    assert all("d" not in each for each in published)


@pytest.mark.parametrize("pem", ["", "x", new_key().replace("PRIVATE", "PUBLIC"), "-----END PRIVATE KEY-----"])
def test_what_is_no_signing_key_is_refused(pem: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_keys(pem)


async def test_a_verifier_may_have_its_keys_at_hand(authority: Authority) -> None:
    verifier = TokenVerifier(authority.settings, KeySet(list(authority.keys)))
    assert await verifier.verify(authority.token()) == SOMEBODY
    assert authority.asked == 0


def test_a_foreign_organisation_is_as_unknown_as_none() -> None:
    own = UUID(int=1)
    scope = Scope(subject=uuid4(), organisations={own: "manager"})
    assert scope.require_organisation(own) == "manager"
    with pytest.raises(NotFound):
        scope.require_organisation(UUID(int=2))
