"""Clients: an intent is on disk before it is sent, with its Idempotency-Key; each answer after it came.

What got no answer, or a 5xx, is unknown: it is sent again with the same key until it is answered.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import httpx
from aiokafka import AIOKafkaProducer

from tests.resilience.cast import Cast, Player
from tests.resilience.ledger import Ledger
from tests.resilience.poison import KINDS
from tests.support.membership import PASSWORD, Json

LIMIT = 450.0
"""Seconds that an unknown intent is sent again and again: longer than an API dies at one failpoint, each time of it."""
AGAIN = 0.1
"""The share of answered intents that are sent once more, to see the same answer."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One command as it is sent, however often."""

    op: str
    service: str
    method: str
    path: str
    body: Json | None
    version: int | None = None
    key: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True)
class Session:
    """A person's way to the services; signs in again when a token is over."""

    email: str
    http: httpx.AsyncClient
    urls: dict[str, str]
    token: str = ""
    ledger: Ledger | None = None
    """Where reads that got no good answer are written down."""

    async def send(self, intent: Intent) -> httpx.Response:
        """Send it once."""
        headers = {"Idempotency-Key": intent.key}
        if intent.version is not None:
            headers["If-Match"] = f'"{intent.version}"'
        return await self._call(intent.method, intent.service, intent.path, intent.body, headers)

    async def get(self, service: str, path: str) -> Json | None:
        """What is there; None when it isn't answered now."""
        try:
            answer = await self._call("GET", service, path, None, {})
        except httpx.HTTPError as error:
            self._missed(path, type(error).__name__)
            return None
        if answer.status_code >= 500:
            self._missed(path, str(answer.status_code))
        return dict(answer.json()) if answer.is_success else None

    def _missed(self, path: str, error: str) -> None:
        if self.ledger:
            self.ledger.write(missed=path, error=error)

    async def look(self, path: str) -> httpx.Response:
        """What pooling answers to a GET, whatever it is."""
        return await self._call("GET", "pooling", path, None, {})

    async def _call(self, method: str, service: str, path: str, body: Json | None, headers: Json) -> httpx.Response:
        url = self.urls[service] + path
        for _ in range(2):
            if not self.token:
                await self._sign_in()
            signed = {**headers, "Authorization": f"Bearer {self.token}"}
            answer = await self.http.request(method, url, json=body, headers=signed)
            if answer.status_code != 401:
                break
            self.token = ""
        return answer

    async def _sign_in(self) -> None:
        account = {"email": self.email, "password": PASSWORD}
        answer = await self.http.post(self.urls["membership"] + "/v1/sign-in", json=account)
        if not answer.is_success:
            raise httpx.ConnectError(f"sign-in: {answer.status_code}")
        self.token = answer.json()["access_token"]


@dataclass(slots=True)
class Ground:
    """What all clients share."""

    cast: Cast
    ledger: Ledger
    coordinator: Session
    producer: AIOKafkaProducer
    poisons: Iterator[str] = field(default_factory=lambda: cycle(KINDS))
    """Each kind in turn, so that none is left out."""


@dataclass(slots=True)
class Client:
    """One member's hands: does one thing after the other."""

    ground: Ground
    player: Player
    session: Session
    rng: random.Random
    requests: list[str] = field(default_factory=list)
    offers: list[tuple[str, int]] = field(default_factory=list)
    guests: list[Json] = field(default_factory=list)

    async def do(self, intent: Intent, session: Session | None = None) -> Json | None:
        """Write it down, send it until it is answered, write the answer down; the body of a success."""
        who = session or self.session
        id_ = str(uuid.uuid4())
        self.ground.ledger.write(
            intent=id_,
            op=intent.op,
            key=intent.key,
            email=who.email,
            method=intent.method,
            path=intent.path,
            body=intent.body,
            version=intent.version,
        )
        answer = await self._until_answered(id_, intent, who)
        if answer is None:
            return None
        self._note(id_, answer, again=False)
        if self.rng.random() < AGAIN:
            await self._once_more(id_, intent, who)
        return dict(answer.json()) if answer.is_success and answer.content else None

    async def _until_answered(self, id_: str, intent: Intent, who: Session) -> httpx.Response | None:
        give_up, pause = time.monotonic() + LIMIT, 0.1
        while time.monotonic() < give_up:
            try:
                answer = await who.send(intent)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
                error = str(answer.status_code)
            except httpx.HTTPError as broken:
                error = type(broken).__name__
            self.ground.ledger.write(unknown=id_, error=error)
            await asyncio.sleep(pause * self.rng.uniform(0.5, 1.0))
            pause = min(pause * 2, 2.0)
        self.ground.ledger.write(never=id_)
        return None

    async def _once_more(self, id_: str, intent: Intent, who: Session) -> None:
        try:
            answer = await who.send(intent)
        except httpx.HTTPError:
            return
        if answer.status_code < 500 and answer.status_code != 429:
            self._note(id_, answer, again=True)

    def _note(self, id_: str, answer: httpx.Response, *, again: bool) -> None:
        body = answer.json() if answer.content else None
        replayed = answer.headers.get("idempotent-replayed") == "true"
        code = body.get("code") if not answer.is_success and isinstance(body, dict) else None
        self.ground.ledger.write(
            answer=id_, status=answer.status_code, code=code, body=body, again=again, replayed=replayed
        )
