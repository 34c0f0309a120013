"""Memberships: applying, being answered, leaving; and projects, which only members launch."""

from uuid import uuid4

import pytest

from tests.membership.conftest import World
from tests.support.membership import exchange, join


async def test_an_organisation_applies_and_is_accepted(world: World) -> None:
    joined = await world.member()
    assert joined.member["standing"] == "joined"
    told = await world.events(joined.member["id"])
    assert [kind for kind, _ in told] == ["member_applied.v1", "member_joined.v1"]
    assert [data["member"]["version"] for _, data in told] == [1, 2]
    assert told[-1][1]["member"] == joined.member
    mine = (await joined.manager.get("/v1/me"))["organisations"]
    assert mine[0]["poles"] == [joined.pole["id"]]


async def test_a_second_application_is_refused_with_the_one_that_there_is(world: World) -> None:
    joined = await world.member()
    body = {"pole_id": joined.pole["id"], "organisation_id": joined.organisation["id"]}
    answer = await joined.manager.send("POST", "/v1/members", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    assert answer.json()["member_id"] == joined.member["id"]
    assert len(await world.events(joined.member["id"])) == 2


async def test_who_was_refused_or_left_comes_back_as_the_same_member(world: World) -> None:
    pole, coordinator = await world.pole()
    manager = await world.person()
    organisation = await manager.register()
    first = await manager.apply(pole["id"], organisation["id"])
    await coordinator.refuse(first)
    second = await manager.apply(pole["id"], organisation["id"])
    await manager.depart(await coordinator.accept(second))
    third = await join(pole["id"], organisation["id"], manager=manager, coordinator=coordinator)
    assert first["id"] == second["id"] == third["id"]
    told = await world.events(first["id"])
    assert [kind.removeprefix("member_").removesuffix(".v1") for kind, _ in told] == [
        "applied",
        "refused",
        "applied",
        "joined",
        "left",
        "applied",
        "joined",
    ]
    assert [data["member"]["version"] for _, data in told] == list(range(1, 8))


@pytest.mark.parametrize("step", ["acceptance", "refusal"])
async def test_only_a_coordinator_answers_an_application(world: World, step: str) -> None:
    (pole, coordinator), (_, elsewhere) = await world.pole(), await world.pole()
    manager, eve = await world.person(), await world.person()
    organisation = await manager.register()
    member = await manager.apply(pole["id"], organisation["id"])
    path = f"/v1/members/{member['id']}/{step}"
    statuses = [
        (await actor.send("POST", path, version=1)).status_code
        for actor in (manager, world.administrator, eve, elsewhere)
    ]
    assert statuses == [403, 403, 404, 404]
    assert (await coordinator.send("POST", path, version=1)).status_code == 200


async def test_a_member_leaves_or_is_put_out(world: World) -> None:
    one, two = await world.member(), await world.member()
    left = await one.manager.depart(one.member)
    out = await two.coordinator.depart(two.member)
    assert left["standing"] == out["standing"] == "left"
    assert (await world.events(left["id"]))[-1][0] == "member_left.v1"
    again = await one.manager.send("POST", f"/v1/members/{left['id']}/acceptance", version=left["version"])
    assert again.status_code == 403
    refused = await one.coordinator.send("POST", f"/v1/members/{left['id']}/acceptance", version=left["version"])
    assert (refused.status_code, refused.json()["code"]) == (409, "application_not_open")


async def test_a_contributor_can_neither_apply_nor_leave(world: World) -> None:
    joined = await world.member()
    bob = await world.person()
    await joined.manager.grant(joined.organisation["id"], bob.id)
    (other, _) = await world.pole()
    applied = await bob.send(
        "POST", "/v1/members", {"pole_id": other["id"], "organisation_id": joined.organisation["id"]}
    )
    gone = await bob.send("POST", f"/v1/members/{joined.member['id']}/departure", version=2)
    assert (applied.status_code, gone.status_code) == (403, 403)


async def test_nobody_applies_for_somebody_else_or_to_no_pole(world: World) -> None:
    joined = await world.member()
    eve = await world.person()
    (other, _) = await world.pole()
    foreign = {"pole_id": other["id"], "organisation_id": joined.organisation["id"]}
    assert (await eve.send("POST", "/v1/members", foreign)).status_code == 404
    answer = await joined.manager.send("POST", "/v1/members", {**foreign, "pole_id": str(uuid4())})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "pole_id")


