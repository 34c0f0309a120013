"""Organisations: registering, rights, API keys."""

from uuid import uuid4

from chassis.db import in_transaction
from membership.handlers.people import erase_for
from tests.membership.conftest import World
from tests.support.membership import exchange, new_siret


async def test_who_registers_an_organisation_manages_it_and_everybody_is_told(world: World) -> None:
    anne, siret = await world.person(), new_siret()
    written = f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"
    organisation = await anne.register("Le Fournil", siret=written, activities=["food", "training", "food"])
    assert organisation["siret"] == siret
    assert organisation["people"] == [{"person_id": str(anne.id), "role": "manager"}]
    assert await world.events(organisation["id"]) == [
        (
            "organisation_registered.v1",
            {
                "organisation": {
                    "id": organisation["id"],
                    "version": 1,
                    "name": "Le Fournil",
                    "siret": siret,
                    "place": {
                        "commune": "01263",
                        "name": "Montmerle-sur-Saône",
                        "latitude": 46.0833,
                        "longitude": 4.7667,
                    },
                    "activities": ["food", "training"],
                    "people": [{"person_id": str(anne.id), "role": "manager"}],
                    "integrations": [],
                }
            },
        )
    ]


async def test_a_siret_is_registered_once_and_the_refusal_tells_nothing_of_who_has_it(world: World) -> None:
    anne, eve = await world.person(), await world.person()
    organisation = await anne.register("Le Secret")
    details = {"name": "Autre", "siret": organisation["siret"], "commune": "01263", "activities": ["food"]}
    answer = await eve.send("POST", "/v1/organisations", details)
    assert (answer.status_code, answer.json()["code"]) == (409, "siret_known")
    assert organisation["id"] not in answer.text
    assert "Secret" not in answer.text
    assert (await eve.get("/v1/me"))["organisations"] == []


async def test_anybody_sees_an_organisation_and_only_its_people_see_who_acts_for_it(world: World) -> None:
    anne, eve = await world.person(), await world.person()
    organisation = await anne.register("Le Fournil")
    seen = await eve.get(f"/v1/organisations/{organisation['id']}")
    assert seen["name"] == "Le Fournil"
    assert "people" not in seen
    assert "keys" not in seen
    own = await anne.send("GET", f"/v1/organisations/{organisation['id']}")
    assert own.json() == organisation
    assert own.headers["ETag"] == '"1"'


async def test_an_unknown_organisation_and_a_foreign_one_are_the_same_to_who_would_change_them(world: World) -> None:
    anne, eve = await world.person(), await world.person()
    organisation = await anne.register()
    answers = [
        await eve.send("PUT", f"/v1/organisations/{id_}/people/{eve.id}", {"role": "manager"}, version=1)
        for id_ in (organisation["id"], uuid4())
    ]
    first, second = ({**answer.json(), "instance": ""} for answer in answers)
    assert first == second
    assert first["code"] == "not_found"


async def test_a_contributor_acts_for_the_organisation_but_decides_nothing_in_it(world: World) -> None:
    anne, bob = await world.person(), await world.person()
    organisation = await anne.register()
    await anne.grant(organisation["id"], bob.id)
    assert (await bob.get("/v1/me"))["organisations"] == [
        {"organisation_id": organisation["id"], "role": "contributor", "poles": []}
    ]
    path = f"/v1/organisations/{organisation['id']}"
    promoted = await bob.send("PUT", f"{path}/people/{bob.id}", {"role": "manager"}, version=2)
    key = await bob.send("POST", f"{path}/api-keys", {"name": "ERP"})
    assert (promoted.status_code, key.status_code) == (403, 403)


async def test_a_manager_takes_somebody_out_and_it_bites_at_once(world: World) -> None:
    anne, bob = await world.person(), await world.person()
    organisation = await anne.register()
    await anne.grant(organisation["id"], bob.id)
    await anne.revoke(organisation["id"], bob.id)
    assert (await bob.get("/v1/me"))["organisations"] == []
    versions = [data["organisation"]["version"] for _, data in await world.events(organisation["id"])]
    assert versions == [1, 2, 3]


async def test_anybody_may_go_but_the_last_manager(world: World) -> None:
    anne, bob = await world.person(), await world.person()
    organisation = await anne.register()
    await anne.grant(organisation["id"], bob.id)
    path = f"/v1/organisations/{organisation['id']}/people"
    assert (await bob.send("DELETE", f"{path}/{bob.id}", version=2)).status_code == 200
    told = await world.told()
    answers = [
        await anne.send("DELETE", f"{path}/{anne.id}", version=3),
        await anne.send("PUT", f"{path}/{anne.id}", {"role": "contributor"}, version=3),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "last_manager")] * 2
    assert await world.told() == told


