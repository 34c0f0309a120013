"""A service of the tests' own that publishes: its events, its database, its topic, its relays."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from uuid import UUID

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chassis import outbox, relay
from chassis.db import Pool, new_id, open_pool, transaction
from chassis.settings import DatabaseSettings, KafkaSettings
from chassis.testing import Parts, eventually, fresh_database, read_topic
from chassis.testing.kafka import Raw
from schemas.event import Event, State

SOURCE = "/polepool/testing"


class Thing(State):
    """An aggregate of the tests."""

    note: str = ""


class ThingHappened(Event):
    """Something happened to a thing."""

    TYPE: ClassVar[str] = "polepool.testing.thing_happened.v1"
    TOPIC: ClassVar[str] = "polepool.testing.things"

    thing: Thing

    @property
    def aggregate(self) -> Thing:
        return self.thing


def happened(thing: UUID, version: int = 1) -> ThingHappened:
    """An event of this thing."""
    return ThingHappened(thing=Thing(id=thing, version=version))


@cache
def _in(topic: str) -> type[ThingHappened]:
    return type("ThingHappened", (ThingHappened,), {"TOPIC": topic, "__module__": __name__})


@dataclass
class House:
    """A database and a topic of one test's own."""

    parts: Parts
    settings: DatabaseSettings
    pool: Pool
    topic: str

    async def say(self, events: Iterable[ThingHappened]) -> None:
        """Commit events in one transaction, and wake the relay."""
        async with transaction(self.pool) as tx:
            await outbox.append(tx, [self.here(event) for event in events])
        outbox.wake(self.pool)

    def here(self, event: ThingHappened) -> ThingHappened:
        """The event, for this house's topic."""
        return _in(self.topic)(thing=event.thing)

    @asynccontextmanager
    async def relaying(self, pool: Pool | None = None) -> AsyncIterator[asyncio.Event]:
        """A relay; yields what stops it, and waits for its end."""
        stop = asyncio.Event()
        kafka = KafkaSettings(bootstrap_servers=self.parts.kafka_bootstrap)
        task = asyncio.create_task(relay.run(pool or self.pool, self.settings, kafka, source=SOURCE, stop=stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    async def published(self, timeout: float = 30.0) -> list[Raw]:  # noqa: ASYNC109 - it says what it waited for
        """Wait until everything committed is recorded as published, and read the topic."""
        await eventually(self.drained, timeout)
        return await read_topic(self.parts, self.topic)

    async def drained(self) -> bool:
        """Whether every event has a position, and every cursor is at its slot's last."""
        waiting = await self.pool.fetchval(
            """
            SELECT count(*) FROM outbox LEFT JOIN outbox_cursor AS cursor USING (slot)
            WHERE outbox.position IS NULL OR outbox.position > cursor.position
            """
        )
        return bool(waiting == 0)

    async def positions(self) -> list[int]:
        """All positions given, in order."""
        rows = await self.pool.fetch("SELECT position FROM outbox WHERE position IS NOT NULL ORDER BY position")
        return [row["position"] for row in rows]


@asynccontextmanager
async def house(parts: Parts, partitions: int = 3) -> AsyncIterator[House]:
    """A house with its topic, its database and its pool."""
    topic = f"polepool.testing.things-{secrets.token_hex(4)}"
    await create_topic(parts, topic, partitions)
    settings = await fresh_database(parts, "relay")
    pool = await open_pool(settings)
    try:
        yield House(parts, settings, pool, topic)
    finally:
        pool.terminate()


async def create_topic(parts: Parts, topic: str, partitions: int = 3) -> None:
    """Make a topic that keeps everything."""
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def cut(our: House) -> None:
    """End the sessions of this database that hold advisory locks: the relays'."""
    admin = await asyncpg.connect(our.parts.postgres_admin_url)
    name = our.settings.url.get_secret_value().rpartition("/")[2]
    await admin.fetch(
        """
        SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = $1
        """,
        name,
    )
    await admin.close()


def ids(records: Sequence[Raw]) -> list[str]:
    """Event ids, in the order read."""
    return [record.header("ce_id") for record in records]


def versions(records: Sequence[Raw]) -> dict[bytes, list[int]]:
    """The versions of each key in the order read, each event counted the first time only, as the inbox does."""
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for record in records:
        if record.header("ce_id") not in seen:
            seen.add(record.header("ce_id"))
            thing = ThingHappened.model_validate_json(record.value or b"").thing
            found[record.key or b""].append(thing.version)
    return found


def things(count: int) -> list[UUID]:
    """New ids."""
    return [new_id() for _ in range(count)]
