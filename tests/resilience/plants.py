"""Planted bugs: what the checker must find without knowing that they are there.

Only `tests.resilience.launch` plants, in processes that a test started; the code of the services knows nothing of it.
"""

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.resilience.failpoints import replace

VARIABLE = "RESILIENCE_PLANTS"


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug: what it is, in which services it lies, how it is put there; `sql` for a service's database."""

    says: str
    services: tuple[str, ...]
    into: Callable[[], None]
    sql: dict[str, str] = field(default_factory=dict)


def plant(name: str, service: str) -> None:
    """Put a bug into this process, if it lies in this service. Raises KeyError for an unknown one."""
    bug = PLANTS[name]
    if service in bug.services:
        bug.into()


def _offset_before_effect() -> None:
    from chassis.consume.partitions import ends

    def make(original: Any) -> Any:
        async def take(self: Any, records: Any, partitions: Any) -> None:
            partitions.done(ends(records))
            await partitions.flush()
            await original(self, records, partitions)

        return take

    replace("chassis.consume.worker:Worker._take", make)


def _outbox_outside_the_transaction() -> None:
    from chassis.outbox import columns

    async def append(_tx: Any, events: Any) -> None:
        connection = await asyncpg.connect(os.environ["POLEPOOL_DATABASE__URL"])
        try:
            await connection.execute(
                "INSERT INTO outbox (event_id, topic, type, key, data, traceparent) SELECT * FROM "
                "unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])",
                *columns(events),
            )
        finally:
            await connection.close()

    replace("chassis.outbox:append", lambda _original: append)


def _ids_after_the_last() -> None:
    last = 0

    async def run_once(connection: Any) -> int:
        nonlocal last
        ids = [row["id"] for row in await connection.fetch("SELECT id FROM outbox WHERE id > $1 ORDER BY id", last)]
        async with connection.transaction():
            for id_ in ids:
                last = id_
                position = await connection.fetchval(
                    "UPDATE outbox_counter SET position = position + 1 RETURNING position"
                )
                await connection.execute("UPDATE outbox SET position = $1 WHERE id = $2", position, id_)
        return len(ids)

    replace("chassis.relay.sequencer:run_once", lambda _original: run_once)


def _no_inbox() -> None:
    async def claim(_tx: Any, deliveries: Any) -> list[Any]:
        return list(deliveries)

    replace("chassis.inbox:claim", lambda _original: claim)


def _no_exclusion() -> None:
    for name in ("LOCK_RESOURCE", "LOCK_MATCH", "TAKE_DIRECTLY", "TAKE_MATCH"):
        replace(f"pooling.store.holds:{name}", lambda sql: re.sub(r"free @> [$\w.]+(::tstzrange)?", "true", sql))


def _no_tenant_filter() -> None:
    async def read(tx: Any, _scope: Any, booking_id: Any) -> Any:
        from chassis.db import as_system
        from pooling.store import bookings

        await as_system(tx)
        return (await bookings.read(tx, [booking_id]))[0]

    replace("pooling.handlers.bookings:read", lambda _original: read)


def _acknowledged_anyway() -> None:
    async def take(self: Any, records: Any, partitions: Any) -> None:
        from chassis.consume.partitions import ends

        with suppress(Exception):
            await self._all_at_once(records)
        partitions.done(ends(records))

    replace("chassis.consume.worker:Worker.take", lambda _original: take)


@dataclass(frozen=True, slots=True)
class _Unlocking:
    """A transaction that reads without locking."""

    tx: Any

    async def fetch(self, statement: str, *values: Any) -> Any:
        return await self.tx.fetch(statement.replace("FOR NO KEY UPDATE", ""), *values)


def _lost_update() -> None:
    def make(original: Any) -> Any:
        async def lock(tx: Any, *wanted: Any) -> Any:
            found = await original(_Unlocking(tx), *wanted)
            await asyncio.sleep(0.05)
            return found

        return lock

    for table in ("bookings", "resources"):
        replace(f"pooling.store.{table}:lock", make)


def _bad_headers_skipped() -> None:
    from chassis.errors import Poison

    def make(original: Any) -> Any:
        def decode(record: Any, models: Any) -> Any:
            try:
                return original(record, models)
            except Poison as error:
                if "not UTF-8" in error.cause:
                    return None
                raise

        return decode

    replace("chassis.consume.effects:decode", make)


def _replay_tells_again() -> None:
    def newer(_known: Any, events: Any) -> Any:
        from notifications.domain.known import Newer

        listed = tuple(events)
        return Newer(listed, (), {event.aggregate.id: event for event in listed})

    def make(original: Any) -> Any:
        async def add_news(tx: Any, rows: Any) -> Any:
            ids = [row.event_id for row in rows]
            await tx.execute("DELETE FROM webhook_delivery WHERE event_id = ANY($1::uuid[])", ids)
            await tx.execute("DELETE FROM notification WHERE event_id = ANY($1::uuid[])", ids)
            await tx.execute("DELETE FROM news WHERE event_id = ANY($1::uuid[])", ids)
            return await original(tx, rows)

        return add_news

    replace("notifications.domain:newer", lambda _original: newer)
    replace("notifications.store.news:add_news", make)


CONSUMERS = ("pooling", "notifications")
PLANTS = {
    "offset-before-effect": Plant("offsets are committed before the effect", CONSUMERS, _offset_before_effect),
    "outbox-outside": Plant(
        "the outbox is written outside the transaction", ("membership", "pooling"), _outbox_outside_the_transaction
    ),
    "ids-after-last": Plant("the relay reads id > last", ("membership", "pooling"), _ids_after_the_last),
    "no-inbox": Plant("there is no inbox", CONSUMERS, _no_inbox),
    "no-exclusion": Plant(
        "there is no exclusion constraint, and no gate before it",
        ("pooling",),
        _no_exclusion,
        {"pooling": "ALTER TABLE booking DROP CONSTRAINT booking_no_overlap"},
    ),
    "no-tenant-filter": Plant("a read forgets whose the row is", ("pooling",), _no_tenant_filter),
    "acknowledged-anyway": Plant(
        "what fails is acknowledged all the same, as the framework's default does", CONSUMERS, _acknowledged_anyway
    ),
    "lost-update": Plant("rows are not locked before they are changed", ("pooling",), _lost_update),
    "bad-headers-skipped": Plant("a header that isn't UTF-8 is skipped in silence", CONSUMERS, _bad_headers_skipped),
    "replay-tells-again": Plant("an event that comes again is told again", ("notifications",), _replay_tells_again),
}
