"""What members do while the system is attacked, and how often. A new feature adds its commands here."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from aiokafka.errors import KafkaError

from tests.resilience.cast import DAYS
from tests.resilience.clients import Client, Intent
from tests.resilience.poison import poisoned
from tests.support.membership import Json, new_siret
from tests.support.pooling import need, offered, period, requested


async def book(client: Client) -> None:
    """Hold a van directly, at a time that others want, too."""
    cast, player = client.ground.cast, client.player
    van = client.rng.choice(cast.vans)
    seen = await client.session.get("pooling", f"/v1/resources/{van}")
    if seen is None:
        return
    start = datetime.fromisoformat(cast.first_day) + timedelta(hours=client.rng.randrange(24 * DAYS - 4))
    body = {
        "resource_id": van,
        "resource_version": seen["version"],
        "requester_pole_id": cast.pole_id,
        "requester_organisation_id": player.organisation_id,
        "period": period(start, start + timedelta(hours=client.rng.randint(1, 4))),
    }
    await client.do(Intent("book", "pooling", "POST", "/v1/bookings", body))


async def confirm(client: Client) -> None:
    """Accept a hold on an own van."""
    if booking := await _own_hold(client):
        path = f"/v1/bookings/{booking['id']}/confirmation"
        await client.do(Intent("confirm", "pooling", "POST", path, None, booking["version"]))


async def waver(client: Client) -> None:
    """Accept and give up a hold on an own van at the same moment: one of the two comes too late."""
    if booking := await _own_hold(client):
        path = f"/v1/bookings/{booking['id']}"
        await asyncio.gather(
            client.do(Intent("waver", "pooling", "POST", f"{path}/confirmation", None, booking["version"])),
            client.do(Intent("waver", "pooling", "POST", f"{path}/cancellation", None, booking["version"])),
        )


async def _own_hold(client: Client) -> Json | None:
    held = await client.session.get("pooling", "/v1/bookings?status=held&limit=20")
    mine = [
        each for each in (held or {}).get("items", ()) if each["owner_organisation_id"] == client.player.organisation_id
    ]
    return client.rng.choice(mine) if mine else None


async def cancel(client: Client) -> None:
    """Give up a booking, as one of its sides."""
    status = client.rng.choice(("held", "confirmed"))
    found = await client.session.get("pooling", f"/v1/bookings?status={status}&limit=20")
    if items := (found or {}).get("items", ()):
        booking = client.rng.choice(items)
        path = f"/v1/bookings/{booking['id']}/cancellation"
        await client.do(Intent("cancel", "pooling", "POST", path, None, booking["version"]))


async def ask(client: Client) -> None:
    """Ask for a van."""
    cast = client.ground.cast
    start = datetime.fromisoformat(cast.first_day) + timedelta(hours=client.rng.randrange(24 * DAYS - 6))
    line = need(period(start, start + timedelta(hours=6)), minutes=60)
    body = requested(cast.pole_id, client.player.organisation_id, [line])
    if made := await client.do(Intent("request", "pooling", "POST", "/v1/requests", body)):
        client.requests.append(made["id"])


async def take(client: Client) -> None:
    """Take what is proposed for an own request."""
    if not client.requests:
        return
    request = client.rng.choice(client.requests)
    found = await client.session.get("pooling", f"/v1/requests/{request}/matches")
    if items := (found or {}).get("items", ()):
        match = client.rng.choice(items)
        body = {"match_id": match["id"], "match_version": match["version"]}
        await client.do(Intent("take", "pooling", "POST", "/v1/bookings", body))


async def follow(client: Client) -> None:
    """Read what the plan of the territory has for an own request, write down what it tells, and take it."""
    if not client.requests:
        return
    request = client.rng.choice(client.requests)
    found = await client.session.get("pooling", f"/v1/requests/{request}/plan")
    if found is None:
        return
    client.ground.ledger.write(plan=request, items=found["items"])
    if planned := [item["match"] for item in found["items"] if item["status"] == "planned"]:
        match = client.rng.choice(planned)
        body = {"match_id": match["id"], "match_version": match["version"]}
        await client.do(Intent("follow", "pooling", "POST", "/v1/bookings", body))


async def give_up(client: Client) -> None:
    """Withdraw an own request."""
    if client.requests:
        request = client.requests.pop(client.rng.randrange(len(client.requests)))
        found = await client.session.get("pooling", f"/v1/requests/{request}")
        if found:
            path = f"/v1/requests/{request}/withdrawal"
            await client.do(Intent("give up", "pooling", "POST", path, None, found["version"]))


async def offer(client: Client) -> None:
    """Offer another van."""
    cast = client.ground.cast
    day = datetime.fromisoformat(cast.first_day)
    body = offered(cast.pole_id, client.player.organisation_id, [period(day, day + timedelta(days=DAYS))])
    if made := await client.do(Intent("offer", "pooling", "POST", "/v1/resources", body)):
        client.offers.append((made["id"], made["version"]))


async def withdraw(client: Client) -> None:
    """Take an own offer back."""
    if client.offers:
        id_, version = client.offers.pop(client.rng.randrange(len(client.offers)))
        await client.do(Intent("withdraw", "pooling", "POST", f"/v1/resources/{id_}/withdrawal", None, version))


async def launch(client: Client) -> None:
    """Launch a project."""
    body = {
        "pole_id": client.ground.cast.pole_id,
        "lead_organisation_id": client.player.organisation_id,
        "title": "Un projet d'essai",
        "summary": "",
        "activities": ["mobility"],
        "commune": "01263",
    }
    await client.do(Intent("launch", "membership", "POST", "/v1/projects", body))


async def bring_in(client: Client) -> None:
    """Register another organisation, apply, and have it accepted."""
    details = {"name": "Une structure invitée", "siret": new_siret(), "commune": "01263", "activities": ["mobility"]}
    made = await client.do(Intent("register", "membership", "POST", "/v1/organisations", details))
    if made is None:
        return
    body = {"pole_id": client.ground.cast.pole_id, "organisation_id": made["id"]}
    member = await client.do(Intent("apply", "membership", "POST", "/v1/members", body))
    if member is None:
        return
    path = f"/v1/members/{member['id']}/acceptance"
    accepted = Intent("accept", "membership", "POST", path, None, member["version"])
    if joined := await client.do(accepted, client.ground.coordinator):
        client.guests.append(joined)


async def depart(client: Client) -> None:
    """Let an organisation that was brought in leave."""
    if client.guests:
        member = client.guests.pop()
        path = f"/v1/members/{member['id']}/departure"
        await client.do(Intent("depart", "membership", "POST", path, None, member["version"]))


async def poison(client: Client) -> None:
    """Put a record on a topic that nobody can handle, as a broken producer would."""
    topic, partition, record = poisoned(client.rng, next(client.ground.poisons))
    id_ = str(uuid.uuid4())
    client.ground.ledger.write(poison=id_, topic=topic)
    try:
        at = await asyncio.wait_for(
            client.ground.producer.send_and_wait(
                topic, record.value, key=record.key, partition=partition, headers=list(record.headers)
            ),
            10,
        )
    except (KafkaError, TimeoutError):
        return
    client.ground.ledger.write(poisoned=id_, topic=topic, partition=at.partition, offset=at.offset)


OPERATIONS: dict[str, tuple[int, Callable[[Client], Awaitable[Any]]]] = {
    "book": (30, book),
    "confirm": (14, confirm),
    "waver": (6, waver),
    "cancel": (12, cancel),
    "request": (6, ask),
    "take": (8, take),
    "follow": (8, follow),
    "give up": (3, give_up),
    "offer": (2, offer),
    "withdraw": (2, withdraw),
    "launch": (4, launch),
    "bring in": (2, bring_in),
    "depart": (1, depart),
    "poison": (1, poison),
}
