"""Sending one webhook: a structured CloudEvent, signed as Standard Webhooks says, to a public address."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractResolver
from cryptography.fernet import InvalidToken
from standardwebhooks.webhooks import Webhook
from yarl import URL

from notifications.sealing import Sealer
from notifications.settings import WebhookSettings
from notifications.store.deliveries import Leased, Outcome
from notifications.targets import AddressRefused, guarded_session, host_and_port, plain_session

READ = 2048
"""Bytes of an answer's body that are read; the connection is closed on the rest."""
SHOWN = 500
"""Characters of it that are kept."""
BODY_PATIENCE = 2.0
"""Seconds that the body may take once the status is known."""


@dataclass(frozen=True, slots=True)
class Poster:
    """What sending needs: the clients, the targets that the operator allowed, and the keys. `close` it."""

    guarded: aiohttp.ClientSession
    plain: aiohttp.ClientSession
    allowed: frozenset[str]
    sealer: Sealer

    async def close(self) -> None:
        """Close the clients."""
        await self.guarded.close()
        await self.plain.close()


def new_poster(settings: WebhookSettings, resolver: AbstractResolver | None = None) -> Poster:
    """A poster as the settings say; names are resolved by `resolver`, the system's by default."""
    timeout = aiohttp.ClientTimeout(
        total=settings.total_timeout, connect=settings.connect_timeout, sock_connect=settings.connect_timeout
    )
    guarded, plain = guarded_session(timeout, resolver), plain_session(timeout)
    return Poster(guarded, plain, frozenset(settings.allowed_targets), Sealer(settings.keys))


async def post(poster: Poster, leased: Leased, now: datetime) -> Outcome:
    """Send a delivery once and say what came of it; it never raises for what the other side does."""
    try:
        headers = _headers(poster.sealer.open(leased.sealed_secret), leased, now)
    except InvalidToken:
        return Outcome(None, "the secret is sealed with a key that is no longer in the settings", None)
    url = URL(leased.url)
    session = poster.plain if _allowed(url, poster.allowed) else poster.guarded
    if session is poster.guarded and url.scheme != "https":
        return Outcome(None, "not an https address", None)
    try:
        return await _post(session, url, leased.body.encode(), headers)
    except TimeoutError:
        return Outcome(None, "no answer in time", None)
    except Exception as error:  # whatever the other side brings about counts as a failed attempt
        return Outcome(None, _reason(error), None)


def _headers(secret: str, leased: Leased, now: datetime) -> dict[str, str]:
    moment = now.astimezone(UTC)
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "webhook-id": str(leased.event_id),
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(leased.event_id), moment, leased.body),
    }


async def _post(session: aiohttp.ClientSession, url: URL, body: bytes, headers: dict[str, str]) -> Outcome:
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
        excerpt = await _excerpt(answer)
        if 200 <= answer.status < 300:
            return Outcome(answer.status, None, excerpt)
        redirect = 300 <= answer.status < 400
        return Outcome(answer.status, "redirects are not followed" if redirect else "not a 2xx answer", excerpt)


async def _excerpt(answer: aiohttp.ClientResponse) -> str | None:
    """The start of the answer's body, printable; the status counts whatever becomes of the body."""
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            start = await answer.content.read(READ)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    text = "".join(each if each.isprintable() else " " for each in start.decode("utf-8", "replace"))
    return text[:SHOWN].strip() or None


def _allowed(url: URL, allowed: Collection[str]) -> bool:
    return host_and_port(url) in allowed


def _reason(error: Exception) -> str:
    """In words for the subscriber: what they need to mend it, and nothing of this side."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, AddressRefused) or "address refused" in str(cause):
        return "the host leads to an address that is not public"
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "the TLS certificate or handshake is not good"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was not accepted"
    return f"the exchange broke off ({type(error).__name__})"
