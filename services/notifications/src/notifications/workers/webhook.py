"""Sends webhooks: many at once, few to any one host, so that a slow receiver holds up nobody else."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.health import Health
from notifications import handlers
from notifications.domain import Retries
from notifications.hooks import Poster, post
from notifications.metrics import OLDEST, WEBHOOK_ATTEMPTS
from notifications.settings import WebhookSettings
from notifications.store import deliveries
from notifications.store.deliveries import Leased, Outcome
from notifications.workers.loop import forever, saved

GRACE = 5.0
"""Seconds that deliveries under way get when the process stops; after that their lease ends and they are repeated."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """What sending needs."""

    pool: Pool
    settings: WebhookSettings
    poster: Poster

    @property
    def retries(self) -> Retries:
        """When to try again."""
        return Retries(self.settings.schedule, self.settings.breaker)


async def run(sender: Sender, poll: float, stop: asyncio.Event, health: Health) -> None:
    """Send until `stop` is set, then let what is under way end."""
    under_way: set[asyncio.Task[None]] = set()

    async def once() -> int:
        before = set(under_way)
        room = sender.settings.in_flight - len(before)
        leased = await lease(sender, room) if room > 0 else []
        for each in leased:
            task = asyncio.create_task(deliver(sender, each))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if leased or not before:
            return len(leased)
        # One that ends, perhaps since then, makes room for the next to its host; waiting for it is the pause.
        await asyncio.wait(before, timeout=poll, return_when=asyncio.FIRST_COMPLETED)
        return 1

    try:
        await forever("webhook", once, poll, stop, health)
    finally:
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def run_once(sender: Sender) -> int:
    """Send what is due now, each once, and wait for the ends; return how many were sent."""
    leased = await lease(sender, sender.settings.in_flight)
    await asyncio.gather(*(deliver(sender, each) for each in leased))
    return len(leased)


async def lease(sender: Sender, limit: int) -> list[Leased]:
    """Take due deliveries, of each host no more than it has room for."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=sender.settings.lease)

    async def work(tx: Tx) -> list[Leased]:
        await as_system(tx)
        OLDEST.labels("webhook").set(await deliveries.oldest_delivery(tx, now))
        return await deliveries.lease_deliveries(tx, now, until, limit, sender.settings.per_host)

    return await in_transaction(sender.pool, work)


async def deliver(sender: Sender, leased: Leased) -> None:
    """Send one and save what came of it; what can't be saved is sent again when the lease is over."""
    try:
        outcome = await post(sender.poster, leased, datetime.now(UTC))
        fate = await _save(sender, leased, outcome)
    except Exception as error:
        log.error("webhook attempt not saved", delivery_id=str(leased.id), error=type(error).__name__)
        WEBHOOK_ATTEMPTS.labels("unsaved").inc()
        return
    WEBHOOK_ATTEMPTS.labels(fate).inc()
    log.info(
        "webhook attempt",
        delivery_id=str(leased.id),
        event_id=str(leased.event_id),
        attempt=leased.attempts,
        status=outcome.status,
        result=fate,
    )


async def _save(sender: Sender, leased: Leased, outcome: Outcome) -> str:
    return await saved(
        sender.pool, lambda tx: handlers.record_attempt(tx, leased, outcome, sender.retries, datetime.now(UTC))
    )
