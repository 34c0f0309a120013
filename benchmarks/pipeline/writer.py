"""Writers, as a process of their own: each commit is an aggregate's row with its event, as a command handler's is."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import islice
from time import perf_counter

from benchmarks.pipeline.children import Spec
from benchmarks.pipeline.payload import events
from benchmarks.pipeline.programs import Stopwatch, main
from chassis import outbox
from chassis.db import Pool, open_pool, transaction
from chassis.settings import DatabaseSettings
from schemas.membership import MemberJoined

CONNECTIONS = 16


async def handled(pool: Pool, event: MemberJoined) -> None:
    """One command as handlers are written: a transaction, a row, `outbox.append` as the last thing, then the relay."""
    async with transaction(pool) as tx:
        await tx.execute("INSERT INTO thing (id, version) VALUES ($1, $2)", event.member.id, event.member.version)
        await outbox.append(tx, [event])
    outbox.wake(pool)


async def at_once(pool: Pool, event: MemberJoined) -> None:
    """The same in one statement, which is its own transaction: the least that a commit can cost."""
    await pool.execute(
        """
        WITH state AS (INSERT INTO thing (id, version) VALUES ($1, $2))
        INSERT INTO outbox (event_id, topic, type, key, data, traceparent)
        SELECT * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::text[])
        """,
        event.member.id,
        event.member.version,
        *outbox.columns([event]),
    )
    outbox.wake(pool)


async def paced(spec: Spec) -> dict[str, float]:
    """Commit at times that don't depend on how it goes: as from many independent users (a Poisson process)."""
    pool = await _pool(spec)
    due = random.Random(spec.seed + 1)  # noqa: S311 - repeatable
    watch = Stopwatch(spec.beside)
    start, at, late = perf_counter(), 0.0, 0.0
    async with asyncio.TaskGroup() as group:
        for event in events(spec.topic, spec.count, spec.seed):
            at += due.expovariate(spec.rate)
            wait = start + at - perf_counter()
            late = max(late, -wait)
            if wait > 0:
                await asyncio.sleep(wait)
            group.create_task(at_once(pool, event))
    answer = watch.read()
    await pool.close()
    return {**answer, "late": late}


async def busy_handlers(spec: Spec) -> dict[str, float]:
    """Commands as handlers are written, as fast as it goes."""
    return await _busy(spec, handled)


async def busy_statements(spec: Spec) -> dict[str, float]:
    """Commands of one statement, as fast as it goes."""
    return await _busy(spec, at_once)


async def _busy(spec: Spec, commit: Callable[[Pool, MemberJoined], Awaitable[None]]) -> dict[str, float]:
    """Commit with some workers for some seconds; how many commits were done."""
    pool = await _pool(spec)
    coming, done = events(spec.topic, spec.count, spec.seed), 0
    end = perf_counter() + spec.seconds
    watch = Stopwatch()

    async def work() -> None:
        nonlocal done
        for event in coming:
            await commit(pool, event)
            done += 1
            if perf_counter() > end:
                return

    await asyncio.gather(*(work() for _ in range(spec.workers)))
    answer = watch.read()
    await pool.close()
    return {**answer, "count": done}


async def bulk(spec: Spec) -> dict[str, float]:
    """Commit events by the thousand; the time is that until the last is committed."""
    pool = await _pool(spec)
    coming = events(spec.topic, spec.count, spec.seed)
    watch = Stopwatch()
    while chunk := list(islice(coming, 1000)):
        async with transaction(pool) as tx:
            await outbox.append(tx, chunk)
        outbox.wake(pool)
    answer = watch.read()
    await pool.close()
    return answer


async def _pool(spec: Spec) -> Pool:
    settings = DatabaseSettings.model_validate({"url": spec.database_url, "pool_size": CONNECTIONS})
    pool = await open_pool(settings)
    async with asyncio.TaskGroup() as group:  # open all connections before the clock runs
        for _ in range(CONNECTIONS):
            group.create_task(pool.execute("SELECT pg_sleep(0.05)"))
    return pool


if __name__ == "__main__":
    main({"paced": paced, "busy_handlers": busy_handlers, "busy_statements": busy_statements, "bulk": bulk}, Spec)
