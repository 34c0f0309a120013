"""Receivers that fail, are slow, are gone; workers that die."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from aiohttp import web

from chassis.db import as_system, transaction
from chassis.health import Health
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, eventually
from notifications.settings import NotificationsSettings, RetentionSettings
from notifications.store import deliveries
from notifications.workers import news, webhook
from notifications.workers.webhook import Sender
from tests.notifications.webhooks import due, log, sending, subscribe
from tests.notifications.world import Story, World
from tests.support.sinks import WebhookSink

CUT_WHO_WAITS = """
    SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def test_a_failing_receiver_is_tried_again_with_the_same_id_and_body(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.answers["erp"] = [web.Response(status=503, text="<b>busy</b>\x00" + "x" * 5000), web.Response(status=200)]
    await world.learn(story.held())
    await webhook.run_once(sender)
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["status"], entry["error"]) == ("pending", 503, "not a 2xx answer")
    assert len(entry["excerpt"]) == 500
    assert "\x00" not in entry["excerpt"]
    await due(world)
    await webhook.run_once(sender)
    first, second = hooks.of("erp")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert second.verified
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["attempts"]) == ("delivered", 2)


async def test_redirects_are_not_followed(world: World, hooks: WebhookSink, sender: Sender) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.answers["erp"] = [web.Response(status=307, headers={"Location": hooks.url("elsewhere")})]
    await world.learn(story.held())
    await webhook.run_once(sender)
    assert hooks.of("elsewhere") == []
    assert (await log(world, story, webhook_id))[0]["error"] == "redirects are not followed"


