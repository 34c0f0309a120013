"""What is the system's fault is never the record's: it waits without limit, and nothing is dead-lettered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

from chassis.consume import Delivery, each, worker
from chassis.db import Tx, is_transient, open_pool
from chassis.errors import Retry
from chassis.testing import Parts, eventually, produce, produce_events
from chassis.testing.kafka import as_record
from tests.chassis.consuming import House, as_owner, house, sample

ROUNDS = 8
"""Tries to wait for: twice as many as a bug gets."""


async def as_admin(our: House, statement: str) -> None:
    """Run a statement as the server's administrator; `{app}` and `{database}` are the service's."""
    name = our.settings.url.get_secret_value().rpartition("/")[2].partition("?")[0]
    connection = await asyncpg.connect(our.parts.postgres_admin_url)
    try:
        await connection.execute(statement.format(app=f"{name}_app", database=name))
    finally:
        await connection.close()


async def anew(our: House, statement: str) -> None:
    """Run a statement as the administrator, and cut every session: new ones see what it changed."""
    await as_admin(our, statement)
    await as_admin(our, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


FAULTS: dict[str, tuple[Callable[[House, str], Awaitable[None]], str, str]] = {
    "the inbox is not migrated yet": (
        as_owner,
        "ALTER TABLE inbox RENAME TO later",
        "ALTER TABLE later RENAME TO inbox",
    ),
    "a grant is missing": (
        as_owner,
        "REVOKE INSERT ON inbox FROM {app}",
        "GRANT INSERT ON inbox TO {app}",
    ),
    "the database only reads": (
        anew,
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "ALTER DATABASE {database} SET default_transaction_read_only = off",
    ),
    "the role may not sign in any more": (
        anew,
        "ALTER ROLE {app} NOLOGIN",
        "ALTER ROLE {app} LOGIN",
    ),
}


@pytest.mark.parametrize(("operate", "breaks", "mends"), FAULTS.values(), ids=FAULTS.keys())
async def test_records_wait_until_it_is_mended(
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
    operate: Callable[[House, str], Awaitable[None]],
    breaks: str,
    mends: str,
) -> None:
    monkeypatch.setattr(worker, "LONGEST_DELAY", 0.2)
    async with house(parts) as our:
        async with our.consuming():
            await produce_events(parts, [our.event()])
            await our.reached(1)
            await operate(our, breaks)
            with capture_logs() as logs:
                await produce_events(parts, [our.event() for _ in range(30)])
                await eventually(lambda: any(entry.get("attempts", 0) > ROUNDS for entry in logs), 60)
            assert not [entry for entry in logs if entry["event"] == "record given up"]
            await operate(our, mends)
            await eventually(lambda: _count(our, 31), 60)
        assert await our.letters() == []


async def _count(our: House, count: int) -> bool:
    try:
        return await our.count() == count
    except Exception as error:
        if not is_transient(error):
            raise
        return False


@pytest.mark.parametrize("error", [TimeoutError("slow"), FileNotFoundError("template.html")], ids=repr)
async def test_a_timeout_or_a_missing_file_of_a_handlers_own_is_a_bug_like_any_other(
    parts: Parts, error: Exception
) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = error
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming():
            (letter,) = await eventually(our.letters, 30)
        assert letter.attempts == worker.ATTEMPTS
        assert letter.cause.startswith(type(error).__name__)


async def test_a_statement_that_always_takes_too_long_is_given_up_in_the_end_as_the_database_answers(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_DELAY", 0.05)

    async def slow(tx: Tx, _deliveries: Sequence[Delivery]) -> None:
        await tx.execute("SELECT pg_sleep(5)", timeout=0.05)

    async with house(parts) as our:
        await produce_events(parts, [our.event()])
        async with our.consuming({our.made.TOPIC: {our.made: slow}}):
            (letter,) = await eventually(our.letters, 60)
        assert letter.attempts == worker.TIMEOUTS


async def test_what_the_database_refuses_at_the_commit_is_the_records_fault(parts: Parts) -> None:
    """A deferred constraint speaks up only then; waiting for it would block the partition for ever."""
    async with house(parts, partitions=1) as our:
        await as_owner(our, "ALTER TABLE effect ADD UNIQUE (thing_id) DEFERRABLE INITIALLY DEFERRED")
        event = our.event()
        await produce_events(parts, [event, our.event(event.thing.id, 2), our.event()])
        async with our.consuming():
            await our.reached(2)
            (letter,) = await eventually(our.letters, 30)
        assert letter.cause.startswith("UniqueViolationError")


async def test_a_handler_that_asks_for_later_says_when(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = Retry(after=0.05)
        await produce_events(parts, [event])
        clock = asyncio.get_running_loop().time
        async with our.consuming():
            await eventually(lambda: our.tried[event.thing.id] >= 2)
            began = clock()
            await eventually(lambda: our.tried[event.thing.id] >= 22, 30)  # ten tries more, each in a batch and alone
            assert clock() - began < 10 * 1.0  # never as long as the default
            our.broken.clear()
            await our.reached(1)


async def test_a_batch_is_one_transaction_whatever_is_in_it(parts: Parts) -> None:
    async with house(parts, partitions=1) as our:
        await as_owner(our, "ALTER TABLE effect ADD COLUMN of xid8 DEFAULT pg_current_xact_id()")
        before = sample("polepool_batch_size_count")
        await produce_events(parts, [our.event() for _ in range(300)])
        await produce_events(parts, [our.other(thing=our.event().thing) for _ in range(100)])
        async with our.consuming():
            await our.reached(400)
        batches = sample("polepool_batch_size_count") - before
        assert await our.pool.fetchval("SELECT count(DISTINCT of) FROM effect") == batches < 10
        assert await our.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM effect") == batches


async def test_what_a_handler_logs_has_the_id_of_its_event(parts: Parts) -> None:
    heard: dict[str, Any] = {}

    async def one(_tx: Tx, delivery: Delivery) -> None:
        heard[str(delivery.envelope.id)] = structlog.contextvars.get_contextvars().get("event_id")

    async with house(parts) as our:
        records = await produce_events(parts, [our.event() for _ in range(3)])
        async with our.consuming({our.made.TOPIC: {our.made: each(one)}}):
            await eventually(lambda: len(heard) == 3)
        assert heard == {record.header("ce_id"): record.header("ce_id") for record in records}


async def test_a_service_waits_for_a_database_that_does_not_let_it_in_yet(parts: Parts) -> None:
    async with house(parts) as our:
        await as_admin(our, "ALTER ROLE {app} NOLOGIN")
        with capture_logs() as logs:
            opening = asyncio.create_task(open_pool(our.settings))
            await eventually(lambda: logs)
            await as_admin(our, "ALTER ROLE {app} LOGIN")
            await (await opening).close()
