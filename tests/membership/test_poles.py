"""Poles, their coordinators and partners."""

from uuid import uuid4

from tests.membership.conftest import World


async def test_only_a_network_administrator_opens_a_pole(world: World) -> None:
    pole, coordinator = await world.pole()
    answer = await coordinator.send(
        "POST", "/v1/poles", {"name": "Autre", "commune": "79191", "coordinators": [str(coordinator.id)]}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    ((kind, data),) = await world.events(pole["id"])
    assert kind == "pole_opened.v1"
    assert data["pole"] == pole
    assert pole["coordinators"] == [str(coordinator.id)]


async def test_a_coordinator_changes_the_pole_and_names_partners(world: World) -> None:
    (pole, coordinator), (other, _) = await world.pole(), await world.pole()
    helper = await world.person()
    details = {
        "name": "Niort",
        "coordinators": [str(helper.id), str(coordinator.id)],
        "partners": [other["id"]],
    }
    answer = await coordinator.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)
    assert answer.headers["ETag"] == '"2"'
    changed = answer.json()
    assert changed["partners"] == [other["id"]]
    assert set(changed["coordinators"]) == set(details["coordinators"])
    kind, data = (await world.events(pole["id"]))[-1]
    assert (kind, data["pole"]) == ("pole_changed.v1", changed)
    assert await helper.get(f"/v1/poles/{pole['id']}") == changed
    assert (await helper.get("/v1/me"))["coordinates"] == [pole["id"]]


async def test_a_coordinator_may_hand_over_and_is_out_at_once(world: World) -> None:
    pole, coordinator = await world.pole()
    heir = await world.person()
    details = {"name": "Niort", "coordinators": [str(heir.id)], "partners": []}
    assert (await coordinator.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)).status_code == 200
    assert (await coordinator.send("PUT", f"/v1/poles/{pole['id']}", details, version=2)).status_code == 403
    assert (await heir.send("PUT", f"/v1/poles/{pole['id']}", details, version=2)).status_code == 200


async def test_the_same_details_again_publish_nothing(world: World) -> None:
    pole, coordinator = await world.pole()
    details = {"name": pole["name"], "coordinators": [str(coordinator.id)], "partners": []}
    answer = await coordinator.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)
    assert answer.json() == pole
    assert len(await world.events(pole["id"])) == 1


async def test_unknown_coordinators_and_partners_are_refused_by_name(world: World) -> None:
    pole, coordinator = await world.pole()
    told = await world.told()
    for field in ("coordinators", "partners"):
        details = {"name": "Niort", "coordinators": [str(coordinator.id)], "partners": [], field: [str(uuid4())]}
        answer = await coordinator.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await world.told() == told
    assert await coordinator.get(f"/v1/poles/{pole['id']}") == pole


async def test_a_stranger_cannot_change_a_pole(world: World) -> None:
    pole, coordinator = await world.pole()
    eve = await world.person()
    details = {"name": "Pris", "coordinators": [str(eve.id)], "partners": []}
    assert (await eve.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)).status_code == 403
    assert (await eve.send("PUT", f"/v1/poles/{uuid4()}", details, version=1)).status_code == 404
    assert (await coordinator.get(f"/v1/poles/{pole['id']}"))["name"] == pole["name"]


async def test_the_list_of_poles_comes_in_pages_without_gap_or_double(world: World) -> None:
    made = [(await world.pole())[0]["id"] for _ in range(3)]
    seen: list[str] = []
    page = await world.administrator.get("/v1/poles", limit="2")
    seen += [pole["id"] for pole in page["items"]]
    while page["next"]:
        page = await world.administrator.get("/v1/poles", limit="2", after=page["next"])
        seen += [pole["id"] for pole in page["items"]]
    assert seen == sorted(set(seen))
    assert set(made) <= set(seen)
