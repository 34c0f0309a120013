"""Mails, from a booking to a real mail server: what they look like, and that each goes once whatever happens."""

import asyncio

import asyncpg
import pytest

from chassis.settings import DatabaseSettings
from notifications.workers import mail
from tests.notifications.mailing import NEVER, a_hold, due, mailing, states
from tests.notifications.people import Membership
from tests.notifications.world import World
from tests.support.sinks import MailSink, mail_sink, text_of


async def test_both_sides_get_a_mail_in_their_language_and_the_unknown_are_dropped(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    async with mailing(world, people, mails) as mailer:
        assert await mail.run_once(mailer, NEVER) == 3
    [french], [english] = mails.to("anne@ateliers.example"), mails.to("tom@ferme.example")
    assert french["Subject"] == "Votre réponse est attendue\xa0: «\xa0Minibus neuf places\xa0»"
    assert "Bonjour Anne Élise," in text_of(french)
    assert "répondre avant le mercredi 25 novembre 2026 à 18\xa0h" in text_of(french)
    assert english["Subject"] == "Hold placed: “Minibus neuf places”"
    assert english["Content-Language"] == "en"
    assert "<h1" in text_of(english, "html")
    assert await states(world, story) == {
        "owner_manager": ("sent", None),
        "requester_manager": ("sent", None),
        "owner_contributor": ("dropped", "person unknown"),
    }


async def test_a_mail_goes_once_however_often_its_event_comes_and_workers_look(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    run = await world.learn(*story.facts)
    async with mailing(world, people, mails) as one, mailing(world, people, mails) as other:
        await asyncio.gather(*(mail.run_once(each, NEVER) for each in (one, other, one, other)))
        await world.learn(*run)
        await mail.run_once(one, NEVER)
    assert len(mails.to("anne@ateliers.example")) == 1


async def test_headers_are_fixed_by_the_notification(world: World, people: Membership, mails: MailSink) -> None:
    await a_hold(world, people)
    async with mailing(world, people, mails, unsubscribe="https://polepool.example/preferences") as mailer:
        await mail.run_once(mailer, NEVER)
        [first] = mails.to("anne@ateliers.example")
        await world.rows("UPDATE mail SET state = 'pending', due_at = now() WHERE state = 'sent'")
        await mail.run_once(mailer, NEVER)  # as after a crash between the server's yes and the commit
    again = mails.to("anne@ateliers.example")[1]
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Date"] == again["Date"]
    assert first["List-Unsubscribe"] == "<https://polepool.example/preferences>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert str(first["From"]) == "Polepool <bonjour@polepool.example>"


HOSTILE = 'Minibus\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script>{{ 7*7 }}\u202e"><img src=x>'


async def test_hostile_titles_break_neither_headers_nor_html(world: World, people: Membership, mails: MailSink) -> None:
    await a_hold(world, people, HOSTILE)
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
    [message] = mails.to("anne@ateliers.example")
    assert set(mails.recipients) == {"anne@ateliers.example", "tom@ferme.example"}
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    page = text_of(message, "html")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in page


async def test_a_server_that_says_later_is_tried_again_and_one_that_says_never_is_not(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    answers = {"anne@ateliers.example": "451 try later", "tom@ferme.example": "550 <tom@ferme.example> unknown"}
    mails.answers = lambda recipient: answers[recipient]
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
        after = await states(world, story)
        assert after["owner_manager"] == ("pending", "451 recipient refused")
        assert after["requester_manager"] == ("failed", "550 recipient refused")
        mails.answers = lambda _recipient: "250 OK"
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("sent", None)
    assert mails.to("tom@ferme.example") == []


async def test_a_mail_is_given_up_after_the_last_attempt(world: World, people: Membership, mails: MailSink) -> None:
    story = await a_hold(world, people)
    mails.content_answer = "452 no room"
    async with mailing(world, people, mails, attempts=2) as mailer:
        for _ in range(2):
            await due(world)
            await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("failed", "2 attempts, the last: 452 SMTPDataError")


async def test_content_refused_for_good_fails_at_once(world: World, people: Membership, mails: MailSink) -> None:
    story = await a_hold(world, people)
    mails.content_answer = "554 no"
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("failed", "554 SMTPDataError")


async def test_a_server_that_looks_into_a_mail_for_long_before_it_takes_it_gets_it_once(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    mails.content_gate = asyncio.Event()
    asyncio.get_running_loop().call_later(0.6, mails.content_gate.set)
    async with mailing(world, people, mails, timeout=0.3) as mailer:
        await mail.run_once(mailer, NEVER)
    assert len(mails.to("anne@ateliers.example")) == 1
    assert (await states(world, story))["owner_manager"] == ("sent", None)


@pytest.mark.parametrize("answer", ["553 5.7.1 sender not allowed", "530 5.7.0 authentication required", "451 busy"])
async def test_a_server_that_takes_no_sender_of_ours_loses_no_mail(
    world: World, people: Membership, mails: MailSink, answer: str
) -> None:
    story = await a_hold(world, people)
    mails.sender_answer = answer
    async with mailing(world, people, mails, attempts=1) as mailer:
        for _ in range(2):
            await due(world)
            await mail.run_once(mailer, NEVER)
        waiting = "pending", f"mail server away: {answer[:3]} SMTPSenderRefused"
        after = await states(world, story)
        assert (after["owner_manager"], after["requester_manager"]) == (waiting, waiting)
        mails.sender_answer = "250 OK"
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("sent", None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("530 5.7.0 sign in first", "mail server away: 530 recipient refused"),
        ("554 5.7.1 relay access denied", "554 recipient refused"),
    ],
)
async def test_what_may_be_a_fault_of_the_installation_fails_no_mail_at_once(
    world: World, people: Membership, mails: MailSink, answer: str, reason: str
) -> None:
    story = await a_hold(world, people)
    mails.answers = lambda _recipient: answer
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("pending", reason)


async def test_an_accented_domain_is_written_to_through_any_server(world: World, people: Membership) -> None:
    story = await a_hold(world, people)
    people.add(story.owner_manager, "rene@exemple-é.fr", "René", "fr")
    async with mail_sink(utf8=False) as plain, mailing(world, people, plain) as mailer:
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("sent", None)
    assert plain.to("rene@xn--exemple--i1a.fr")


async def test_a_mail_server_that_is_away_costs_no_attempt(world: World, people: Membership, mails: MailSink) -> None:
    story = await a_hold(world, people)
    port, mails.port = mails.port, 1
    async with mailing(world, people, mails, attempts=1) as mailer:
        for _ in range(3):
            await due(world)
            await mail.run_once(mailer, NEVER)
        assert (await states(world, story))["owner_manager"] == ("pending", "mail server away: SMTPConnectError")
    mails.port = port
    async with mailing(world, people, mails, attempts=1) as mailer:
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("sent", None)


async def test_membership_away_is_waited_for(world: World, people: Membership, mails: MailSink) -> None:
    story = await a_hold(world, people)
    people.away = True
    async with mailing(world, people, mails, attempts=2) as mailer:
        for _ in range(3):
            await due(world)
            await mail.run_once(mailer, NEVER)
        assert (await states(world, story))["owner_manager"] == ("pending", "membership away: contact answered 503")
        people.away, mails.content_answer = False, "451 later"
        await due(world)
        await mail.run_once(mailer, NEVER)
        assert (await states(world, story))["owner_manager"] == ("pending", "451 SMTPDataError")
        mails.content_answer = "250 OK"
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert (await states(world, story))["owner_manager"] == ("sent", None)


async def test_a_mail_whose_workers_died_waits_no_longer_for_membership_than_any_other(
    world: World, people: Membership, mails: MailSink
) -> None:
    await a_hold(world, people)
    people.away = True
    async with mailing(world, people, mails) as mailer:
        for _ in range(30):
            await mail._lease(mailer)
            await world.rows("UPDATE mail SET leased_until = now() - interval '1 s'")
        await mail.run_once(mailer, NEVER)
        assert await world.rows("SELECT 1 FROM mail WHERE due_at > now() + interval '1 s'") == []


async def test_a_leased_mail_is_nobody_elses_until_its_lease_is_over(
    world: World, people: Membership, mails: MailSink
) -> None:
    await a_hold(world, people)
    async with mailing(world, people, mails) as mailer:
        assert len(await mail._lease(mailer)) == 3
        assert await mail._lease(mailer) == []
        await world.rows("UPDATE mail SET leased_until = now() - interval '1 s'")
        assert [each.attempts for each in await mail._lease(mailer)] == [2, 2, 2]


async def test_a_worker_whose_lease_was_taken_over_saves_nothing(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    async with mailing(world, people, mails) as mailer:
        late = await mail._lease(mailer)
        await world.rows("UPDATE mail SET leased_until = now() - interval '1 s'")
        await mail._lease(mailer)
        for each in late:
            await mail._settle(mailer, each, "failed", "late")
    assert {state for state, _ in (await states(world, story)).values()} == {"pending"}


FAULTS = """
CREATE SEQUENCE faults;
CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF NEW.state = 'sent' AND nextval('faults') <= 2 THEN
        RAISE EXCEPTION 'terminating connection' USING ERRCODE = 'admin_shutdown';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fault BEFORE UPDATE ON mail FOR EACH ROW EXECUTE FUNCTION fault();
"""
"""The database goes away twice when a mail is to be marked as sent."""


async def test_a_database_that_goes_away_after_the_servers_yes_sends_nothing_twice(
    world: World, people: Membership, mails: MailSink, database: DatabaseSettings
) -> None:
    story = await a_hold(world, people)
    assert database.owner_url
    owner = await asyncpg.connect(database.owner_url.get_secret_value())
    await owner.execute(FAULTS)
    await owner.close()
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert len(mails.to("anne@ateliers.example")) == len(mails.to("tom@ferme.example")) == 1
    assert (await states(world, story))["owner_manager"] == ("sent", None)


async def test_what_the_end_of_the_process_leaves_is_given_back(
    world: World, people: Membership, mails: MailSink
) -> None:
    story = await a_hold(world, people)
    stopping = asyncio.Event()
    stopping.set()
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, stopping)
        assert mails.messages == []
        assert (await states(world, story))["owner_manager"] == ("pending", "out of time")
        await due(world)
        await mail.run_once(mailer, NEVER)
    assert len(mails.to("anne@ateliers.example")) == 1


async def test_nothing_personal_is_kept(world: World, people: Membership, mails: MailSink) -> None:
    await a_hold(world, people)
    mails.answers = lambda recipient: f"550 {recipient} is unknown here"
    async with mailing(world, people, mails) as mailer:
        await mail.run_once(mailer, NEVER)
    tables = await world.rows("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
    assert len(tables) > 10
    for table in tables:
        rows = await world.rows(f"SELECT t::text AS text FROM {table['name']} t")  # noqa: S608 - every table's name
        for row in rows:
            assert "anne@" not in row["text"].lower()
            assert "anne élise" not in row["text"].lower()
