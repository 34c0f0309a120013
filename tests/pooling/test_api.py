"""The loop over HTTP: offered, asked, held, confirmed; what is refused, and what a stranger finds."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.pooling.world import DAY, Member, World
from tests.support.membership import Json
from tests.support.pooling import Pooler, need, offered, period, requested

At = Callable[[Member], Pooler]


def hours(start: int, end: int) -> Json:
    return period(DAY.replace(hour=start), DAY.replace(hour=end))


async def kept(world: World) -> list[int]:
    tables = ("resource", "resource_free", "request", "request_line", "match", "booking", "outbox", "idempotency")
    return [(await world.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables]  # noqa: S608


async def test_an_offer_is_matched_held_and_confirmed(world: World, caller: At) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    anne, bob = caller(owner), caller(asker)
    resource = await anne.offer(owner.pole_id, owner.id, [hours(8, 18)])
    assert await bob.get(f"/v1/resources/{resource['id']}") == resource
    request = await bob.request(asker.pole_id, asker.id, [need(hours(8, 18), minutes=120)])
    (match,) = await bob.matches(request)
    assert (match["resource_id"], match["status"]) == (resource["id"], "proposed")
    assert all(set(reason["text"]) == {"fr", "en"} for reason in match["reasons"])

    booking = await bob.hold(match)
    assert (booking["status"], booking["price_cents"]) == ("held", 1250)
    assert [each["id"] for each in (await anne.get("/v1/bookings", status="held"))["items"]] == [booking["id"]]
    confirmed = await anne.confirm(booking)
    assert (confirmed["status"], confirmed["version"]) == ("confirmed", 2)
    assert await bob.get(f"/v1/bookings/{booking['id']}") == confirmed
    assert (await bob.get(f"/v1/requests/{request['id']}"))["status"] == "served"
    assert [each["start"][11:16] for each in await bob.free(resource["id"])] == ["10:00"]
    cancelled = await bob.cancel(confirmed)
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", "requester")
    assert [each["start"][11:16] for each in await bob.free(resource["id"])] == ["08:00"]


async def test_a_taken_slot_is_a_conflict_that_tells_what_else_could_be_booked(world: World, caller: At) -> None:
    owner = await world.member()
    anne, asker = caller(owner), await world.member(owner.pole_id)
    bob = caller(asker)
    taken, like = [await anne.offer(owner.pole_id, owner.id, [hours(8, 18)]) for _ in range(2)]
    await bob.book(taken, asker.pole_id, asker.id, hours(9, 11))
    body = {
        "resource_id": taken["id"],
        "resource_version": 1,
        "requester_organisation_id": str(asker.id),
        "requester_pole_id": str(asker.pole_id),
        "period": hours(10, 12),
    }
    before = await kept(world)
    refused = await bob.send("POST", "/v1/bookings", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    (alternative,) = refused.json()["alternatives"]
    assert alternative["resource_id"] == like["id"]
    assert await kept(world) == before
    outside = await bob.send("POST", "/v1/bookings", {**body, "period": hours(17, 19)})
    assert (outside.status_code, outside.json()["code"]) == (409, "not_offered")


async def test_the_same_hold_many_times_at_once_is_one_booking_and_its_key_is_for_nothing_else(
    world: World, caller: At
) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    bob = caller(asker)
    resource = await caller(owner).offer(owner.pole_id, owner.id, [hours(8, 18)])
    body = {
        "resource_id": resource["id"],
        "resource_version": 1,
        "requester_organisation_id": str(asker.id),
        "requester_pole_id": str(asker.pole_id),
        "period": hours(9, 11),
    }
    before = await kept(world)
    answers = await asyncio.gather(*(bob.send("POST", "/v1/bookings", body, key="once") for _ in range(8)))
    assert {(each.status_code, each.text, each.headers["ETag"]) for each in answers} == {(201, answers[0].text, '"1"')}
    assert [after - was for after, was in zip(await kept(world), before, strict=True)] == [0, 0, 0, 0, 0, 1, 1, 1]
    # But for its key it would be refused for what it took itself.
    again = await bob.send("POST", "/v1/bookings", body, key="once")
    assert (again.status_code, again.text, again.headers["Idempotent-Replayed"]) == (201, answers[0].text, "true")
    for when in (hours(12, 14), hours(10, 12)):  # one that is free, and one that isn't
        other = await bob.send("POST", "/v1/bookings", {**body, "period": when}, key="once")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await bob.get(f"/v1/bookings/{answers[0].json()['id']}") == answers[0].json()
    assert len((await bob.get("/v1/bookings"))["items"]) == 1


async def test_the_same_hold_sent_twice_is_one_booking(world: World, caller: At) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    bob = caller(asker)
    await caller(owner).offer(owner.pole_id, owner.id, [hours(8, 18)])
    (match,) = await bob.matches(await bob.request(asker.pole_id, asker.id, [need(hours(8, 18), minutes=60)]))
    body = {"match_id": match["id"], "match_version": match["version"]}
    first = await bob.post("/v1/bookings", body, key="once")
    assert await bob.post("/v1/bookings", body, key="once") == first
    again = await bob.send("POST", "/v1/bookings", body)
    assert (again.status_code, again.json()["code"]) == (409, "match_is_taken")


async def test_a_stranger_finds_nothing_of_others(world: World, caller: At) -> None:
    owner, stranger = await world.member(), caller(await world.member())
    asker = await world.member(owner.pole_id)
    anne, bob = caller(owner), caller(asker)
    resource = await anne.offer(owner.pole_id, owner.id, [hours(8, 18)])
    request = await bob.request(asker.pole_id, asker.id, [need(hours(8, 18), minutes=120)])
    (match,) = await bob.matches(request)
    booking = await bob.hold(match)
    before = await kept(world)
    paths = [
        *(("GET", f"/v1/resources/{resource['id']}{more}") for more in ("", "/free")),
        *(("GET", f"/v1/requests/{request['id']}{more}") for more in ("", "/matches", "/near-misses")),
        ("GET", f"/v1/bookings/{booking['id']}"),
        ("POST", f"/v1/resources/{resource['id']}/withdrawal"),
        ("POST", f"/v1/requests/{request['id']}/withdrawal"),
        ("POST", f"/v1/bookings/{booking['id']}/confirmation"),
    ]
    for method, path in paths:
        foreign = await stranger.send(method, path, version=1)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found"), (path, foreign.text)
    held = await stranger.send("POST", "/v1/bookings", {"match_id": match["id"], "match_version": match["version"]})
    assert held.status_code == 404, held.text
    direct = {
        "resource_id": resource["id"],
        "resource_version": 1,
        "requester_organisation_id": str(asker.id),
        "requester_pole_id": str(asker.pole_id),
        "period": hours(14, 15),
    }
    assert (await stranger.send("POST", "/v1/bookings", direct)).status_code == 404
    for path in ("/v1/resources", "/v1/requests", "/v1/bookings"):
        assert (await stranger.get(path))["items"] == []
    assert await kept(world) == before


async def test_a_stale_version_is_refused_and_the_latest_told(world: World, caller: At) -> None:
    owner = await world.member()
    anne = caller(owner)
    resource = await anne.offer(owner.pole_id, owner.id, [hours(8, 18)])
    terms = {name: value for name, value in offered("", "", [hours(8, 12)]).items() if not name.endswith("_id")}
    changed = await anne.send("PUT", f"/v1/resources/{resource['id']}", terms, version=1)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = await anne.send("PUT", f"/v1/resources/{resource['id']}", terms, version=1)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (await anne.withdraw(changed.json()))["status"] == "withdrawn"


RESOURCES, REQUESTS, BOOKINGS = "/v1/resources", "/v1/requests", "/v1/bookings"
BACKWARDS = {"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T09:00:00Z"}
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    (RESOURCES, {"title": " "}, "title", "at least 1"),
    (RESOURCES, {"title": "x" * 201}, "title", "at most 200"),
    (RESOURCES, {"title": "a\0b"}, "title", "NUL"),
    (RESOURCES, {"title": "Minibus\r\nBcc: x@y.z"}, "title", "one line"),
    (RESOURCES, {"title": "Minibus\x07"}, "title", "control characters"),
    (REQUESTS, {"title": "Sortie\nBcc: x@y.z"}, "title", "one line"),
    (RESOURCES, {"colour": "red"}, "colour", "not a known field"),
    (RESOURCES, {"ring": "world"}, "ring", "organisation"),
    (RESOURCES, {"commune": "01999"}, "commune", "INSEE"),
    (RESOURCES, {"price": {"fixed_cents": -1}}, "price.fixed_cents", "greater than or equal to 0"),
    (RESOURCES, {"price": {"fixed_cents": 1.5}}, "price.fixed_cents", "integer"),
    (RESOURCES, {"availability": []}, "availability", "at least 1"),
    (RESOURCES, {"availability": [BACKWARDS]}, "availability.0.end", "after start"),
    (RESOURCES, {"availability": [hours(8, 10), hours(9, 11)]}, "availability", "overlap"),
    (RESOURCES, {"availability": [{"start": "2026-12-01T10:00:00", "end": "2026-12-02T10:00:00"}]},
     "availability.0.start", "must have an offset"),
    (RESOURCES, {"availability": [{"start": "9000-12-01T10:00:00Z", "end": "9000-12-02T10:00:00Z"}]},
     "availability", "1900 to 2199"),
    (RESOURCES, {"availability": [{"start": "0001-01-01T00:00:00+10:00", "end": "9999-12-31T23:59:59-10:00"}]},
     "availability", ""),
    (RESOURCES, {"pole_id": "x"}, "pole_id", "UUID"),
    (RESOURCES, {"characteristics": {"kind": "boat"}}, "characteristics", "vehicle"),
    (RESOURCES, {"characteristics": {"kind": "vehicle", "seats": 0, "energy": "diesel"}}, "characteristics", "1"),
    (REQUESTS, {"lines": []}, "lines", "at least 1"),
    (REQUESTS, {"lines": [need(hours(8, 10), minutes=10)]}, "lines.0.minutes", "15"),
    (REQUESTS, {"lines": [need(hours(8, 10), minutes=180)]}, "lines.0.minutes", "fit in the window"),
    (REQUESTS, {"lines": [need(hours(8, 10), features=["wings"])]}, "lines.0.features", "one of"),
    (REQUESTS, {"lines": [need(hours(8, 10), features=["ramp", "ramp"])]}, "lines.0.features", "twice"),
    (REQUESTS, {"lines": [need(hours(8, 10), at_least={"wings": 2})]}, "lines.0.at_least", "one of"),
    (REQUESTS, {"lines": [need(hours(8, 10), commune="99999")]}, "lines.0.commune", "INSEE"),
    (REQUESTS, {"lines": [need(period(DAY.replace(year=2020), DAY))]}, "lines.0", ""),
    (REQUESTS, {"lines": [need({"start": "0001-01-01T00:00:00+10:00", "end": "9999-12-31T23:59:59-10:00"})]},
     "lines.0", ""),
    (REQUESTS, {"project_id": str(uuid4())}, "project_id", "project of this pole"),
    (BOOKINGS, {}, "resource_id", "required"),
    (BOOKINGS, {"match_id": str(uuid4()), "match_version": 1, "period": hours(8, 9)}, "period", "match_id"),
    (BOOKINGS, {"resource_id": str(uuid4())}, "resource_version", "required"),
    (BOOKINGS, {"resource_id": str(uuid4()), "resource_version": 1}, "requester_organisation_id", "required"),
    (BOOKINGS, {"resource_id": str(uuid4()), "resource_version": 1, "requester_organisation_id": str(uuid4()),
     "requester_pole_id": str(uuid4()),
     "period": {"start": hours(8, 9)["start"], "end": (DAY.replace(hour=8, minute=14)).isoformat()}},
     "period.end", "at least 15 minutes"),
    (BOOKINGS, {"match_id": str(uuid4())}, "match_version", "required"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "bad", "field", "rule"), CASES)
async def test_bad_input_is_refused_by_field_and_rule_and_leaves_nothing(
    world: World, caller: At, path: str, bad: dict[str, Any], field: str, rule: str
) -> None:
    member = await world.member()
    good = {
        RESOURCES: offered(member.pole_id, member.id, [hours(8, 18)]),
        REQUESTS: requested(member.pole_id, member.id, [need(hours(8, 18))]),
        BOOKINGS: {},
    }[path]
    before = await kept(world)
    answer = await caller(member).send("POST", path, {**good, **bad})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert any(each["field"].startswith(field) and rule in each["rule"] for each in answer.json()["errors"]), (
        answer.text
    )
    assert await kept(world) == before


async def test_a_list_with_nothing_in_it_is_told_apart_from_one_whose_items_are_wrong(world: World, caller: At) -> None:
    member = await world.member()
    good = requested(member.pole_id, member.id, [])
    empty = await caller(member).send("POST", REQUESTS, good)
    assert empty.json()["errors"] == [{"field": "lines", "rule": "must have at least 1, not 0"}]
    wrong = await caller(member).send("POST", REQUESTS, {**good, "lines": [{**need(hours(8, 18)), "colour": "red"}]})
    assert wrong.json()["errors"] == [{"field": "lines.0.colour", "rule": "is not a known field"}]


async def test_nothing_is_offered_or_asked_where_one_is_no_member(world: World, caller: At) -> None:
    member, elsewhere = await world.member(), await world.pole()
    for path, body in (
        (RESOURCES, offered(elsewhere, member.id, [hours(8, 18)])),
        (REQUESTS, requested(elsewhere, member.id, [need(hours(8, 18))])),
    ):
        refused = await caller(member).send("POST", path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_a_member"), refused.text
    foreign = offered(member.pole_id, uuid4(), [hours(8, 18)])
    assert (await caller(member).send("POST", RESOURCES, foreign)).status_code == 404
