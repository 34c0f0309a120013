"""The role mail, for the tests about mails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from notifications.contacts import Contacts
from notifications.workers.mail import Mailer
from tests.notifications.people import Membership, mail_settings
from tests.notifications.world import Story, World
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


async def a_hold(world: World, people: Membership, title: str = "Minibus neuf places") -> Story:
    """A hold whose owner reads French and whose requester reads English."""
    story = Story()
    renamed = story.resource.resource.model_copy(update={"title": title})
    story.resource = story.resource.model_copy(update={"resource": renamed})
    await world.learn(*story.facts)
    await world.learn(story.held())
    people.add(story.owner_manager, "anne@ateliers.example", "Anne Élise", "fr")
    people.add(story.requester_manager, "tom@ferme.example", "Tom", "en")
    return story


async def states(world: World, story: Story) -> dict[str, tuple[str, str | None]]:
    """State and reason of each mail, by whom it is for."""
    names = {getattr(story, name): name for name in ("owner_manager", "owner_contributor", "requester_manager")}
    rows = await world.rows("SELECT person_id, state, reason FROM mail")
    return {names[row["person_id"]]: (row["state"], row["reason"]) for row in rows}
