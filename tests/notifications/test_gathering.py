"""Matches are proposed many at a time: each is in the inbox, one mail tells of those that come together."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chassis.db import as_system, transaction
from chassis.testing import eventually
from notifications import domain
from notifications.store import people as store
from notifications.workers import mail
from schemas import pooling as p
from tests.notifications.mailing import NEVER, due, mailing
from tests.notifications.people import Membership
from tests.notifications.world import Story, World, request
from tests.support.sinks import MailSink, text_of

TOM = "tom@ferme.example"


@pytest.fixture
async def story(world: World, people: Membership) -> Story:
    """A request in French, and resources that could fit; everybody has an address."""
    story = Story()
    await world.learn(*story.facts)
    people.add(story.requester_manager, TOM, "Tom", "fr")
    people.add(story.owner_manager, "anne@ateliers.example")
    people.add(story.owner_contributor, "zoe@ateliers.example")
    return story


def of(other: p.ResourceRequested, story: Story) -> p.MatchProposed:
    """A match of another request of the same organisation."""
    return p.MatchProposed(match=story.match().match.model_copy(update={"request_id": other.request.id}))


async def send(world: World, people: Membership, mails: MailSink) -> int:
    """Send what is due by then; how many mails went."""
    before = len(mails.messages)
    await due(world)
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
    return len(mails.messages) - before


async def test_matches_of_a_request_are_told_in_one_mail_and_one_by_one_in_the_inbox(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    await world.learn(story.match(), story.match())
    await world.learn(story.match())
    assert await send(world, people, mails) == 1
    [message] = mails.to(TOM)
    assert str(message["Subject"]) == "3 propositions pour votre demande «\xa0Sortie du jeudi\xa0»"
    line = "– «\xa0Minibus neuf places\xa0» (Les Ateliers de la Saône)\xa0: le jeudi 26 novembre 2026"
    assert text_of(message).count(f"{line} de 9\xa0h à 12\xa0h\xa030, pour 12,50\xa0€. Distance\xa0: 12\xa0km.") == 3
    assert await world.codes(story.requester_manager) == ["match_requester"] * 3


async def test_an_owner_who_has_nothing_to_do_gets_no_mail(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    await world.learn(story.match())
    await send(world, people, mails)
    assert await world.codes(story.owner_manager) == ["match_owner"]
    assert set(mails.recipients) == {TOM}


async def test_a_lone_match_is_told_with_its_reasons_once_others_could_have_come(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    await world.learn(story.match())
    async with mailing(world, people, mails) as mailer:
        assert await mail.run_once(mailer, NEVER) == 0
    [row] = await world.rows("SELECT due_at - created_at AS wait FROM mail JOIN notification ON id = notification_id")
    assert row["wait"] == domain.GATHERING
    await send(world, people, mails)
    [message] = mails.to(TOM)
    assert "– Neuf places pour neuf demandées" in text_of(message)


async def test_each_request_has_a_mail_of_its_own(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    other = request(story.pole_id, story.requester_id, "Fête du pont")
    await world.learn(other, story.match(), of(other, story), of(other, story), story.match())
    assert await send(world, people, mails) == 2
    assert {str(each["Subject"]).partition(" «")[2] for each in mails.to(TOM)} == {
        "\xa0Sortie du jeudi\xa0»",
        "\xa0Fête du pont\xa0»",
    }


async def test_what_comes_after_a_mail_was_taken_goes_into_the_next_and_a_retry_says_the_same(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    await world.learn(story.match(), story.match())
    mails.content_answer = "451 later"
    assert await send(world, people, mails) == 0
    await world.learn(story.match())
    mails.content_answer = "250 OK"
    assert await send(world, people, mails) == 2
    subjects = sorted(str(each["Subject"])[:8] for each in mails.to(TOM))
    assert subjects == ["2 propos", "Un moyen"]


async def test_a_match_that_comes_while_the_mail_is_taken_is_not_lost(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    await world.learn(story.match())
    soon = datetime.now(UTC) + timedelta(minutes=1)
    async with transaction(world.pool) as tx:
        await as_system(tx)
        [taken] = await store.lease_mails(tx, soon, soon + timedelta(minutes=5), 10)
        coming = asyncio.create_task(world.learn(story.match()))
        await eventually(lambda: world.rows("SELECT FROM pg_locks WHERE NOT granted"))
    await coming
    assert len(taken.told) == 1
    assert await told_by_mails(world) == [1, 1]


async def told_by_mails(world: World) -> list[int]:
    """How many notifications each mail tells."""
    rows = await world.rows("SELECT mail_id, count(*) AS n FROM notification WHERE mail_id IS NOT NULL GROUP BY 1")
    mails = await world.rows("SELECT notification_id AS mail_id FROM mail")
    assert {row["mail_id"] for row in rows} == {row["mail_id"] for row in mails}
    return [row["n"] for row in rows]


async def test_an_event_that_comes_again_makes_no_second_mail(
    world: World, people: Membership, mails: MailSink, story: Story
) -> None:
    run = await world.learn(story.match())
    await world.learn(*run)
    assert await send(world, people, mails) == 1
    await world.learn(*run)
    assert await send(world, people, mails) == 0
