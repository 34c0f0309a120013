"""`python -m tests.resilience.racers FOLDER SEED CLIENTS ATTEMPTS API...`: clients who fight for few slots.

Each takes slots, accepts, gives up, moves (gives up, then takes another) and takes all vans for the same time. Writes
`race.json`: how often each answer came, and how long answers took.
"""

import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import uvloop

from tests.resilience.cast import Cast
from tests.resilience.clients import Session
from tests.support.pooling import period

HOURS = 24
"""Of one day, in which all vans are fought for."""


class Held(NamedTuple):
    """A booking that a client has, as it saw it last."""

    id: str
    version: int
    owner: int
    requester: int


class Connection:
    """One kept connection; plain bytes, so that the clients leave the processor to the service."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._where = (address.hostname, address.port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, token: str, body: Any, version: int | None) -> tuple[int, Any]:
        """The answer's status and JSON."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._where)
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: race",
            f"Authorization: Bearer {token}",
            f"Idempotency-Key: {uuid.uuid4()}",
            *([] if version is None else [f'If-Match: "{version}"']),
            *([] if body is None else ["Content-Type: application/json"]),
            f"Content-Length: {len(content)}",
        ]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(head.split(b" ", 2)[1]), json.loads(await self._reader.readexactly(length))


@dataclass(slots=True)
class Race:
    """What all clients share."""

    cast: Cast
    tokens: list[str]
    versions: list[int]
    left: int
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


class Racer:
    """One client."""

    def __init__(self, race: Race, rng: random.Random, url: str) -> None:
        self._race = race
        self._rng = rng
        self._connection = Connection(url)
        self._mine: list[Held] = []

    async def run(self) -> None:
        """Go on until all attempts are made. Not all come in the same instant."""
        await asyncio.sleep(self._rng.random())
        while self._race.left > 0:
            what = self._rng.choices((self.hold, self.convoy, self.confirm, self.cancel, self.move), (5, 1, 2, 2, 1))[0]
            await what()

    async def hold(self) -> None:
        """Take a slot of some van."""
        await self._hold(self._rng.randrange(len(self._race.cast.vans)), self._rng.randrange(HOURS - 2))

    async def convoy(self) -> None:
        """Take all vans for the same time, in no order."""
        hour = self._rng.randrange(HOURS - 2)
        vans = range(len(self._race.cast.vans))
        for van in self._rng.sample(vans, len(vans)):
            await self._hold(van, hour)

    async def confirm(self) -> None:
        """Have one's hold accepted by its owner."""
        if self._mine:
            held = self._mine.pop(self._rng.randrange(len(self._mine)))
            await self._change(held, "confirmation", held.owner)

    async def cancel(self) -> None:
        """Give one's booking up."""
        if self._mine:
            held = self._mine.pop(self._rng.randrange(len(self._mine)))
            await self._change(held, "cancellation", held.requester)

    async def move(self) -> None:
        """Give one's booking up and take another."""
        await self.cancel()
        await self.hold()

    async def _hold(self, van: int, hour: int) -> None:
        cast = self._race.cast
        requester = self._rng.randrange(len(cast.players))
        start = datetime.fromisoformat(cast.first_day) + timedelta(hours=hour)
        body = {
            "resource_id": cast.vans[van],
            "resource_version": self._race.versions[van],
            "requester_pole_id": cast.pole_id,
            "requester_organisation_id": cast.players[requester].organisation_id,
            "period": period(start, start + timedelta(hours=self._rng.randint(1, 2))),
        }
        said = await self._send("/v1/bookings", requester, body, None)
        if said:
            self._mine.append(Held(said["id"], said["version"], van % len(cast.players), requester))

    async def _change(self, held: Held, what: str, player: int) -> None:
        path = f"/v1/bookings/{held.id}/{what}"
        said = await self._send(path, player, None, held.version)
        if said and what == "confirmation":
            self._mine.append(held._replace(version=said["version"]))

    async def _send(self, path: str, player: int, body: Any, version: int | None) -> Any:
        """The body of a success."""
        self._race.left -= 1
        began = time.perf_counter()
        status, said = await self._connection.post(path, self._race.tokens[player], body, version)
        self._race.seconds.append(time.perf_counter() - began)
        self._race.answers[f"{status} {said.get('code', '')}".strip()] += 1
        return said if status < 300 else None


async def run(folder: Path, seed: int, clients: int, attempts: int, apis: Sequence[str]) -> None:
    """Race, and write what came of it."""
    cast = Cast.load(folder / "cast.json")
    async with httpx.AsyncClient(timeout=30) as http:
        sessions = [Session(player.email, http, cast.urls) for player in cast.players]
        vans = [
            await session.get("pooling", f"/v1/resources/{van}") for session in sessions for van in cast.vans
        ]  # each signs in at its first look
    race = Race(
        cast, [each.token for each in sessions], [van["version"] for van in vans[: len(cast.vans)] if van], attempts
    )
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(Racer(race, random.Random(f"{seed} {number}"), apis[number % len(apis)]).run())
    said = {"took": time.perf_counter() - began, "answers": race.answers, "seconds": sorted(race.seconds)}
    (folder / "race.json").write_text(json.dumps(said))


if __name__ == "__main__":
    seed, clients, attempts = map(int, sys.argv[2:5])
    uvloop.run(run(Path(sys.argv[1]), seed, clients, attempts, sys.argv[5:]))
