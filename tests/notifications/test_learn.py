"""What the consumer's transaction does: learn, tell, wait; on real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chassis.errors import Poison
from notifications.settings import RetentionSettings
from notifications.workers import news
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event
from tests.notifications.world import Story, World, delivery, member, organisation, project


async def test_both_sides_are_told_of_a_booking_in_words_of_their_own(world: World) -> None:
    story = Story()
    await world.learn(*story.facts)
    held = story.held()
    await world.learn(held)
    await world.learn(story.confirmed(held))
    assert await world.codes(story.owner_manager) == ["booking_held_owner", "booking_confirmed_owner"]
    assert await world.codes(story.owner_contributor) == ["booking_held_owner", "booking_confirmed_owner"]
    assert await world.codes(story.requester_manager) == ["booking_held_requester", "booking_confirmed_requester"]


async def test_an_event_that_comes_again_tells_nobody_again(world: World) -> None:
    story = Story()
    await world.learn(*story.facts)
    once = delivery(story.held())
    await world.learn(once)
    await world.learn(once)
    await world.learn(delivery(once.event, event_id=once.envelope.id))
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    assert len(await world.rows("SELECT 1 FROM mail")) == 3


async def test_an_older_version_is_ignored(world: World) -> None:
    story = Story()
    held = story.held()
    await world.learn(*story.facts, story.confirmed(held))
    await world.learn(held)
    assert await world.codes(story.owner_manager) == ["booking_confirmed_owner"]


async def test_several_versions_in_one_run_are_each_told(world: World) -> None:
    story = Story()
    held = story.held()
    await world.learn(*story.facts, held, story.confirmed(held))
    assert await world.codes(story.requester_manager) == ["booking_held_requester", "booking_confirmed_requester"]


async def test_a_match_that_moves_is_told_once_and_again_only_after_it_was_gone(world: World) -> None:
    story = Story()
    await world.learn(*story.facts)
    first = story.match().match

    def event(version: int, status: p.MatchStatus) -> Event:
        match = first.model_copy(update={"version": version, "status": status, "price_cents": 1250 + version})
        by = {p.MatchStatus.TAKEN: p.MatchTaken, p.MatchStatus.WITHDRAWN: p.MatchWithdrawn}
        return by.get(status, p.MatchProposed)(match=match)

    proposed, taken, withdrawn = p.MatchStatus.PROPOSED, p.MatchStatus.TAKEN, p.MatchStatus.WITHDRAWN
    told = []
    for run in (
        [event(1, proposed), event(2, proposed)],
        *([event(version, proposed)] for version in range(3, 30)),
        [event(30, withdrawn), event(31, proposed)],
        [event(32, proposed)],
        [event(33, taken)],
        [event(34, proposed)],
    ):
        await world.learn(*run)
        told.append(len(await world.codes(story.requester_manager)))
    assert told == [1] * 28 + [2, 2, 2, 3]
    assert await world.codes(story.owner_manager) == ["match_owner"] * 3
    assert await world.rows("SELECT 1 FROM news WHERE state = 'waiting'") == []


async def test_an_aggregate_of_another_tenant_is_poison_and_changes_nothing(world: World) -> None:
    story = Story()
    await world.learn(*story.facts)
    stolen = story.resource.resource.model_copy(update={"version": 2, "organisation_id": uuid4(), "title": "Volé"})
    with pytest.raises(Poison, match="another tenant"):
        await world.learn(p.ResourceChanged(resource=stolen))
    [row] = await world.rows("SELECT version, title FROM known WHERE id = $1", stolen.id)
    assert row == {"version": 1, "title": "Minibus neuf places"}


async def test_an_event_whose_people_are_not_known_yet_waits_and_is_told_when_they_are(world: World) -> None:
    story = Story()
    await world.learn(story.held())
    assert await world.rows("SELECT state FROM news") == [{"state": "waiting"}]
    assert await world.codes(story.owner_manager) == []
    await world.learn(*story.facts)
    await make_due(world)
    await news.run_once(world.pool)
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    assert await world.codes(story.requester_manager) == ["booking_held_requester"]


async def test_an_unknown_title_is_waited_for_and_then_done_without(world: World) -> None:
    story = Story()
    await world.learn(story.owner, story.requester)
    await world.learn(story.held())
    assert await world.codes(story.owner_manager) == []
    await make_due(world, received=timedelta(minutes=11))
    await news.run_once(world.pool)
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    [text] = [each["text"]["fr"] for each in (await world.get(story.owner_manager, "/v1/inbox"))["items"]]
    assert "un moyen partagé" in text["body"]


async def test_half_of_the_people_known_are_told_late_rather_than_never_and_the_rest_when_known(world: World) -> None:
    story = Story()
    await world.learn(story.owner, story.resource)
    await world.learn(story.held())
    await make_due(world, received=timedelta(minutes=11))
    await news.run_once(world.pool)
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    assert (await world.rows("SELECT state FROM news WHERE type LIKE '%held%'"))[0]["state"] == "waiting"
    await world.learn(story.requester)
    await make_due(world, received=timedelta(minutes=20))
    await news.run_once(world.pool)
    assert await world.codes(story.requester_manager) == ["booking_held_requester"]
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]


async def test_an_old_event_is_history_and_told_to_nobody(world: World) -> None:
    story = Story()
    await world.learn(*story.facts)
    await world.learn(delivery(story.held(), time=datetime.now(UTC) - timedelta(days=8)))
    assert await world.codes(story.owner_manager) == []
    assert len(await world.rows("SELECT 1 FROM known WHERE topic = 'polepool.pooling.bookings'")) == 1


async def test_a_replay_into_empty_projections_gives_the_same_and_tells_nobody_again(world: World) -> None:
    story = Story()
    run = await world.learn(*story.facts, *story.joined, story.match(), story.held())
    before = await world.rows("SELECT * FROM known ORDER BY id"), await world.rows("SELECT id FROM notification")
    await world.rows("DELETE FROM known")
    for each in run:
        await world.learn(each)
    after = await world.rows("SELECT * FROM known ORDER BY id"), await world.rows("SELECT id FROM notification")
    assert after == before


async def test_events_that_come_again_after_the_inbox_forgot_them_change_nothing_and_tell_nobody(world: World) -> None:
    story = Story()
    run = await world.learn(*story.facts, *story.joined, story.match(), story.held())
    before = await world.rows("SELECT * FROM known ORDER BY id"), await world.rows("SELECT id FROM notification")
    await world.rows("DELETE FROM news")  # kept for 30 days, as the inbox keeps ids
    for each in run:
        late = replace(each, envelope=each.envelope.model_copy(update={"time": datetime.now(UTC) - timedelta(days=31)}))
        await world.learn(late)
    after = await world.rows("SELECT * FROM known ORDER BY id"), await world.rows("SELECT id FROM notification")
    assert after == before
    assert await world.rows("SELECT 1 FROM news") == []


async def test_a_launched_project_reaches_those_it_fits_and_once_more_those_who_joined_late(world: World) -> None:
    story = Story()
    await world.learn(*story.facts, story.owner_joined)
    baker = organisation("Le Fournil", managers=[uuid4()], activities=["food"])
    lead = organisation("Roue Libre", managers=[uuid4()])
    await world.learn(baker, m.MemberJoined(member=member(story.pole_id, baker.organisation.id)), lead)
    await world.learn(project(story.pole_id, lead.organisation.id))
    assert "project_launched" in await world.codes(story.owner_manager)
    assert "project_launched" not in await world.codes(baker.organisation.people[0].person_id)
    assert await world.codes(lead.organisation.people[0].person_id) == []
    await world.learn(story.requester_joined)
    await make_due(world, received=timedelta(seconds=61))
    await news.run_once(world.pool)
    assert "project_launched" in await world.codes(story.requester_manager)
    assert (await world.codes(story.owner_manager)).count("project_launched") == 1
    assert (await world.rows("SELECT state FROM news WHERE type LIKE '%launched%'"))[0]["state"] == "told"


async def test_news_that_makes_us_stumble_is_set_aside_and_does_not_stop_the_others(world: World) -> None:
    story = Story()
    await world.learn(story.held())
    await world.learn(*story.facts)
    now = datetime.now(UTC)
    await world.rows(
        "INSERT INTO news (event_id, type, body, received_at, due_at) VALUES ($1, 'no.such.type', '{}', $2, $2)",
        uuid4(),
        now - timedelta(seconds=5),
    )
    await make_due(world)
    await news.run_once(world.pool)
    assert await world.codes(story.owner_manager) == ["booking_held_owner"]
    [row] = await world.rows("SELECT state, due_at > now() AS later FROM news WHERE type = 'no.such.type'")
    assert row == {"state": "waiting", "later": True}


async def test_bodies_are_let_go_when_no_webhook_needs_them(world: World) -> None:
    story = Story()
    await world.learn(*story.facts, story.held())
    assert await world.rows("SELECT 1 FROM news WHERE state <> 'waiting' AND body IS NOT NULL") == []


async def test_what_is_past_its_retention_goes(world: World) -> None:
    story = Story()
    await world.learn(*story.facts, story.held())
    await world.rows("UPDATE news SET received_at = received_at - interval '31 days'")
    await world.rows("UPDATE notification SET created_at = created_at - interval '181 days'")
    assert await news.remove_old(world.pool, RetentionSettings()) > 0
    assert (
        await world.rows("SELECT 1 FROM news UNION ALL SELECT 1 FROM notification UNION ALL SELECT 1 FROM mail") == []
    )


async def make_due(world: World, received: timedelta = timedelta(seconds=2)) -> None:
    """All waiting news are due, received that long ago."""
    then = datetime.now(UTC) - received
    await world.rows("UPDATE news SET due_at = $1, received_at = $1 WHERE state = 'waiting'", then)
