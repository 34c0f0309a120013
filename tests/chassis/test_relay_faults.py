"""The relay when the broker or the database goes away, in any order: nothing is lost, nothing overtakes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from chassis import outbox, relay
from chassis.db import in_transaction, is_transient, open_pool
from chassis.relay import publisher, sending
from chassis.relay.parts import Relay
from chassis.settings import KafkaSettings
from chassis.testing import Parts, eventually, read_topic
from polepool_local.testing import OwnKafka, OwnPostgres
from tests.chassis.relaying import SOURCE, House, cut, happened, house, ids, things, versions

NewKafka = Callable[[], Awaitable[OwnKafka]]
NewPostgres = Callable[[], Awaitable[OwnPostgres]]


async def write(our: House, keys: list[UUID], stop: asyncio.Event) -> int:
    """Write a version of each key after the other until told to stop, whatever the database does; the last version."""
    version = 0
    while not stop.is_set():
        version += 1
        for key in keys:
            await write_one(our, key, version)
        await asyncio.sleep(0.01)
    return version


async def write_one(our: House, key: UUID, version: int) -> None:
    """Write one event exactly once, though a commit's answer may be lost."""
    event = our.here(happened(key, version))

    async def once(tx: asyncpg.Connection) -> None:
        if not await tx.fetchval(
            "SELECT EXISTS (SELECT FROM outbox WHERE key = $1 AND data = $2)", key, event.data().decode()
        ):
            await outbox.append(tx, [event])

    async def attempt() -> bool:
        try:
            await in_transaction(our.pool, once)  # type: ignore[arg-type]
        except Exception as error:
            if not is_transient(error):
                raise
            return False
        return True

    await eventually(attempt, 30, 0.1)
    outbox.wake(our.pool)


@asynccontextmanager
async def writing(our: House, keys: list[UUID]) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Writes in the background; yields what ends it and tells the last version."""
    stop = asyncio.Event()
    task = asyncio.create_task(write(our, keys, stop))

    async def end() -> int:
        stop.set()
        return await task

    try:
        yield end
    finally:
        stop.set()
        await asyncio.wait([task])


async def progress(our: House, more: int = 50) -> None:
    """Wait until this many positions more are published."""
    before = await our.pool.fetchval("SELECT sum(position) FROM outbox_cursor")
    await eventually(lambda: gone_on(our, before + more), 40)


async def gone_on(our: House, to: int) -> bool:
    """Whether the cursors' sum is there; a database that is away says no."""
    try:
        return bool(await our.pool.fetchval("SELECT sum(position) FROM outbox_cursor") >= to)
    except Exception as error:
        if not is_transient(error):
            raise
        return False


