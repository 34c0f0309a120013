"""A group that publishes, too, on a broker that loses its data."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from chassis import outbox, relay
from chassis.db import open_pool, transaction
from chassis.record import source_of
from chassis.testing import Parts, eventually, fresh_database
from chassis.topics import Wanted, apply
from polepool_local.testing import OwnKafka
from schemas.catalogue import DEAD_LETTER_SUFFIX
from tests.chassis.consuming import MIGRATIONS, House, ThingEvent, house

NewKafka = Callable[[], Awaitable[OwnKafka]]


@asynccontextmanager
async def on(broker: OwnKafka, parts: Parts) -> AsyncIterator[House]:
    """A house on this broker."""
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our:
        yield our


async def say(our: House, *events: ThingEvent) -> None:
    """Commit events in one transaction."""
    async with transaction(our.pool) as tx:
        await outbox.append(tx, events)
    outbox.wake(our.pool)


@asynccontextmanager
async def relaying(our: House) -> AsyncIterator[None]:
    """A relay of the house's events."""
    stop, source = asyncio.Event(), source_of(our.made.TOPIC)
    task = asyncio.create_task(relay.run(our.pool, our.settings, our.kafka, source=source, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


@asynccontextmanager
async def writing(our: House, keys: Sequence[UUID]) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """One version of each key after the other; yields what ends it and tells the last version."""
    stop = asyncio.Event()

    async def write() -> int:
        version = 0
        while not stop.is_set():
            version += 1
            await say(our, *(our.event(key, version) for key in keys))
            await asyncio.sleep(0.02)  # the pace, not a wait
        return version

    task = asyncio.create_task(write())

    async def end() -> int:
        stop.set()
        return await task

    try:
        yield end
    finally:
        stop.set()
        await asyncio.wait([task])


async def more(our: House, effects: int = 50) -> None:
    """Wait until there are so many effects more."""
    to = await our.count() + effects

    async def there() -> bool:
        return await our.count() >= to

    await eventually(there, 60)


async def make_topics(our: House) -> None:
    """What an operator does with a broker that has none."""
    wanted = [Wanted(topic, 3, {"cleanup.policy": "compact"}) for topic in our.topics]
    letters = [Wanted(topic + DEAD_LETTER_SUFFIX, 1, {"cleanup.policy": "compact"}) for topic in our.topics]
    await apply([*wanted, *letters], our.kafka.bootstrap_servers)


@asynccontextmanager
async def newcomer(our: House) -> AsyncIterator[House]:
    """A group that reads the same topics and has read nothing yet."""
    name = our.group + "new"
    settings = await fresh_database(our.parts, name, {"effects": MIGRATIONS})
    pool = await open_pool(settings)
    try:
        yield replace(our, group=name, settings=settings, pool=pool)
    finally:
        await pool.close()


async def told(our: House) -> dict[UUID, list[int]]:
    """The versions of each thing, in the order of their effects."""
    found: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in await our.effects():
        found[row["thing_id"]].append(row["version"])
    return found


async def republish(our: House, *arguments: str) -> tuple[int | None, str, str]:
    """Run the command on the house's database: exit code, standard output and error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chassis.example_service", "republish", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "POLEPOOL_SECRETS_DIR": "/nonexistent",
            "POLEPOOL_DATABASE__URL": our.settings.url.get_secret_value(),
            "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": our.kafka.bootstrap_servers,
            "POLEPOOL_ACCESS__ISSUER": "https://issuer.test",
            "POLEPOOL_ACCESS__JWKS_URL": "http://127.0.0.1:9/jwks",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaint = await process.communicate()
    return process.returncode, out.decode(), complaint.decode()
