"""Who plays: a pole with members, what they own, and a stranger in another pole who must see nothing of it."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from chassis.testing import eventually
from schemas.pooling import BookingCancelled, BookingConfirmed, BookingHeld
from tests.resilience.system import System
from tests.support.membership import Actor, Json, join, promote, sign_in, sign_up
from tests.support.notifications import at, subscribe
from tests.support.pooling import Pooler, period

MEMBERS = 4
VANS = 3
DAYS = 3
"""For which the vans are offered: few slots, so that many want the same one."""


@dataclass(frozen=True, slots=True)
class Player:
    """A member organisation and its manager."""

    email: str
    person_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, as the load's process reads it from a file."""

    urls: dict[str, str]
    pole_id: str
    coordinator: str
    players: list[Player]
    stranger: Player
    stranger_pole_id: str
    vans: list[str]
    first_day: str

    def save(self, path: Path) -> None:
        """Write it down."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Cast":
        """Read it again."""
        raw = json.loads(path.read_text())
        players = [Player(**each) for each in raw.pop("players")]
        return cls(players=players, stranger=Player(**raw.pop("stranger")), **raw)


async def cast(system: System) -> Cast:
    """Sign everybody up while nothing is attacked yet; each member's ERP has a webhook."""
    async with httpx.AsyncClient(base_url=system.urls["membership"], timeout=30) as http:
        administrator = await _administrator(http, system)
        coordinator = await sign_up(http)
        pole = await administrator.open_pole("Pays d'essai", [coordinator.id])
        other = await administrator.open_pole("Pays voisin", [coordinator.id])
        *players, stranger = await asyncio.gather(
            *(_player(http, coordinator, pole["id"], system) for _ in range(MEMBERS)),
            _player(http, coordinator, other["id"], system),
        )
        day = (datetime.now(UTC) + timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
        vans = await asyncio.gather(
            *(_van(http, system, pole["id"], players[number % MEMBERS], day) for number in range(VANS))
        )
    made = Cast(system.urls, pole["id"], coordinator.email, players, stranger, other["id"], vans, day.isoformat())
    made.save(system.folder / "cast.json")
    return made


async def _administrator(http: httpx.AsyncClient, system: System) -> Actor:
    actor = await sign_up(http)
    await promote(system.databases["membership"], actor.id)
    return actor


async def _player(http: httpx.AsyncClient, coordinator: Actor, pole_id: str, system: System) -> Player:
    manager = await sign_up(http)
    organisation = await manager.register()
    await join(pole_id, organisation["id"], manager=manager, coordinator=coordinator)
    await _webhook(manager, organisation, system)
    return Player(manager.email, str(manager.id), organisation["id"])


async def _webhook(manager: Actor, organisation: Json, system: System) -> None:
    types = [BookingHeld.TYPE, BookingConfirmed.TYPE, BookingCancelled.TYPE]
    receiver = f"http://127.0.0.1:{system.ports['hooks']}"
    async with httpx.AsyncClient(base_url=system.urls["notifications"], timeout=30) as http:
        here = at(http, manager)
        url = f"{receiver}/hooks/{organisation['id']}"
        made: Json = await eventually(lambda: subscribe(here, organisation["id"], url, types))
    async with httpx.AsyncClient() as plain:
        told = await plain.post(f"{receiver}/secrets", json={"name": organisation["id"], "secret": made["secret"]})
        assert told.status_code == 204


async def _van(http: httpx.AsyncClient, system: System, pole_id: str, owner: Player, day: datetime) -> str:
    manager = await sign_in(http, owner.email)
    async with httpx.AsyncClient(base_url=system.urls["pooling"], timeout=30) as pooling:
        pooler = Pooler.at(pooling, manager)
        availability = [period(day, day + timedelta(days=DAYS))]
        made: Json = await eventually(lambda: pooler.offer(pole_id, owner.organisation_id, availability))
    return str(made["id"])
