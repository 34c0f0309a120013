"""Those who ask, as a process of their own: as fast as they are answered, or at times that don't wait for answers."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from benchmarks.pipeline.programs import Stopwatch, main

PATIENCE = 30.0
"""Seconds after which no answer is expected any more."""
TICK = 0.005
"""Seconds between two times at which what is due is asked: waking for each would take as long as asking it."""
MOST = 4_000
"""Connections at once; what comes when all are in use is not sent."""

ACCEPTED, REFUSED, WRONG, UNSENT = "accepted", "refused", "wrong", "unsent"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for, how often, and how long."""

    url: str
    pole: str
    organisations: list[str]
    people_tokens: list[str]
    resources: list[str]
    day: str
    """Midnight before the first slot, in ISO 8601."""
    first_slot: int
    seed: int
    seconds: float
    rate: float = 0.0
    """Requests per second, as a Poisson process; 0 means as fast as `clients` are answered."""
    clients: int = 32
    beside: dict[str, int] = field(default_factory=dict)
    """Pids of processes whose use of the processor is measured too, by name."""


class Asked:
    """Requests of a realistic mix, ready to be sent: a third are bookings, one in ten of those of what is taken."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._day = datetime.fromisoformat(plan.day)
        self.slot = plan.first_slot

    def next(self) -> bytes:
        """One request."""
        who = self._random.randrange(len(self._plan.organisations))
        resource = self._random.choice(self._plan.resources)
        chance = self._random.random()
        if chance < 0.3:
            self.slot += 1
            return self._book(who, self.slot)
        if chance < 0.33:
            return self._book(who, self._random.randint(1, max(1, self.slot)))
        if chance < 0.6:
            return self._read(who, f"/v1/resources/{resource}/free")
        if chance < 0.8:
            return self._read(who, f"/v1/resources/{resource}")
        return self._read(who, "/v1/bookings?limit=10")

    def _read(self, who: int, path: str) -> bytes:
        token = self._plan.people_tokens[who]
        return f"GET {path} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def _book(self, who: int, slot: int) -> bytes:
        """Slots of a resource follow each other, so that its free time stays one period however long this goes on."""
        half_hour, resource = divmod(slot, len(self._plan.resources))
        start = self._day + timedelta(minutes=30 * half_hour)
        command = {
            "resource_id": self._plan.resources[resource],
            "resource_version": 1,
            "requester_organisation_id": self._plan.organisations[who],
            "requester_pole_id": self._plan.pole,
            "period": {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()},
        }
        body = json.dumps(command).encode()
        head = (
            f"POST /v1/bookings HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {self._plan.people_tokens[who]}\r\n"
            f"Idempotency-Key: {UUID(int=self._random.getrandbits(128), version=4)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(slots=True)
class Outcome:
    """One request's fate: when it was due and how long after that it was answered, in seconds; what came."""

    due: float
    took: float
    kind: str
    status: int