async def test_a_step_from_an_old_version_or_none_is_refused(world: World) -> None:
    joined = await world.member()
    path = f"/v1/members/{joined.member['id']}/departure"
    stale, missing = await joined.manager.send("POST", path, version=1), await joined.manager.send("POST", path)
    assert (stale.status_code, missing.status_code) == (412, 428)
    assert (await joined.manager.get(f"/v1/members/{joined.member['id']}"))["standing"] == "joined"


async def test_members_see_each_other_and_strangers_see_nobody(world: World) -> None:
    joined = await world.member()
    eve = await world.person()
    neighbour = await world.person()
    organisation = await neighbour.register()
    member = await join(joined.pole["id"], organisation["id"], manager=neighbour, coordinator=joined.coordinator)
    expected = [joined.member["id"], member["id"]]
    for actor in (joined.manager, neighbour, joined.coordinator, world.administrator):
        page = await actor.get("/v1/members", pole_id=joined.pole["id"])
        assert [each["id"] for each in page["items"]] == expected
    assert (await eve.get("/v1/members", pole_id=joined.pole["id"]))["items"] == []
    assert (await eve.send("GET", f"/v1/members/{member['id']}")).status_code == 404
    left = await neighbour.depart(member)
    page = await neighbour.get("/v1/members", pole_id=joined.pole["id"])
    assert [each["id"] for each in page["items"]] == [left["id"]]


async def test_applications_refusals_and_departures_are_between_the_two_sides(world: World) -> None:
    joined = await world.member()
    seen: dict[str, list[str]] = {}
    for end in ("applied", "refused", "left"):
        manager = await world.person()
        organisation = await manager.register()
        member = await manager.apply(joined.pole["id"], organisation["id"])
        if end == "refused":
            await joined.coordinator.refuse(member)
        if end == "left":
            await manager.depart(await joined.coordinator.accept(member))
        path = f"/v1/members/{member['id']}"
        assert (await joined.manager.send("GET", path)).status_code == 404
        for actor in (manager, joined.coordinator, world.administrator):
            assert (await actor.get(path))["standing"] == end
        seen[end] = [each["id"] for each in (await manager.get("/v1/members"))["items"]]
        assert seen[end] == [member["id"]]
    listed = await joined.manager.get("/v1/members", pole_id=joined.pole["id"])
    assert [each["id"] for each in listed["items"]] == [joined.member["id"]]
    run = await joined.coordinator.get("/v1/members", pole_id=joined.pole["id"])
    assert len(run["items"]) == 4


async def test_a_member_launches_a_project_and_it_is_told_whole(world: World) -> None:
    joined = await world.member()
    project = await joined.manager.launch(
        joined.pole["id"], joined.organisation["id"], "Un marché", activities=["food"]
    )
    ((kind, data),) = await world.events(project["id"])
    assert (kind, data["project"]) == ("project_launched.v1", project)
    assert project["place"]["name"] == "Montmerle-sur-Saône"
    listed = await joined.coordinator.get("/v1/projects", pole_id=joined.pole["id"])
    assert listed["items"] == [project]
    eve = await world.person()
    assert (await eve.get("/v1/projects"))["items"] == []
    assert (await eve.send("GET", f"/v1/projects/{project['id']}")).status_code == 404


async def test_only_a_person_of_a_joined_organisation_launches_a_project(world: World) -> None:
    joined, other = await world.member(), await world.member()
    eve = await world.person()
    key = await joined.manager.create_key(joined.organisation["id"])
    machine = await exchange(world.http, key["client_id"], key["client_secret"])
    body = {
        "pole_id": joined.pole["id"],
        "lead_organisation_id": joined.organisation["id"],
        "title": "Un projet",
        "summary": "",
        "activities": ["food"],
        "commune": "01263",
    }
    statuses = [
        (await eve.send("POST", "/v1/projects", body)).status_code,
        (await machine.send("POST", "/v1/projects", body)).status_code,
        (await joined.manager.send("POST", "/v1/projects", {**body, "pole_id": other.pole["id"]})).status_code,
        (await joined.manager.send("POST", "/v1/projects", {**body, "pole_id": str(uuid4())})).status_code,
    ]
    assert statuses == [404, 403, 409, 409]
    await joined.manager.depart(joined.member)
    answer = await joined.manager.send("POST", "/v1/projects", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "lead_not_in_pole")