async def test_gone_disables_the_subscription_at_once_and_tells_its_managers(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.answers["erp"] = [web.Response(status=410)]
    await world.learn(story.held())
    await webhook.run_once(sender)
    found = await world.get(story.owner_manager, f"/v1/webhooks/{webhook_id}")
    assert (found["state"], found["reason"]) == ("disabled", "gone")
    assert (await world.codes(story.owner_manager))[-1] == "webhook_disabled"
    assert "webhook_disabled" not in await world.codes(story.owner_contributor)
    await world.learn(story.held())
    assert await webhook.run_once(sender) == 0
    assert await subscribe(world, hooks, story) != webhook_id


async def test_a_receiver_that_is_dead_for_a_whole_schedule_is_disabled(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.answers["erp"] = [web.Response(status=500) for _ in range(20)]
    await world.learn(story.held())
    async with sending(world, settings, schedule=(0.01, 0.02, 0.2), breaker=100) as sender:
        await eventually(lambda: retried_until_disabled(world, sender, webhook_id))
    found = await world.get(story.owner_manager, f"/v1/webhooks/{webhook_id}")
    assert (found["state"], found["reason"]) == ("disabled", "failing")
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["attempts"]) == ("failed", 4)
    assert (await world.codes(story.owner_manager))[-1] == "webhook_disabled"


async def retried_until_disabled(world: World, sender: Sender, webhook_id: UUID) -> bool:
    """One round; whether the subscription has ended."""
    await webhook.run_once(sender)
    [row] = await world.rows("SELECT state FROM webhook WHERE id = $1", webhook_id)
    return bool(row["state"] == "disabled")


async def test_after_some_failures_in_a_row_all_of_a_subscription_pauses(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    hooks.answers["erp"] = [web.Response(status=500) for _ in range(2)]
    async with sending(world, settings, breaker=2, schedule=(60.0, 60.0)) as sender:
        await world.learn(story.held(), story.held())
        await webhook.run_once(sender)
        await world.learn(story.held())
        assert await webhook.run_once(sender) == 0
        await due(world)
        assert await webhook.run_once(sender) == 3
    [row] = await world.rows("SELECT failures, failing_since, paused_until FROM webhook")
    assert row == {"failures": 0, "failing_since": None, "paused_until": None}


async def test_the_first_failure_of_a_delivery_long_after_another_was_given_up_disables_nothing(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    await world.rows("UPDATE webhook SET failures = 1, failing_since = now() - interval '5 days'")
    hooks.answers["erp"] = [web.Response(status=503)]
    await world.learn(story.held())
    assert not await retried_until_disabled(world, sender, webhook_id)
    assert len(hooks.of("erp")) == 1


async def test_a_slow_receiver_holds_up_nobody_else(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    slow, quick = await subscribe(world, hooks, story, "slow"), await subscribe(world, hooks, story, "quick")
    await world.rows("UPDATE webhook SET host = id::text")  # as if they were two hosts
    gate = hooks.gates["slow"] = asyncio.Event()
    await world.learn(*(story.held() for _ in range(10)))
    stop = asyncio.Event()
    async with sending(world, settings, per_host=2) as sender:
        running = asyncio.create_task(webhook.run(sender, 0.02, stop, Health()))
        await eventually(lambda: len(hooks.of("quick")) == 10)
        assert len(hooks.of("slow")) == 2
        gate.set()
        await eventually(lambda: len(hooks.of("slow")) == 10)
        await eventually(lambda: delivered(world, slow, quick))
        stop.set()
        await running


async def test_all_workers_together_have_no_more_under_way_to_a_host_than_it_has_room_for(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story, now = Story(), datetime.now(UTC) + timedelta(seconds=1)
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.learn(*(story.held() for _ in range(10)))
    async with transaction(world.pool) as tx:
        await as_system(tx)
        first = await deliveries.lease_deliveries(tx, now, now + timedelta(seconds=60), 10, 4)
        assert len(first) == 4
        assert await webhook.lease(sender, 10) == []
    assert await webhook.lease(sender, 10) == []
    await asyncio.gather(*(webhook.deliver(sender, each) for each in first))
    assert len(await webhook.lease(sender, 10)) == 4


async def test_the_end_of_a_delivery_makes_room_for_the_next_at_once(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    await world.learn(*(story.held() for _ in range(12)))
    stop = asyncio.Event()
    async with sending(world, settings, per_host=2) as sender:
        running = asyncio.create_task(webhook.run(sender, 600, stop, Health()))
        await eventually(lambda: delivered(world, webhook_id))
        stop.set()
        await running


async def delivered(world: World, *webhook_ids: UUID) -> bool:
    """Whether these webhooks got all they were to get."""
    rows = await world.rows(
        "SELECT 1 FROM webhook_delivery WHERE state = 'pending' AND webhook_id = ANY ($1)", webhook_ids
    )
    return not rows


async def test_two_workers_never_send_the_same_delivery(
    world: World, hooks: WebhookSink, settings: NotificationsSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.learn(*(story.held() for _ in range(30)))
    async with sending(world, settings, per_host=5) as one, sending(world, settings, per_host=5) as other:
        for _ in range(8):
            await asyncio.gather(webhook.run_once(one), webhook.run_once(other))
    ids = [hook.headers["webhook-id"] for hook in hooks.of("erp")]
    assert len(ids) == len(set(ids)) == 30


async def test_what_a_killed_worker_had_taken_is_sent_when_its_lease_is_over(
    world: World, hooks: WebhookSink, sender: Sender
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.learn(story.held())
    [late] = await webhook.lease(sender, 10)
    assert await webhook.run_once(sender) == 0
    await world.rows("UPDATE webhook_delivery SET leased_until = now() - interval '1 s'")
    assert await webhook.run_once(sender) == 1
    hooks.answers["erp"] = [web.Response(status=500)]
    await webhook.deliver(sender, late)  # the first worker comes back: it may send, but not save
    [row] = await world.rows("SELECT state, attempts, status FROM webhook_delivery")
    assert row == {"state": "delivered", "attempts": 2, "status": 204}


async def test_what_was_posted_is_not_posted_again_for_a_database_session_that_ends_before_it_is_saved(
    world: World, hooks: WebhookSink, sender: Sender, parts: Parts, database: DatabaseSettings
) -> None:
    story = Story()
    await world.learn(*story.facts)
    webhook_id = await subscribe(world, hooks, story)
    hooks.gates["erp"] = asyncio.Event()
    await world.learn(story.held())
    sending = asyncio.create_task(webhook.run_once(sender))
    await eventually(lambda: bool(hooks.of("erp")))
    name = database.url.get_secret_value().rpartition("/")[2]
    admin = parts.postgres_admin_url.rpartition("/")[0] + f"/{name}"
    async with (
        asyncpg.create_pool(admin, min_size=2, max_size=2) as pool,
        pool.acquire() as other,
        pool.acquire() as holding,
        holding.transaction(),
    ):
        await holding.execute("SELECT FROM webhook_delivery FOR UPDATE")
        hooks.gates["erp"].set()
        await eventually(lambda: other.fetchval(CUT_WHO_WAITS))
    assert await sending == 1
    [entry] = await log(world, story, webhook_id)
    assert (entry["state"], entry["attempts"]) == ("delivered", 1)


async def test_what_was_queued_while_its_webhook_was_disabled_goes_with_its_news(
    world: World, hooks: WebhookSink
) -> None:
    story = Story()
    await world.learn(*story.facts)
    await subscribe(world, hooks, story)
    await world.learn(story.held())
    await world.rows("UPDATE webhook SET state = 'disabled', reason = 'gone', disabled_at = now()")
    await world.rows("UPDATE webhook_delivery SET created_at = created_at - interval '31 days'")
    await world.rows("UPDATE news SET received_at = received_at - interval '31 days'")
    await news.remove_old(world.pool, RetentionSettings())
    assert await world.rows("SELECT 1 FROM webhook_delivery UNION ALL SELECT 1 FROM news") == []
