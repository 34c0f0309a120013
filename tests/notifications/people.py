"""What notifications asks of membership (contacts, tokens, keys), answered on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from chassis.access import Identity, issue, jwks, load_keys, new_key
from chassis.settings import AccessSettings
from notifications.settings import MailSettings, MembershipSettings


@dataclass
class Membership:
    """What answers where membership would: contacts by person, how often it was asked, and whether it is away."""

    contacts: dict[UUID, dict[str, str]] = field(default_factory=dict)
    asked: int = 0
    tokens: int = 0
    away: bool = False
    forgot_keys: bool = False
    port: int = 0
    keys: list[OKPKey] = field(default_factory=lambda: load_keys(new_key()))

    @property
    def access(self) -> AccessSettings:
        """Whose tokens count."""
        return AccessSettings(issuer="https://membership.test", jwks_url=f"{self.url}/.well-known/jwks.json")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def bearer(self, person_id: UUID) -> dict[str, str]:
        """The Authorization header of a person."""
        token, _ = issue(Identity(person_id, "person"), self.keys[0], self.access, datetime.now(UTC))
        return {"Authorization": f"Bearer {token}"}

    async def published_keys(self, _request: web.Request) -> web.Response:
        """The keys that tokens are verified with."""
        return web.json_response(jwks(self.keys))

    def add(self, person_id: UUID, email: str, name: str = "Zoé Martin", language: str = "fr") -> None:
        """Somebody with an address."""
        self.contacts[person_id] = {"email": email, "name": name, "language": language}

    def settings(self, contact_seconds: float = 0.0) -> MembershipSettings:
        """How to reach it."""
        return MembershipSettings(
            url=self.url,
            client_id="notifications",
            client_secret=SecretStr("secret of notifications"),
            contact_seconds=contact_seconds,
        )

    async def token(self, request: web.Request) -> web.Response:
        """Client credentials against a token."""
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        if (form["client_id"], form["client_secret"]) != ("notifications", "secret of notifications"):
            return web.json_response({"error": "invalid_client"}, status=401)
        self.tokens += 1
        return web.json_response({"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 900})

    async def contact(self, request: web.Request) -> web.Response:
        """Who somebody is."""
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        if self.forgot_keys or request.headers["Authorization"] != f"Bearer t{self.tokens}":
            self.forgot_keys = False
            return web.Response(status=401)
        found = self.contacts.get(UUID(request.match_info["id"]))
        return web.json_response(found) if found else web.Response(status=404)


@asynccontextmanager
async def membership() -> AsyncIterator[Membership]:
    """Membership on a free port of loopback."""
    here = Membership()
    app = web.Application()
    app.router.add_post("/v1/oauth/token", here.token)
    app.router.add_get("/v1/people/{id}/contact", here.contact)
    app.router.add_get("/.well-known/jwks.json", here.published_keys)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.port = runner.addresses[0][1]
    yield here
    await runner.cleanup()


def mail_settings(port: int, **changes: Any) -> MailSettings:
    """Settings for a mail server on loopback."""
    given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "bonjour@polepool.example"}
    return MailSettings(**given | {"first_delay": 0.01, "timeout": 3} | changes)
