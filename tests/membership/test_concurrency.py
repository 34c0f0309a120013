"""Two at once: one wins, the other is told why, and the versions have no gap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx

from chassis.access import Identity, Scope
from chassis.db import Tx
from membership.store import members as member_store
from membership.store import organisations as organisation_store
from membership.store import poles as pole_store
from membership.store.scope import load_scope
from tests.membership.conftest import World
from tests.support.membership import PASSWORD, Actor, Json, new_siret


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def versions(told: list[tuple[str, Json]], name: str) -> list[int]:
    return [data[name]["version"] for _, data in told]


async def test_of_two_acceptances_at_once_one_is_made_and_told_once(world: World) -> None:
    for _ in range(5):
        pole, coordinator = await world.pole()
        manager = await world.person()
        organisation = await manager.register()
        member = await manager.apply(pole["id"], organisation["id"])
        path = f"/v1/members/{member['id']}/acceptance"
        answers = await asyncio.gather(*(coordinator.send("POST", path, version=1) for _ in range(4)))
        assert statuses(answers) == [200, 412, 412, 412]
        assert versions(await world.events(member["id"]), "member") == [1, 2]


async def test_of_an_acceptance_and_a_departure_at_once_one_is_made(world: World) -> None:
    for _ in range(5):
        pole, coordinator = await world.pole()
        manager = await world.person()
        organisation = await manager.register()
        member = await manager.apply(pole["id"], organisation["id"])
        path = f"/v1/members/{member['id']}"
        answers = await asyncio.gather(
            coordinator.send("POST", f"{path}/acceptance", version=1),
            manager.send("POST", f"{path}/departure", version=1),
        )
        assert statuses(list(answers)) == [200, 412]
        told = await world.events(member["id"])
        made = next(answer.json() for answer in answers if answer.status_code == 200)
        assert versions(told, "member") == [1, 2]
        assert told[-1][1]["member"] == made == await manager.get(path)


async def test_of_many_applications_at_once_one_is_made(world: World) -> None:
    pole, _ = await world.pole()
    manager = await world.person()
    organisation = await manager.register()
    body = {"pole_id": pole["id"], "organisation_id": organisation["id"]}
    answers = await asyncio.gather(*(manager.send("POST", "/v1/members", body) for _ in range(6)))
    assert statuses(answers) == [201, 409, 409, 409, 409, 409]
    page = await manager.get("/v1/members", pole_id=pole["id"])
    assert len(page["items"]) == 1
    assert len(await world.events(page["items"][0]["id"])) == 1


async def test_of_many_registrations_of_one_siret_at_once_one_is_made(world: World) -> None:
    details = {"name": "Une", "siret": new_siret(), "commune": "01263", "activities": ["food"]}
    people = [await world.person() for _ in range(4)]
    answers = await asyncio.gather(*(person.send("POST", "/v1/organisations", details) for person in people))
    assert statuses(list(answers)) == [201, 409, 409, 409]


async def test_the_same_request_sent_six_times_at_once_is_done_once(world: World) -> None:
    anne, key = await world.person(), str(uuid4())
    details = {"name": "Une", "siret": new_siret(), "commune": "01263", "activities": ["food"]}
    answers = await asyncio.gather(*(anne.send("POST", "/v1/organisations", details, key=key) for _ in range(6)))
    assert statuses(answers) == [201] * 6
    assert len({answer.content for answer in answers}) == 1


async def test_two_managers_who_remove_each_other_leave_one(world: World) -> None:
    for _ in range(5):
        anne, bob = await world.person(), await world.person()
        organisation = await anne.register()
        await anne.grant(organisation["id"], bob.id, "manager")
        path = f"/v1/organisations/{organisation['id']}/people"
        answers = await asyncio.gather(
            anne.send("DELETE", f"{path}/{bob.id}", version=2), bob.send("DELETE", f"{path}/{anne.id}", version=2)
        )
        assert sum(answer.is_success for answer in answers) == 1
        assert {answer.status_code for answer in answers} <= {200, 404, 412}
        told = await world.events(organisation["id"])
        assert versions(told, "organisation") == [1, 2, 3]
        assert len(told[-1][1]["organisation"]["people"]) == 1


@asynccontextmanager
async def busy(world: World, actor: Actor) -> AsyncIterator[tuple[Tx, Scope]]:
    """A transaction of an actor's that is still open."""
    async with world.pool.acquire() as connection, connection.transaction():
        scope = await load_scope(connection, Identity(actor.id, "person"))
        yield connection, scope