async def test_where_nobody_manages_a_contributor_may_leave_or_delete_their_account(world: World) -> None:
    anne, bob, carl = await world.person(), await world.person(), await world.person()
    organisation = await anne.register()
    for contributor in (bob, carl):
        await anne.grant(organisation["id"], contributor.id)
    await in_transaction(world.pool, lambda tx: erase_for(tx, anne.email))
    path = f"/v1/organisations/{organisation['id']}/people/{bob.id}"
    assert (await bob.send("DELETE", path, version=4)).status_code == 200
    assert (await carl.send("DELETE", f"/v1/people/{carl.id}", version=1)).status_code == 204
    people = [data["organisation"]["people"] for _, data in await world.events(organisation["id"])]
    assert [len(each) for each in people] == [1, 2, 3, 2, 1, 0]


async def test_a_right_for_an_unknown_person_is_refused(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    path = f"/v1/organisations/{organisation['id']}/people/{uuid4()}"
    assert (await anne.send("PUT", path, {"role": "contributor"}, version=1)).status_code == 404
    assert len(await world.events(organisation["id"])) == 1


async def test_a_change_made_from_an_old_version_is_refused(world: World) -> None:
    anne, bob = await world.person(), await world.person()
    organisation = await anne.register()
    await anne.grant(organisation["id"], bob.id)
    path = f"/v1/organisations/{organisation['id']}/people/{bob.id}"
    stale = await anne.send("DELETE", path, version=1)
    missing = await anne.send("DELETE", path)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (missing.status_code, missing.json()["code"]) == (428, "precondition_missing")


async def test_the_same_registration_sent_again_answers_the_same_organisation(world: World) -> None:
    anne, key = await world.person(), str(uuid4())
    details = {"name": "Une fois", "siret": new_siret(), "commune": "01263", "activities": ["food"]}
    first = await anne.send("POST", "/v1/organisations", details, key=key)
    again = await anne.send("POST", "/v1/organisations", details, key=key)
    other = await anne.send("POST", "/v1/organisations", {**details, "name": "Autre"}, key=key)
    assert first.content == again.content
    assert first.headers["ETag"] == again.headers["ETag"] == '"1"'
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await world.events(first.json()["id"])) == 1


async def test_an_api_key_speaks_for_its_organisation_until_it_is_revoked(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    key = await anne.create_key(organisation["id"])
    machine = await exchange(world.http, key["client_id"], key["client_secret"])
    me = await machine.get("/v1/me")
    assert me["kind"] == "integration"
    assert me["organisations"] == [{"organisation_id": organisation["id"], "role": "integration", "poles": []}]
    path = f"/v1/organisations/{organisation['id']}/api-keys/{key['client_id']}"
    revoked = await anne.send("DELETE", path, version=key["organisation_version"])
    assert revoked.json()["keys"] == []
    assert (await machine.send("GET", "/v1/me")).status_code == 401
    told = [data["organisation"]["integrations"] for _, data in await world.events(organisation["id"])]
    assert told == [[], [key["client_id"]], []]


async def test_a_secret_is_shown_once_and_kept_nowhere(world: World) -> None:
    anne, sent = await world.person(), str(uuid4())
    organisation = await anne.register()
    path = f"/v1/organisations/{organisation['id']}/api-keys"
    first = await anne.send("POST", path, {"name": "ERP"}, key=sent)
    again = await anne.send("POST", path, {"name": "ERP"}, key=sent)
    secret = first.json()["client_secret"]
    assert len(secret) >= 43
    assert first.headers["Cache-Control"] == "no-store"
    assert again.json() == {**first.json(), "client_secret": None}
    owner = await anne.get(f"/v1/organisations/{organisation['id']}")
    assert [key["client_id"] for key in owner["keys"]] == [first.json()["client_id"]]
    assert secret not in str(owner)
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('polepool.system', 'on', true)")
        for table in ("api_key", "outbox", "idempotency"):
            rows = await connection.fetch(f"SELECT to_jsonb({table}.*)::text AS kept FROM {table}")  # noqa: S608
            assert not any(secret in row["kept"] or secret.encode().hex() in row["kept"] for row in rows), table


async def test_a_machine_can_neither_manage_nor_register(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    key = await anne.create_key(organisation["id"])
    machine = await exchange(world.http, key["client_id"], key["client_secret"])
    path = f"/v1/organisations/{organisation['id']}"
    details = {"name": "Autre", "siret": new_siret(), "commune": "01263", "activities": ["food"]}
    answers = [
        await machine.send("POST", "/v1/organisations", details),
        await machine.send("POST", f"{path}/api-keys", {"name": "more"}),
        await machine.send("PUT", f"{path}/people/{anne.id}", {"role": "contributor"}, version=2),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