async def test_a_killed_broker_costs_no_event_no_order_and_makes_no_duplicate(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our, our.relaying():
        keys = things(10)
        async with writing(our, keys) as end:
            for _ in range(2):
                await progress(our)
                await broker.kill()
                await eventually(lambda: waiting(our), 20)
                await broker.start()
            await progress(our)
            last = await end()
        records = await our.published(60)
    found = versions(records)
    assert all(found[str(key).encode()] == list(range(1, last + 1)) for key in keys)
    # The killed broker's log is whole, and the producer's sequence numbers tell it what it has already.
    assert len(records) == len(set(ids(records)))


async def waiting(our: House) -> bool:
    """Whether many events wait for the broker."""
    return not await our.drained() and bool(
        await our.pool.fetchval(
            "SELECT count(*) > 50 FROM outbox JOIN outbox_cursor AS c USING (slot) WHERE outbox.position > c.position"
        )
    )


async def test_a_database_restart_costs_no_event_and_no_order(parts: Parts, own_postgres: NewPostgres) -> None:
    server = await own_postgres()
    async with house(replace(parts, postgres_admin_url=server.admin_url)) as our, our.relaying():
        keys = things(10)
        async with writing(our, keys) as end:
            for halt in (server.stop, server.kill):
                await progress(our)
                await halt()
                await server.start()
                await progress(our)
            last = await end()
        records = await our.published(60)
        found = versions(records)
        assert all(found[str(key).encode()] == list(range(1, last + 1)) for key in keys)
        assert await our.positions() == list(range(1, last * len(keys) + 1))


async def test_positions_go_on_without_a_gap_after_a_restart_of_the_relay(parts: Parts) -> None:
    async with house(parts) as our:
        for _ in range(3):
            await our.say([happened(thing) for thing in things(30)])
            async with our.relaying():
                await our.published()
        assert await our.positions() == list(range(1, 91))
        assert len(await read_topic(parts, our.topic)) == 90


async def test_a_relay_started_while_the_broker_is_away_publishes_when_it_comes(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our:
        await our.say([happened(thing) for thing in things(20)])
        await broker.stop()
        async with our.relaying():
            await eventually(lambda: our.pool.fetchval("SELECT bool_and(position > 0) FROM outbox"))
            await broker.start()
            assert len(await our.published(60)) == 20


async def test_a_process_started_while_the_database_is_away_waits_for_it(
    parts: Parts, own_postgres: NewPostgres
) -> None:
    server = await own_postgres()
    async with house(replace(parts, postgres_admin_url=server.admin_url)) as our:
        await our.say([happened(thing) for thing in things(20)])
        await server.stop()
        opening = asyncio.create_task(open_pool(our.settings))
        async with our.relaying():
            await server.start()
            assert len(await our.published(60)) == 20
        await (await opening).close()


async def test_a_relay_told_to_stop_while_the_broker_is_away_ends_and_loses_nothing(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our:
        async with our.relaying() as stop:
            await our.say([happened(thing) for thing in things(5)])
            await our.published()
            await broker.kill()
            await our.say([happened(thing) for thing in things(50)])
            await eventually(lambda: our.pool.fetchval("SELECT bool_and(position > 0) FROM outbox"))
            began = asyncio.get_running_loop().time()
            stop.set()
        assert asyncio.get_running_loop().time() - began < 9
        await broker.start()
        async with our.relaying():
            records = await our.published(60)
        assert len(set(ids(records))) == 55


async def test_a_producer_that_neither_delivers_nor_fails_is_replaced(
    parts: Parts, own_kafka: NewKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STUCK", 0.3)
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our, our.relaying():
        await our.say([happened(thing) for thing in things(5)])
        await our.published()
        await broker.kill()  # the idempotent producer would wait for it for ever
        keys = things(10)
        with capture_logs() as logs:
            for version in range(1, 6):
                await our.say([happened(key, version) for key in keys])
            await eventually(lambda: any("no answer within" in str(entry.get("error")) for entry in logs))
        await broker.start()
        found = versions(await our.published(60))
        assert all(found[str(key).encode()] == list(range(1, 6)) for key in keys)


async def test_a_cut_session_makes_no_duplicate_when_nobody_published_meanwhile(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    async with house(replace(parts, kafka_bootstrap=broker.bootstrap)) as our, our.relaying():
        await our.say([happened(thing) for thing in things(20)])
        await our.published()
        await broker.kill()
        await our.say([happened(thing) for thing in things(20)])
        await eventually(lambda: our.pool.fetchval("SELECT bool_and(position > 0) FROM outbox"))
        await cut(our)
        await broker.start()
        records = await our.published(60)
        assert len(records) == len(set(ids(records))) == 40


@pytest.mark.parametrize("held_by", ["another relay", "nobody"])
async def test_what_came_late_is_published_again_so_that_the_last_of_each_key_is_the_newest(
    parts: Parts, held_by: str
) -> None:
    """A relay lost its session while it sent; another published on from the old cursor meanwhile."""
    async with house(parts, partitions=1) as our:
        keys = things(8)
        await our.say([happened(key, 1) for key in keys])
        async with our.relaying():
            await our.published()  # by the other relay
            await our.say([happened(key, 2) for key in keys])
            await our.published()
            if held_by == "another relay":
                await late(our, dict.fromkeys(range(4), (0, 1)))
                records = await our.published()
        if held_by == "nobody":
            await late(our, dict.fromkeys(range(4), (0, 1)))
            async with our.relaying():
                records = await our.published()
    assert len(records) > 16
    newest = {record.key: record for record in records}
    assert [versions([newest[str(key).encode()]])[str(key).encode()] for key in keys] == [[2]] * 8


async def late(our: House, unrecorded: dict[int, tuple[int, int]]) -> None:
    """Let a relay come back that had sent these spans when its session was cut."""
    kafka = KafkaSettings(bootstrap_servers=our.parts.kafka_bootstrap)
    stopped = Relay(our.settings, kafka, SOURCE, asyncio.Event(), outbox.bell(our.pool))
    stopped.stop.set()
    back = publisher.Publisher(stopped)
    back.unrecorded = unrecorded
    connection = await asyncpg.connect(our.settings.url.get_secret_value())
    await back.session(connection)
    await connection.close()
    await back.sender.close()
    assert back.unrecorded == {}


async def test_what_is_no_outage_ends_the_process_instead_of_being_slept_over(parts: Parts) -> None:
    async with house(parts) as our:
        owner = await asyncpg.connect(our.settings.owner_url.get_secret_value() if our.settings.owner_url else "")
        await owner.execute("DROP TABLE outbox_cursor")
        await owner.close()
        kafka = KafkaSettings(bootstrap_servers=parts.kafka_bootstrap)
        with pytest.raises(ExceptionGroup) as caught:
            await relay.run(our.pool, our.settings, kafka, source=SOURCE, stop=asyncio.Event())
        assert caught.group_contains(asyncpg.UndefinedTableError)
