"""Notifications as its callers see it, for journeys: actors of membership, speaking to notifications' API.

anne = at(notifications_http, anne)             # the same person and token, at the other service
hook = await subscribe(anne, organisation_id, sink.url("erp"), [BookingConfirmed.TYPE])
sink.secrets["erp"] = hook["secret"]
await eventually(lambda: told(anne, "booking_confirmed_owner"))
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import httpx

from tests.support.membership import Actor, Json, succeeded


def at(http: httpx.AsyncClient, actor: Actor) -> Actor:
    """The same actor, speaking to another service."""
    return replace(actor, http=http)


async def inbox(actor: Actor) -> list[Json]:
    """The newest hundred of the actor's notifications, newest first."""
    items: list[Json] = (await actor.get("/v1/inbox", limit="100"))["items"]
    return items


async def told(actor: Actor, code: str) -> list[Json]:
    """The actor's notifications with this code, newest first; none yet: an empty list."""
    return [each for each in await inbox(actor) if each["code"] == code]


def mailed(news: Sequence[Json]) -> list[Json]:
    """Those notifications that a mail goes with: an owner has nothing to do about a match."""
    return [each for each in news if each["code"] != "match_owner"]


async def subscribe(actor: Actor, organisation_id: UUID | str, url: str, event_types: Sequence[str]) -> Json:
    """A new webhook with its secret. Raises AssertionError until notifications knows the organisation."""
    body = {"organisation_id": str(organisation_id), "url": url, "event_types": list(event_types)}
    return succeeded(await actor.send("POST", "/v1/webhooks", body))


async def deliveries(actor: Actor, webhook_id: UUID | str) -> list[Json]:
    """What a webhook got or is to get, newest first."""
    items: list[Json] = (await actor.get(f"/v1/webhooks/{webhook_id}/deliveries", limit="100"))["items"]
    return items
