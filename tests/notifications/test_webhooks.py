"""Webhooks, from an event to a real receiver that checks signatures."""

import asyncio

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from notifications.sealing import Sealer
from notifications.settings import NotificationsSettings, WebhookSettings
from notifications.workers import news, webhook
from notifications.workers.webhook import Sender
from schemas import pooling as p
from schemas.catalogue import event_types
from tests.notifications.webhooks import HELD, log, sending, subscribe
from tests.notifications.world import Story, World, delivery
from tests.support.sinks import WebhookSink


async def test_an_event_reaches_its_receiver_signed_as_a_cloud_event(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    [sent] = await world.learn(story.held())
    assert await webhook.run_once(sender) == 1
    [hook] = hooks.of("erp")
    assert hook.verified
    assert hook.headers["webhook-id"] == str(sent.envelope.id)
    assert hook.headers["content-type"].startswith("application/cloudevents+json")
    assert {name: hook.event[name] for name in ("specversion", "id", "type", "source", "subject")} == {
        "specversion": "1.0",
        "id": str(sent.envelope.id),
        "type": HELD,
        "source": "/polepool/pooling",
        "subject": str(sent.event.aggregate.id),
    }
    assert event_types()[HELD].model_validate(hook.event["data"]) == sent.event
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["attempts"], entry["status"]) == ("delivered", 1, 204)


async def test_an_organisation_gets_what_concerns_it_of_the_types_it_asked_for(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story, others = Story(), Story()
    await world.learn(*story.facts, *others.facts)
    await subscribe(world, hooks, story, "erp", HELD)
    held = story.held()
    await world.learn(held, story.confirmed(held), others.held(), story.match())
    await webhook.run_once(sender)
    assert [hook.event["subject"] for hook in hooks.of("erp")] == [str(held.booking.id)]


async def test_a_redelivered_event_is_sent_once(world: World, hooks: WebhookSink, sender: Sender) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    once = delivery(story.held())
    for _ in range(3):
        await world.learn(once)
        await webhook.run_once(sender)
    assert len(hooks.of("erp")) == 1


async def test_a_webhook_gets_nothing_from_before_it_was_made(world: World, hooks: WebhookSink, sender: Sender) -> None:
    story = Story()
    await world.learn(story.held())  # waits for the people
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.rows("UPDATE news SET due_at = now()")
    assert await news.run_once(world.pool) == 1
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    assert await webhook.run_once(sender) == 0


REFUSALS: list[tuple[str, str]] = [
    ("https://localhost.example.org.invalid/", "the host name does not resolve"),
    ("https://localhost/", "the host leads to an address that is not public"),
    ("https://127.0.0.1/", "the host leads to an address that is not public"),
    ("https://[::ffff:127.0.0.1]/", "the host leads to an address that is not public"),
    ("http://erp.example.org/", "not an https address"),
]


@pytest.mark.parametrize(("url", "error"), REFUSALS)
async def test_a_target_that_turned_bad_since_is_not_reached_and_says_why(
    world: World, hooks: WebhookSink, sender: Sender, url: str, error: str
) -> None:
    """The check at subscribing is a courtesy; the one at connecting counts."""
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    await world.rows("UPDATE webhook SET url = $1", url)
    await world.learn(story.held())
    await webhook.run_once(sender)
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["status"], entry["error"]) == ("pending", None, error)


async def test_an_allowed_target_is_reached_however_it_is_written(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.rows("UPDATE webhook SET url = $1", f"http://localhost:{hooks.port}/erp")
    await world.learn(story.held())
    named = WebhookSettings(keys=settings.webhook.keys, allowed_targets=(f"LocalHost:{hooks.port}",))
    async with sending(world, settings, allowed_targets=named.allowed_targets) as sender:
        await webhook.run_once(sender)
    assert len(hooks.of("erp")) == 1


async def test_a_receiver_that_never_ends_its_answer_is_cut_off(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.gates["erp"] = asyncio.Event()
    await world.learn(story.held())
    async with sending(world, settings, total_timeout=0.2) as sender:
        await webhook.run_once(sender)
    assert (await log(world, story, webhook_id))[0]["error"] == "no answer in time"


async def test_a_secret_survives_a_rotation_of_keys_and_is_not_in_the_database(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    new = SecretStr(Fernet.generate_key().decode())
    await world.learn(story.held())
    async with sending(world, settings, keys=(new, *settings.webhook.keys)) as sender:
        await webhook.run_once(sender)
    assert hooks.of("erp")[0].verified
    for query in (
        "SELECT w::text AS text FROM webhook w",
        "SELECT convert_from(body, 'UTF8') AS text FROM idempotency",
    ):
        for row in await world.rows(query):
            assert hooks.secrets["erp"] not in row["text"]


async def test_a_secret_sealed_with_a_lost_key_fails_in_words(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    await world.learn(story.held())
    async with sending(world, settings, keys=(SecretStr(Fernet.generate_key().decode()),)) as sender:
        await webhook.run_once(sender)
    assert "no longer in the settings" in (await log(world, story, webhook_id))[0]["error"]


def test_a_sealed_secret_opens_and_two_are_never_the_same() -> None:
    sealer = Sealer([SecretStr(Fernet.generate_key().decode())])
    opened = {sealer.open(sealer.new()) for _ in range(10)}
    assert len(opened) == 10
    assert all(each.startswith("whsec_") and len(each) == 50 for each in opened)


def test_a_key_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="Fernet key"):
        WebhookSettings(keys=(SecretStr("short"),))


async def test_a_webhook_gets_each_move_of_a_match_though_people_are_told_once(
    world: World, hooks: WebhookSink
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story, "erp", p.MatchProposed.TYPE)
    first = story.match()
    moved = p.MatchProposed(match=first.match.model_copy(update={"version": 2}))
    await world.learn(first)
    await world.learn(moved)
    assert len(await log(world, story, webhook_id)) == 2
    assert await world.codes(story.owner_manager) == ["match_owner"]
