"""The HTTP API: the inbox, webhooks, and bad input of every kind."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.notifications.world import Story, World, organisation
from tests.support.sinks import WebhookSink

HELD = "polepool.pooling.booking_held.v1"
NOBODYS = UUID("01a20000-0000-7000-8000-000000000000")
"""The id of nothing."""


async def a_story(world: World) -> Story:
    """Two organisations, known."""
    story = Story()
    await world.learn(*story.facts)
    return story


def subscription(story: Story, **changes: Any) -> dict[str, Any]:
    """A good subscription of the owner, or what `changes` make of it."""
    good = {"organisation_id": str(story.owner_id), "url": "https://erp.example.org/in", "event_types": [HELD]}
    return good | changes


async def test_the_inbox_shows_both_languages_newest_first(world: World) -> None:
    story = await a_story(world)
    held = story.held()
    await world.learn(held)
    await world.learn(story.confirmed(held))
    items = (await world.get(story.requester_manager, "/v1/inbox"))["items"]
    assert [each["code"] for each in items] == ["booking_confirmed_requester", "booking_held_requester"]
    assert items[0]["text"]["fr"]["subject"] == "C’est d’accord\xa0: «\xa0Minibus neuf places\xa0»"
    assert items[0]["text"]["en"]["subject"] == "It’s a yes: “Minibus neuf places”"
    assert items[0]["params"]["price_cents"] == 1250
    assert items[0]["read_at"] is None


async def test_reading_is_noted_once_and_filters(world: World) -> None:
    story = await a_story(world)
    await world.learn(story.held(), story.held())
    person = story.owner_manager
    newest = (await world.get(person, "/v1/inbox"))["items"][0]["id"]
    first = (await world.send(person, "POST", f"/v1/inbox/{newest}/read")).json()
    assert first["read_at"]
    assert (await world.send(person, "POST", f"/v1/inbox/{newest}/read")).json()["read_at"] == first["read_at"]
    assert [each["id"] for each in (await world.get(person, "/v1/inbox?unread=false"))["items"]] == [newest]
    assert newest not in [each["id"] for each in (await world.get(person, "/v1/inbox?unread=true"))["items"]]
    assert len((await world.get(person, "/v1/inbox"))["items"]) == 2


async def test_the_inbox_is_paged_without_gaps_or_repeats(world: World) -> None:
    story = await a_story(world)
    await world.learn(*(story.held() for _ in range(7)))
    seen: list[str] = []
    path = "/v1/inbox?limit=3"
    while path:
        page = await world.get(story.owner_manager, path)
        seen += [each["id"] for each in page["items"]]
        path = f"/v1/inbox?limit=3&after={page['next']}" if page["next"] else ""
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_somebody_elses_notification_is_as_unknown_as_none(world: World) -> None:
    story = await a_story(world)
    await world.learn(story.held())
    theirs = (await world.get(story.requester_manager, "/v1/inbox"))["items"][0]["id"]
    answers = [await world.send(story.owner_manager, "POST", f"/v1/inbox/{each}/read") for each in (theirs, uuid4())]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].json()["code"] == answers[1].json()["code"] == "not_found"


async def test_a_subscription_shows_its_secret_once_and_again_only_to_the_same_request(world: World) -> None:
    story = await a_story(world)
    body, key = subscription(story), str(uuid4())
    made = await world.send(story.owner_manager, "POST", "/v1/webhooks", body, Idempotency_Key=key)
    assert made.status_code == 201
    secret, webhook_id = made.json()["secret"], made.json()["id"]
    assert secret.startswith("whsec_")
    again = await world.send(story.owner_manager, "POST", "/v1/webhooks", body, Idempotency_Key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == made.json()
    assert "secret" not in await world.get(story.owner_manager, f"/v1/webhooks/{webhook_id}")
    assert "secret" not in (await world.get(story.owner_manager, "/v1/webhooks"))["items"][0]
    await world.send(story.owner_manager, "DELETE", f"/v1/webhooks/{webhook_id}")
    gone = await world.send(story.owner_manager, "POST", "/v1/webhooks", body, Idempotency_Key=key)
    assert "secret" not in gone.json()


async def test_one_active_subscription_per_organisation_and_address(world: World) -> None:
    story = await a_story(world)
    made = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story))
    twice = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story))
    assert (twice.status_code, twice.json()["code"]) == (409, "webhook_exists")
    assert twice.json()["webhook_id"] == made.json()["id"]
    other = subscription(story, organisation_id=str(story.requester_id))
    assert (await world.send(story.requester_manager, "POST", "/v1/webhooks", other)).status_code == 201
    assert (await world.send(story.owner_manager, "DELETE", f"/v1/webhooks/{made.json()['id']}")).status_code == 204
    assert (await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story))).status_code == 201


async def test_an_organisation_has_no_more_than_ten(world: World) -> None:
    story = await a_story(world)
    for number in range(10):
        body = subscription(story, url=f"https://erp.example.org/{number}")
        assert (await world.send(story.owner_manager, "POST", "/v1/webhooks", body)).status_code == 201
    more = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story))
    assert (more.status_code, more.json()["code"], more.json()["most"]) == (409, "too_many_webhooks", 10)


async def test_managers_and_integrations_subscribe_contributors_and_strangers_do_not(world: World) -> None:
    story, client = Story(), uuid4()
    with_key = story.owner.organisation.model_copy(update={"integrations": (client,)})
    story.owner = story.owner.model_copy(update={"organisation": with_key})
    await world.learn(*story.facts)
    body = subscription(story)
    assert (await world.send(story.owner_contributor, "POST", "/v1/webhooks", body)).status_code == 403
    assert (await world.send(story.requester_manager, "POST", "/v1/webhooks", body)).status_code == 404
    made = await world.send(client, "POST", "/v1/webhooks", body, kind="integration")
    assert made.status_code == 201
    path = f"/v1/webhooks/{made.json()['id']}"
    assert (await world.send(story.owner_contributor, "GET", path)).status_code == 200
    assert (await world.send(story.owner_contributor, "DELETE", path)).status_code == 403
    for method, suffix in (("GET", ""), ("GET", "/deliveries"), ("DELETE", "")):
        assert (await world.send(story.requester_manager, method, path + suffix)).status_code == 404
    assert (await world.get(story.requester_manager, "/v1/webhooks"))["items"] == []


async def test_somebody_removed_from_the_organisation_loses_its_webhooks_with_the_event(world: World) -> None:
    story = await a_story(world)
    made = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story))
    without = story.owner.organisation.model_copy(update={"version": 2, "people": ()})
    await world.learn(organisation("x").model_copy(update={"organisation": without}))
    path = f"/v1/webhooks/{made.json()['id']}"
    assert (await world.send(story.owner_manager, "GET", path)).status_code == 404


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"url": "http://erp.example.org/"}, "url", "https"),
    ({"url": "https://127.0.0.1/"}, "url", "public address"),
    ({"url": "https://[::1]/"}, "url", "public address"),
    ({"url": "https://2130706433/"}, "url", "public address"),
    ({"url": "https://100.64.1.1/"}, "url", "public address"),
    ({"url": "https://[64:ff9b::7f00:1]/"}, "url", "public address"),
    ({"url": "https://169.254.169.254/latest/meta-data"}, "url", "public address"),
    ({"url": "https://erp.example.org:25/"}, "url", "ports"),
    ({"url": "https://a:b@erp.example.org/"}, "url", "user name"),
    ({"url": "https://erp.example.org/\r\nX-Header: 1"}, "url", "printable ASCII"),
    ({"url": "https://erp.example.org/\x00"}, "url", "NUL"),
    ({"url": "https://erp.example.org/" + "a" * 3000}, "url", "at most 2000"),
    ({"url": ""}, "url", "at least 1"),
    ({"url": 5}, "url", "string"),
    ({"url": None}, "url", "string"),
    ({"event_types": []}, "event_types", "at least 1"),
    ({"event_types": HELD}, "event_types", "list"),
    ({"event_types": ["polepool.pooling.nothing.v1"]}, "event_types.0", "catalogue"),
    ({"event_types": [HELD, "*"]}, "event_types.1", "catalogue"),
    ({"event_types": [HELD] * 101}, "event_types", "at most 100"),
    ({"event_types": [5]}, "event_types.0", "string"),
    ({"organisation_id": "mine"}, "organisation_id", "UUID"),
    ({"organisation_id": None}, "organisation_id", "UUID"),
    ({"secret": "whsec_bXkgb3du"}, "secret", "not a known field"),
]


@pytest.mark.parametrize(("changes", "field", "rule"), BAD)
async def test_bad_input_is_refused_by_field_and_rule_and_leaves_nothing(
    world: World, changes: dict[str, Any], field: str, rule: str
) -> None:
    story = await a_story(world)
    answer = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story, **changes))
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    named = {each["field"]: each["rule"] for each in answer.json()["errors"]}
    assert rule in named.get(field, ""), answer.text
    assert await world.rows("SELECT 1 FROM webhook") == []
    assert await world.rows("SELECT 1 FROM idempotency") == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/inbox?limit=0", 422),
        ("GET", "/v1/inbox?limit=101", 422),
        ("GET", "/v1/inbox?limit=x", 422),
        ("GET", "/v1/inbox?after=%00", 422),
        ("GET", "/v1/inbox?after=AAAA", 422),
        ("GET", "/v1/inbox?unread=perhaps", 422),
        ("POST", "/v1/inbox/not-an-id/read", 422),
        ("POST", f"/v1/inbox/{NOBODYS}/read", 404),
        ("GET", f"/v1/webhooks/{NOBODYS}", 404),
        ("GET", f"/v1/webhooks/{NOBODYS}/deliveries", 404),
        ("DELETE", f"/v1/webhooks/{NOBODYS}", 404),
        ("GET", "/v1/webhooks/%00", 422),
        ("PATCH", "/v1/webhooks", 405),
        ("GET", "/v1/nothing", 404),
    ],
)
async def test_odd_paths_and_queries_are_problems_too(world: World, method: str, path: str, status: int) -> None:
    answer = await world.send(uuid4(), method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b'{"url": "\xff"}', 422),
        (b'{"url": "\\ud800"}', 422),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, 422),
        (b'{"url": "' + b"x" * 10_000_000 + b'"}', 413),
        (b'{"url": "a", "url": "b"}', 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(world: World, content: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"} | world.tokens.headers(uuid4())
    answer = await world.http.post("/v1/webhooks", content=content, headers=headers)
    assert answer.status_code == status, answer.text


async def test_the_same_key_with_another_body_and_no_key_at_all_are_refused(world: World) -> None:
    story, key = await a_story(world), str(uuid4())
    made = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story), Idempotency_Key=key)
    assert made.status_code == 201
    other = subscription(story, url="https://erp.example.org/other")
    reused = await world.send(story.owner_manager, "POST", "/v1/webhooks", other, Idempotency_Key=key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    headers = {"Content-Type": "application/json"} | world.tokens.headers(story.owner_manager)
    without = await world.http.post("/v1/webhooks", content=json.dumps(other), headers=headers)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_missing")
    assert len(await world.rows("SELECT 1 FROM webhook")) == 1


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer x.y.z", "Basic YTpi"])
async def test_without_a_valid_token_nothing_is_shown(world: World, token: str) -> None:
    for path in ("/v1/inbox", "/v1/webhooks"):
        assert (await world.http.get(path, headers={"Authorization": token})).status_code == 401


async def test_an_answer_of_a_receiver_is_shown_as_data_only(world: World, hooks: WebhookSink) -> None:
    """What a receiver answers is escaped by being JSON, and can't be read as a page."""
    story = await a_story(world)
    made = await world.send(story.owner_manager, "POST", "/v1/webhooks", subscription(story, url=hooks.url("erp")))
    await world.learn(story.held())
    await world.rows("UPDATE webhook_delivery SET excerpt = '<script>alert(1)</script>', status = 500")
    path = f"/v1/webhooks/{UUID(made.json()['id'])}/deliveries"
    answer = await world.send(story.owner_manager, "GET", path)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["items"][0]["excerpt"] == "<script>alert(1)</script>"
