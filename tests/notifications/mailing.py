"""The role mail, for the tests about mails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from notifications.contacts import Contacts
from notifications.workers.mail import Mailer
from tests.notifications.people import Membership, mail_settings
from tests.notifications.world import World
from tests.support.sinks import MailSink

NEVER = asyncio.Event()
"""Nobody stops the process."""


@asynccontextmanager
async def mailing(world: World, people: Membership, sink: MailSink, **changes: Any) -> AsyncIterator[Mailer]:
    """What the role mail has."""
    contacts = Contacts(people.settings())
    yield Mailer(world.pool, mail_settings(sink.port, **changes), contacts)
    await contacts.close()


async def due(world: World) -> None:
    """Every pending mail is due and nobody's."""
    await world.rows("UPDATE mail SET due_at = now(), leased_until = NULL WHERE state = 'pending'")
