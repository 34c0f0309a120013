"""Tells what had to wait for facts of other topics, and removes what is past its retention."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from chassis.db import Pool, Tx, as_system, in_transaction, is_transient
from notifications import handlers
from notifications.metrics import OLDEST
from notifications.settings import RetentionSettings
from notifications.store import news

BATCH = 200
TIDY_SECONDS = 3600.0
SET_ASIDE = timedelta(minutes=10)
"""How long news that can't be told because of a fault in us waits for a mended version."""

log = structlog.get_logger(__name__)


async def run_once(pool: Pool) -> int:
    """Look again at the news that are due; return how many were looked at."""
    now = datetime.now(UTC)
    try:
        return await in_transaction(pool, partial(_tell, now, BATCH))
    except Exception as error:
        if is_transient(error):
            raise
        log.exception("news not told, taking one at a time")
        return await _one_by_one(pool, now)


async def _tell(now: datetime, limit: int, tx: Tx) -> int:
    await as_system(tx)
    rows = await news.lock_waiting(tx, now, limit)
    await handlers.tell(tx, rows, now)
    OLDEST.labels("news").set(await news.oldest_waiting(tx, now))
    return len(rows)


async def _one_by_one(pool: Pool, now: datetime) -> int:
    """Tell each in a transaction of its own; one that can't be told is set aside, logged each time."""
    done = 0
    while done < BATCH and await in_transaction(pool, partial(_tell_or_set_aside, now)) > 0:
        done += 1
    return done


async def _tell_or_set_aside(now: datetime, tx: Tx) -> int:
    await as_system(tx)
    rows = await news.lock_waiting(tx, now, 1)
    if not rows:
        return 0
    try:
        async with tx.transaction():
            await handlers.tell(tx, rows, now)
    except Exception as error:
        if is_transient(error):
            raise
        log.exception("news set aside", event_id=str(rows[0].event_id), type=rows[0].type)
        await news.settle(tx, [news.Settled(rows[0].event_id, now + SET_ASIDE, None)])
    return 1


def rounds(pool: Pool, retention: RetentionSettings) -> Callable[[], Awaitable[int]]:
    """What the loop does: look at the news that are due, and once in a while remove what is past its retention."""
    tidy_after = time.monotonic()

    async def once() -> int:
        nonlocal tidy_after
        done = await run_once(pool)
        if not done and time.monotonic() >= tidy_after and not await remove_old(pool, retention):
            tidy_after = time.monotonic() + TIDY_SECONDS
        return done

    return once


async def remove_old(pool: Pool, retention: RetentionSettings) -> int:
    """Remove what is past its retention; return how many rows went."""
    now = datetime.now(UTC)
    kept = timedelta(days=retention.news), timedelta(days=retention.notifications)

    async def work(tx: Tx) -> int:
        await as_system(tx)
        return await news.remove_old(tx, now, *kept, limit=5000)

    return await in_transaction(pool, work)
