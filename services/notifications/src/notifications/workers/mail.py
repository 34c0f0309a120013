"""Sends mails: lease, ask who the person is, compose, hand over, save. See the README for what a crash may repeat."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import structlog

from chassis.db import Pool, Tx, as_system, in_transaction
from notifications.contacts import Contacts, MembershipAway, PersonUnknown
from notifications.mail import smtp
from notifications.mail.compose import BadAddress, compose
from notifications.metrics import MAILS, OLDEST
from notifications.settings import MailSettings
from notifications.store import people
from notifications.store.people import Mail
from notifications.workers.loop import saved

LONGEST_ROUND = 60.0
"""Seconds after which a round begins no other mail."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mailer:
    """What sending needs."""

    pool: Pool
    settings: MailSettings
    contacts: Contacts


async def run_once(mailer: Mailer, stop: asyncio.Event) -> int:
    """Send a batch of the mails that are due; return how many were taken. What `stop` leaves is given back."""
    ends = time.monotonic() + min(LONGEST_ROUND, mailer.settings.lease - mailer.settings.longest)
    mailer.contacts.forget()

    def may_go_on() -> bool:
        return time.monotonic() < ends and not stop.is_set()

    leased = await _lease(mailer)
    ready = []
    for mail in leased:
        if not may_go_on():
            await _postpone(mailer, mail, "out of time", counted=False)
        elif (message := await _prepare(mailer, mail)) is not None:
            ready.append((mail, message))
    if ready:
        await _send(mailer, ready, may_go_on)
    return len(leased)


async def _lease(mailer: Mailer) -> list[Mail]:
    now = datetime.now(UTC)
    until = now + timedelta(seconds=mailer.settings.lease)

    async def work(tx: Tx) -> list[Mail]:
        await as_system(tx)
        OLDEST.labels("mail").set(await people.oldest_mail(tx, now))
        return await people.lease_mails(tx, now, until, mailer.settings.batch)

    return await in_transaction(mailer.pool, work)


async def _prepare(mailer: Mailer, mail: Mail) -> EmailMessage | None:
    """The message, or None when it was settled or postponed instead."""
    try:
        contact = await mailer.contacts.of(mail.person_id)
        return compose(
            mailer.settings,
            contact,
            notification_id=mail.notification_id,
            told=mail.told,
            created_at=mail.created_at,
        )
    except PersonUnknown:
        await _settle(mailer, mail, "dropped", "person unknown")
    except BadAddress:
        await _settle(mailer, mail, "dropped", "bad address")
    except MembershipAway as error:
        await _postpone(mailer, mail, f"membership away: {error}", counted=False)
    except Exception as error:
        log.error("mail not composed", notification_id=str(mail.notification_id), error=type(error).__name__)
        await _settle(mailer, mail, "failed", f"not composed: {type(error).__name__}")
    return None


async def _send(mailer: Mailer, ready: list[tuple[Mail, EmailMessage]], may_go_on: Callable[[], bool]) -> None:
    """Send over one connection; what is left when the server goes away or time is up is postponed, not counted."""
    left = list(ready)
    reason = "out of time"
    try:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(smtp.connected(mailer.settings))
            while left and may_go_on():
                mail, message = left[0]
                outcome = await _hand_over(mailer, mail, smtp.hand_over(server, message))
                left.pop(0)
                await outcome()
                if not server.is_connected:
                    reason = "connection lost"
                    break
    except smtp.ServerAway as error:
        reason = f"mail server away: {error}"
        log.warning("mail server away", reason=str(error), mails=len(left))
    for mail, _ in left:
        await _postpone(mailer, mail, reason, counted=False)


async def _hand_over(mailer: Mailer, mail: Mail, sending: Awaitable[None]) -> Callable[[], Awaitable[None]]:
    """Send, and give back what saves the outcome."""
    try:
        await sending
    except smtp.Refused as error:
        reason = str(error)
        return lambda: _settle(mailer, mail, "failed", reason)
    except smtp.TryLater as error:
        reason = str(error)
        if mail.attempts >= mailer.settings.attempts:
            return lambda: _settle(mailer, mail, "failed", f"{mail.attempts} attempts, the last: {reason}")
        return lambda: _postpone(mailer, mail, reason, counted=True)
    return lambda: _settle(mailer, mail, "sent", None)


async def _settle(mailer: Mailer, mail: Mail, state: str, reason: str | None) -> None:
    await saved(mailer.pool, lambda tx: people.settle_mail(tx, mail, state, reason, datetime.now(UTC)))
    MAILS.labels(state).inc()
    log.info("mail settled", notification_id=str(mail.notification_id), state=state, reason=reason)


async def _postpone(mailer: Mailer, mail: Mail, reason: str, *, counted: bool) -> None:
    # An attempt that ended with its worker counts; what keeps a mail from being tried at all must not wait for it.
    due_at = datetime.now(UTC) + _delay(mailer.settings, mail.attempts if counted else 1)
    await saved(mailer.pool, lambda tx: people.postpone_mail(tx, mail, reason, due_at, counted))
    MAILS.labels("postponed").inc()


def _delay(settings: MailSettings, attempts: int) -> timedelta:
    """Doubled with each attempt up to the longest, and up to a quarter more, at random."""
    planned = min(settings.first_delay * 2.0 ** (attempts - 1), settings.longest_delay)
    return timedelta(seconds=planned * random.uniform(1.0, 1.25))  # noqa: S311 - jitter
