"""A read-only tap on the topics: what was published, where, and the latest state of every aggregate."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas import catalogue
from schemas.event import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event and where it stands in Kafka."""

    event: Event
    id: UUID
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.event.TYPE}  id {self.id}  {self.topic}[{self.partition}]@{self.offset}"


class Tap:
    """Everything published so far, and whoever waits for more."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._more = asyncio.Condition()

    def events(self, kind: type[E]) -> list[E]:
        """All events of this sort seen so far, in each topic's order."""
        return [seen.event for seen in self._seen if isinstance(seen.event, kind)]

    async def wait(self, kind: type[E], fits: Callable[[E], bool], seconds: float = 15) -> Seen:
        """The first event of this sort that fits; raises TimeoutError if it doesn't come."""
        async with asyncio.timeout(seconds), self._more:
            start = 0
            while True:
                for seen in self._seen[start:]:
                    if isinstance(seen.event, kind) and fits(seen.event):
                        return seen
                start = len(self._seen)
                await self._more.wait()

    async def take(self, record: ConsumerRecord) -> None:
        """Keep a record, if it is an event that is known."""
        headers = dict(record.headers)
        model = catalogue.event_types().get(headers.get("ce_type", b"").decode())
        if model is None or record.value is None:
            return
        event = model.model_validate_json(record.value)
        seen = Seen(event, UUID(headers["ce_id"].decode()), record.topic, record.partition, record.offset)
        async with self._more:
            self._seen.append(seen)
            self._more.notify_all()


@asynccontextmanager
async def open_tap(bootstrap: str) -> AsyncIterator[Tap]:
    """Read every topic from its beginning; what is there now has been seen when this returns. Raises KafkaError."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        await consumer.start()
    except KafkaError:
        await consumer.stop()
        raise
    tap = Tap()
    consumer.assign([TopicPartition(t.name, p) for t in catalogue.topics().values() for p in range(t.partitions)])
    await _catch_up(consumer, tap)
    following = asyncio.create_task(_follow(consumer, tap))
    try:
        yield tap
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await consumer.stop()


async def _catch_up(consumer: AIOKafkaConsumer, tap: Tap) -> None:
    ends = await consumer.end_offsets(consumer.assignment())
    behind = {part for part, end in ends.items() if await consumer.position(part) < end}
    while behind:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                await tap.take(record)
        behind = {part for part in behind if await consumer.position(part) < ends[part]}


async def _follow(consumer: AIOKafkaConsumer, tap: Tap) -> None:
    async for record in consumer:
        await tap.take(record)
