"""What arrived outside: mails and webhooks, as the catchers of this machine or of the containers list them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from polepool_local.demo.door import Json

Mails = Callable[[str, str], Awaitable[str | None]]
"""The subject of the mail to this address that carries this notification, if it came."""


@dataclass(frozen=True, slots=True)
class Sinks:
    """`target` is where the services reach the webhook catcher, `seen` where it lists what came."""

    http: aiohttp.ClientSession
    mail: Mails
    target: str
    seen: str

    def webhook_url(self, name: str) -> str:
        """The address that an ERP of this name gives."""
        return f"{self.target}/webhooks/{name}"

    async def signed_webhook(self, name: str, secret: str, event_id: UUID) -> Json | None:
        """The event as this name received it with a valid Standard Webhooks signature, if it came."""
        for hook in await _get(self.http, f"{self.seen}/webhooks.json"):
            if hook["name"] == name and hook["headers"].get("webhook-id") == str(event_id):
                try:
                    body: Json = Webhook(secret).verify(hook["body"], hook["headers"])
                except WebhookVerificationError:
                    continue
                return body
        return None


def local_mails(http: aiohttp.ClientSession, sink: str) -> Mails:
    """From this machine's sink."""

    async def find(address: str, notification_id: str) -> str | None:
        mails = await _get(http, f"{sink}/mails.json")
        theirs = (mail for mail in mails if address in mail["to"])
        return next((str(mail["subject"]) for mail in theirs if notification_id in _message_id(mail["headers"])), None)

    return find


def mailpit_mails(http: aiohttp.ClientSession, mailpit: str) -> Mails:
    """From the mail catcher of docker-compose.yml (mailpit's API, version 1)."""

    async def find(address: str, notification_id: str) -> str | None:
        found = await _get(http, f"{mailpit}/api/v1/search?query=to:{address}")
        return next((str(m["Subject"]) for m in found["messages"] if notification_id in m["MessageID"]), None)

    return find


def _message_id(headers: dict[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "message-id"), "")


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as response:
        response.raise_for_status()
        return await response.json()