class Connection(asyncio.Protocol):
    """One connection: sends a request, and tells what came of it."""

    def __init__(self, done: Callable[["Connection", float, str, int], None]) -> None:
        self._done = done
        self._due = 0.0
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def ask(self, due: float, request: bytes) -> None:
        """Send a request that was due at a time of the loop."""
        self._due, self._got = due, b""
        if self.open and self._transport:
            self._transport.write(request)
        else:
            self._tell(WRONG, 0)

    @property
    def open(self) -> bool:
        """Whether it can be used."""
        return self._transport is not None and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, blank, body = self._got.partition(b"\r\n\r\n")
        if not blank:
            return
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) >= length:
            status = int(head[9:12])
            self._tell(_kind(status, head), status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell(WRONG, 0)

    def _tell(self, kind: str, status: int) -> None:
        due, self._due = self._due, 0.0
        if due:
            self._done(self, due, kind, status)


def _kind(status: int, head: bytes) -> str:
    if status < 300 or status in (404, 409):
        return ACCEPTED
    told = b"\r\nretry-after: " in head and b"application/problem+json" in head
    return REFUSED if status in (429, 503) and told else WRONG


class Load:
    """Asks, and keeps every outcome."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._asked = Asked(plan)
        self._idle: list[Connection] = []
        self._open = 0
        self._over: asyncio.Event | None = None
        self._loop = asyncio.get_running_loop()
        self.outcomes: list[Outcome] = []
        self._next: Callable[[Connection], None] = self._idle.append

    async def run(self) -> dict[str, Any]:
        """Do it, and answer with figures."""
        for _ in range(self._plan.clients):
            self._idle.append(await self._connect())
        asked = list(self._arrivals()) if self._plan.rate else []
        watch = Stopwatch(self._plan.beside)
        self._began = self._loop.time()
        await (self._paced(asked) if self._plan.rate else self._closed())
        spent = watch.read()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._last()
        shares = {name: spent[name] / spent["seconds"] for name in ("cpu", *self._plan.beside)}
        lost = [[self._plan.seconds, PATIENCE, WRONG, 0]] * self._open
        kept = [[each.due - self._began, each.took, each.kind, each.status] for each in self.outcomes]
        return {"outcomes": kept + lost, "seconds": spent["seconds"], "shares": shares, "slot": self._asked.slot}

    async def _closed(self) -> None:
        """Each client asks again when it is answered."""
        ends = self._began + self._plan.seconds

        def again(connection: Connection) -> None:
            if self._loop.time() < ends:
                self._ask(connection, self._loop.time(), self._asked.next())

        self._next = again
        for connection in self._idle:
            self._ask(connection, self._loop.time(), self._asked.next())
        await asyncio.sleep(self._plan.seconds)

    async def _paced(self, asked: list[tuple[float, bytes]]) -> None:
        """Ask at times that were drawn before, late or not, on a connection that nobody waits on."""
        for after, request in asked:
            due = self._began + after
            if due > self._loop.time():
                await asyncio.sleep(due - self._loop.time() + TICK)
            while self._idle and not self._idle[-1].open:
                self._idle.pop()
            if self._idle:
                self._ask(self._idle.pop(), due, request)
            elif self._open < MOST:
                self._open += 1
                self._loop.create_task(self._ask_anew(due, request))
            else:
                self.outcomes.append(Outcome(due, 0.0, UNSENT, 0))

    def _arrivals(self) -> Iterator[tuple[float, bytes]]:
        """When to ask, in seconds from the beginning, and what for: made before, since making it takes as long."""
        drawn, after = random.Random(self._plan.seed), 0.0
        while (after := after + drawn.expovariate(self._plan.rate)) < self._plan.seconds:
            yield after, self._asked.next()

    async def _ask_anew(self, due: float, request: bytes) -> None:
        try:
            connection = await self._connect()
        except OSError:
            self._open -= 1
            self.outcomes.append(Outcome(due, self._loop.time() - due, WRONG, 0))
        else:
            self._open -= 1
            self._ask(connection, due, request)

    async def _connect(self) -> Connection:
        address = urlsplit(self._plan.url)
        where = str(address.hostname), int(address.port or 80)
        return (await self._loop.create_connection(lambda: Connection(self._done), *where))[1]

    def _ask(self, connection: Connection, due: float, request: bytes) -> None:
        self._open += 1
        connection.ask(due, request)

    def _done(self, connection: Connection, due: float, kind: str, status: int) -> None:
        self._open -= 1
        self.outcomes.append(Outcome(due, self._loop.time() - due, kind, status))
        if connection.open:
            self._next(connection)
        if self._over and not self._open:
            self._over.set()

    async def _last(self) -> None:
        """Wait until nothing is on its way any more."""
        self._over = asyncio.Event()
        if self._open:
            await self._over.wait()


async def load(plan: Plan) -> dict[str, Any]:
    """Ask as the plan says, and answer with every outcome."""
    return await Load(plan).run()


if __name__ == "__main__":
    main({"load": load}, Plan)