async def test_who_only_names_a_row_does_not_wait_for_who_changes_it(world: World) -> None:
    """Two poles that name each other at once would wait for each other."""
    (here, coordinator), (there, neighbour) = await world.pole(), await world.pole()
    joined, newcomer = await world.member(), await world.person()
    organisation = await newcomer.register()
    partners = {"name": "Niort", "coordinators": [str(neighbour.id)], "partners": [here["id"]]}
    async with asyncio.timeout(10):
        async with busy(world, coordinator) as (tx, scope):
            await pole_store.lock_pole(tx, scope, UUID(here["id"]))
            assert (await neighbour.send("PUT", f"/v1/poles/{there['id']}", partners, version=1)).is_success
            await newcomer.apply(here["id"], organisation["id"])
        async with busy(world, newcomer) as (tx, scope):
            await organisation_store.lock_organisation(tx, scope, UUID(organisation["id"]))
            await newcomer.apply(there["id"], organisation["id"])
        project = await joined.manager.launch(joined.pole["id"], joined.organisation["id"])
        async with busy(world, joined.coordinator) as (tx, scope):
            await member_store.lock_member(tx, scope, UUID(joined.member["id"]))
            async with world.pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT set_config('polepool.system', 'on', true)")
                copied = await connection.execute(
                    """
                    INSERT INTO project SELECT gen_random_uuid(), version, pole_id, lead_organisation_id, title,
                        summary, activities, commune, commune_name, latitude, longitude, launched_at
                    FROM project WHERE id = $1::text::uuid
                    """,
                    project["id"],
                )
                assert copied == "INSERT 0 1"


async def test_a_departure_and_a_launch_at_once_never_leave_a_project_launched_after_the_departure(
    world: World,
) -> None:
    for _ in range(5):
        joined = await world.member()
        body = {
            "pole_id": joined.pole["id"],
            "lead_organisation_id": joined.organisation["id"],
            "title": "Un projet",
            "summary": "",
            "activities": ["food"],
            "commune": "01263",
        }
        launched, left = await asyncio.gather(
            joined.manager.send("POST", "/v1/projects", body),
            joined.manager.send("POST", f"/v1/members/{joined.member['id']}/departure", version=2),
        )
        assert left.status_code == 200
        assert launched.status_code in (201, 409)
        if launched.status_code == 201:
            order = await world.pool.fetch(
                "SELECT type FROM outbox WHERE key = ANY ($1::text[]::uuid[]) ORDER BY id DESC LIMIT 2",
                [launched.json()["id"], joined.member["id"]],
            )
            assert order[0]["type"] == "polepool.membership.member_left.v1"


async def test_new_keys_at_once_get_versions_without_gap(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    keys = await asyncio.gather(*(anne.create_key(organisation["id"], f"key {number}") for number in range(8)))
    assert sorted(key["organisation_version"] for key in keys) == list(range(2, 10))
    told = await world.events(organisation["id"])
    assert versions(told, "organisation") == list(range(1, 10))
    assert len(told[-1][1]["organisation"]["integrations"]) == 8


async def test_who_goes_while_rights_come_leaves_none_behind(world: World) -> None:
    for _ in range(5):
        anne, bob = await world.person(), await world.person()
        organisation = await anne.register()
        path = f"/v1/organisations/{organisation['id']}/people/{bob.id}"
        granted, gone = await asyncio.gather(
            anne.send("PUT", path, {"role": "contributor"}, version=1),
            bob.send("DELETE", f"/v1/people/{bob.id}", version=1),
        )
        assert granted.status_code in (200, 404)
        assert gone.status_code in (204, 412)
        people = (await anne.get(f"/v1/organisations/{organisation['id']}"))["people"]
        assert (len(people) == 2) == (gone.status_code == 412)


async def test_of_many_sign_ups_with_one_address_and_password_there_is_one_person(world: World) -> None:
    account = {"email": f"{uuid4()}@exemple.test", "name": "Anne", "language": "fr", "password": PASSWORD}
    answers = await asyncio.gather(*(world.http.post("/v1/people", json=account) for _ in range(5)))
    assert statuses(list(answers)) == [201] * 5
    assert len({answer.json()["id"] for answer in answers}) == 1
