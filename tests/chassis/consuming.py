"""A service of the tests' own that consumes two topics and notes each effect in a table."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import REGISTRY

from chassis import consume
from chassis.consume import Delivery, Handlers
from chassis.db import Pool, Tx, new_id, open_pool
from chassis.dead_letters import DeadLetter, dead_letters
from chassis.health import Health
from chassis.settings import DatabaseSettings, KafkaSettings
from chassis.testing import Parts, eventually, fresh_database, fresh_topics
from chassis.topics import Wanted, apply
from schemas.event import Event, State

MIGRATIONS = Path(__file__).parent / "consuming_migrations"


class Thing(State):
    """An aggregate of the tests."""

    name: str = "thing"


class ThingEvent(Event):
    """What happened to a thing."""

    thing: Thing

    @property
    def aggregate(self) -> Thing:
        return self.thing


@dataclass
class House:
    """A group with a database and two topics of its own."""

    parts: Parts
    settings: DatabaseSettings
    pool: Pool
    group: str
    made: type[ThingEvent]
    other: type[ThingEvent]
    broken: dict[UUID, Exception] = field(default_factory=dict)
    """What the handler raises for which thing."""
    tried: Counter[UUID] = field(default_factory=Counter)
    """How often the handler was called with a thing that it raises for."""
    runs: list[int] = field(default_factory=list)
    """How long the handler's runs were."""

    @property
    def topics(self) -> tuple[str, str]:
        return self.made.TOPIC, self.other.TOPIC

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=self.parts.kafka_bootstrap)

    @property
    def handlers(self) -> Handlers:
        return {self.made.TOPIC: {self.made: self.note}, self.other.TOPIC: {self.other: self.note}}

    async def note(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        """The handler: one row per event; the table refuses the same event twice."""
        self.runs.append(len(deliveries))
        for delivery in deliveries:
            if error := self.broken.get(delivery.of(ThingEvent).thing.id):
                self.tried[delivery.event.aggregate.id] += 1
                raise error
        await tx.execute(
            """
            INSERT INTO effect (event_id, thing_id, version, topic)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[])
            """,
            [delivery.envelope.id for delivery in deliveries],
            [delivery.event.aggregate.id for delivery in deliveries],
            [delivery.event.aggregate.version for delivery in deliveries],
            [delivery.topic for delivery in deliveries],
        )

    def event(self, thing_id: UUID | None = None, version: int = 1) -> ThingEvent:
        """An event of the first topic."""
        return self.made(thing=Thing(id=thing_id or new_id(), version=version))

    async def letters(self) -> list[DeadLetter]:
        """The group's dead letters."""
        return await dead_letters(self.kafka, self.group, self.topics)

    async def committed(self) -> dict[TopicPartition, int]:
        """The group's committed offsets."""
        async with self.admin() as admin:
            found = await admin.list_consumer_group_offsets(self.group)
        return {partition: kept.offset for partition, kept in found.items()}

    async def rewind(self) -> None:
        """Let the group, which nobody is in, begin again."""
        consumer = AIOKafkaConsumer(
            *self.topics,
            bootstrap_servers=self.parts.kafka_bootstrap,
            group_id=self.group,
            enable_auto_commit=False,
        )
        async with consumer:
            await consumer.commit(dict.fromkeys(consumer.assignment(), 0))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """The broker's administration."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.parts.kafka_bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def delete_topic(self, topic: str) -> None:
        """Take a topic away, and wait until it is gone."""
        async with self.admin() as admin:
            await admin.delete_topics([topic])
        await eventually(partial(self.is_gone, topic))

    async def is_gone(self, topic: str) -> bool:
        """Whether the broker has no such topic."""
        async with self.admin() as admin:
            return topic not in await admin.list_topics()

    async def create_topic(self, topic: str) -> None:
        """Bring a topic back."""
        await apply([Wanted(topic, 1, {"cleanup.policy": "compact"})], self.parts.kafka_bootstrap)

    async def effects(self) -> list[asyncpg.Record]:
        """All effects, in the order of their commits and within them."""
        return await self.pool.fetch("SELECT thing_id, version, topic FROM effect ORDER BY number")

    async def count(self) -> int:
        """How many effects there are."""
        return int(await self.pool.fetchval("SELECT count(*) FROM effect"))

    async def reached(self, count: int, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Wait until there are so many effects."""

        async def check() -> bool:
            assert await self.count() == count, f"{await self.count()} effects, not {count}"
            return True

        await eventually(check, timeout)

    @asynccontextmanager
    async def consuming(self, handlers: Handlers | None = None, health: Health | None = None) -> AsyncIterator[None]:
        """A consumer of the group at work; it stops in order at the end."""
        stop = asyncio.Event()
        task = asyncio.create_task(
            consume.run(self.group, handlers or self.handlers, self.pool, self.kafka, stop, health or Health())
        )
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 15)


def _model(owner: str, what: str, topic: str) -> type[ThingEvent]:
    names = {"TYPE": f"polepool.{owner}.{what}.v1", "TOPIC": f"polepool.{owner}.{topic}"}
    return cast("type[ThingEvent]", type(what.title(), (ThingEvent,), names))


def sample(name: str, **labels: str) -> float:
    """A metric of this process, now."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def house_of(name: str, parts: Parts, settings: DatabaseSettings, pool: Pool) -> House:
    """The house of this name; its database and topics are there already."""
    return House(parts, settings, pool, name, _model(name, "made", "things"), _model(name, "other", "others"))


@asynccontextmanager
async def house(parts: Parts, partitions: int = 3) -> AsyncIterator[House]:
    """A new group with its database and topics."""
    name = f"t{secrets.token_hex(4)}"
    settings = await fresh_database(parts, name, {"effects": MIGRATIONS})
    pool = await open_pool(settings)
    our = house_of(name, parts, settings, pool)
    try:
        await fresh_topics(parts, *our.topics, partitions=partitions)
        yield our
    finally:
        await pool.close()


async def as_owner(our: House, statement: str) -> None:
    """Run a statement as the owner of the tables; `{app}` stands for the role that the service has."""
    assert our.settings.owner_url
    app = urlsplit(our.settings.url.get_secret_value()).username
    connection = await asyncpg.connect(our.settings.owner_url.get_secret_value())
    try:
        await connection.execute(statement.format(app=app))
    finally:
        await connection.close()
