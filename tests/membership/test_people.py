"""People: signing up, in, and away."""

import asyncio
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx

from chassis.settings import DatabaseSettings
from chassis.testing import Parts
from membership.settings import SignInSettings
from tests.membership.conftest import CLIENT_SECRET, World, serving, settings_for
from tests.support.membership import PASSWORD, exchange, sign_in, sign_up


async def test_a_new_person_can_sign_in_and_has_no_rights_yet(world: World) -> None:
    anne = await sign_up(world.http, email="Anne@Exemple.test", name="Anne", language="en")
    me = await anne.get("/v1/me")
    assert (me["email"], me["name"], me["language"]) == ("anne@exemple.test", "Anne", "en")
    assert (me["administrator"], me["organisations"], me["coordinates"]) == (False, [], [])


async def test_a_password_is_kept_as_an_argon2id_hash_with_the_recommended_cost(world: World) -> None:
    anne = await world.person()
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('polepool.system', 'on', true)")
        kept = await connection.fetchval("SELECT password_hash FROM person WHERE id = $1", anne.id)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_signing_up_again_with_the_same_password_answers_the_same_person(world: World) -> None:
    account = {"email": f"{uuid4()}@exemple.test", "name": "Anne", "language": "fr", "password": PASSWORD}
    first = await world.http.post("/v1/people", json=account)
    again = await world.http.post("/v1/people", json=account)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["ETag"] == '"1"'


async def test_an_address_that_has_an_account_cannot_be_taken_by_another_password(world: World) -> None:
    anne = await world.person()
    account = {"email": anne.email.upper(), "name": "Eve", "language": "fr", "password": "another long password"}
    answer = await world.http.post("/v1/people", json=account)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert (await anne.get("/v1/me"))["name"] == "Anne Essai"


async def refusal(http: httpx.AsyncClient, email: str) -> httpx.Response:
    return await http.post("/v1/sign-in", json={"email": email, "password": "not the right password"})


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(world: World) -> None:
    anne = await world.person()
    wrong, unknown = await refusal(world.http, anne.email), await refusal(world.http, "nobody@exemple.test")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert wrong.json()["code"] == "sign_in_refused"


async def test_a_wrong_password_and_an_unknown_address_take_the_same_time(world: World) -> None:
    anne = await world.person()
    times: dict[str, list[float]] = {anne.email: [], "nobody@exemple.test": []}
    for _ in range(9):
        for email, taken in times.items():
            start = time.perf_counter()
            await refusal(world.http, email)
            taken.append(time.perf_counter() - start)
    wrong, unknown = (median(taken) for taken in times.values())
    assert 0.4 < wrong / unknown < 2.5, times


async def test_guessing_one_address_is_slowed_down_and_others_go_on(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email_and_address="3/hour", per_address="100/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        anne = await sign_up(http)
        answers = [await refusal(http, anne.email) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        late = answers[-1]
        assert late.json()["code"] == "too_many_attempts"
        assert 3500 < int(late.headers["Retry-After"]) <= 3600
        right = await http.post("/v1/sign-in", json={"email": anne.email, "password": PASSWORD})
        assert right.status_code == 429
        await sign_up(http)


async def refused_from(http: httpx.AsyncClient, address: str, email: str) -> int:
    """The status of a wrong sign-in that comes from a network address."""
    app = http._transport.app  # type: ignore[attr-defined]
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=http.base_url) as there:
        return (await refusal(there, email)).status_code


async def test_wrong_tries_from_elsewhere_do_not_lock_the_owner_out(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email_and_address="3/hour", per_email="100/hour", per_address="100/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        anne = await sign_up(http)
        tries = [await refused_from(http, "203.0.113.5", anne.email) for _ in range(5)]
        assert tries == [401, 401, 401, 429, 429]
        await sign_in(http, anne.email)


async def test_many_networks_together_guess_an_address_only_so_often(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email_and_address="3/hour", per_email="5/hour", per_address="100/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        tries = [await refused_from(http, f"203.0.113.{number}", "anne@exemple.test") for number in range(7)]
        assert tries == [401] * 5 + [429] * 2


async def test_an_ipv6_network_counts_as_one_address_and_its_refused_tries_hurt_nobody(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email_and_address="100/hour", per_email="4/hour", per_address="3/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        tries = [await refused_from(http, f"2001:db8::{number:x}", "bob@exemple.test") for number in range(9)]
        assert tries == [401] * 3 + [429] * 6
        assert await refused_from(http, "2001:db8:0:1::1", "bob@exemple.test") == 401
        assert await refused_from(http, "::ffff:203.0.113.9", "carl@exemple.test") == 401
        tries = [await refused_from(http, "203.0.113.9", "carl@exemple.test") for _ in range(3)]
        assert tries == [401, 401, 429]


async def test_guessing_from_one_network_address_is_slowed_down(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email="100/hour", per_address="3/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        answers = [await refusal(http, f"{number}@exemple.test") for number in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        account = {"email": "new@exemple.test", "name": "A", "language": "fr", "password": PASSWORD}
        assert (await http.post("/v1/people", json=account)).status_code == 429


async def test_the_right_password_forgives_the_wrong_ones_before(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    limits = SignInSettings(per_email_and_address="3/hour", per_address="100/hour")
    async with serving(settings_for(database, parts, signing_key_file, limits)) as (http, _):
        anne = await sign_up(http)
        for _ in range(3):
            assert (await refusal(http, anne.email)).status_code == 401
            assert (await refusal(http, anne.email)).status_code == 401
            await sign_in(http, anne.email)


async def test_a_flood_of_passwords_is_told_to_come_again_and_then_it_is_over(world: World) -> None:
    anne = await world.person()
    answers = await asyncio.gather(*(refusal(world.http, anne.email) for _ in range(90)))
    assert {answer.status_code for answer in answers} == {401, 503}
    assert all(answer.headers["Retry-After"] == "2" for answer in answers if answer.status_code == 503)
    await sign_in(world.http, anne.email)


async def test_another_service_reads_a_persons_address_and_nobody_else_does(world: World) -> None:
    anne, eve = await world.person(), await world.person()
    notifications = await exchange(world.http, "notifications", CLIENT_SECRET)
    contact = await notifications.get(f"/v1/people/{anne.id}/contact")
    assert contact == {"email": anne.email, "name": "Anne Essai", "language": "fr"}
    for nosy in (anne, eve, world.administrator):
        answer = await nosy.send("GET", f"/v1/people/{anne.id}/contact")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_who_goes_leaves_no_trace_but_an_opaque_id(world: World) -> None:
    anne, bob = await world.person(), await world.person()
    organisation = await anne.register()
    await anne.grant(organisation["id"], bob.id)
    gone = await bob.send("DELETE", f"/v1/people/{bob.id}", version=1)
    assert (gone.status_code, gone.content) == (204, b"")
    notifications = await exchange(world.http, "notifications", CLIENT_SECRET)
    assert (await notifications.send("GET", f"/v1/people/{bob.id}/contact")).status_code == 404
    assert (await bob.send("GET", "/v1/me")).status_code == 401
    signed_in = await world.http.post("/v1/sign-in", json={"email": bob.email, "password": PASSWORD})
    assert signed_in.status_code == 401
    kind, data = (await world.events(organisation["id"]))[-1]
    assert kind == "organisation_changed.v1"
    assert data["organisation"]["people"] == [{"person_id": str(anne.id), "role": "manager"}]
    assert data["organisation"]["version"] == 3


async def test_the_only_manager_and_the_only_coordinator_must_hand_over_before_they_go(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    answer = await anne.send("DELETE", f"/v1/people/{anne.id}", version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_manager")
    assert answer.json()["organisation_id"] == organisation["id"]
    pole, coordinator = await world.pole()
    answer = await coordinator.send("DELETE", f"/v1/people/{coordinator.id}", version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_coordinator")
    assert answer.json()["pole_id"] == pole["id"]


async def test_nobody_erases_somebody_else(world: World) -> None:
    anne, eve = await world.person(), await world.person()
    assert (await eve.send("DELETE", f"/v1/people/{anne.id}", version=1)).status_code == 404
    assert (await anne.send("DELETE", f"/v1/people/{anne.id}")).status_code == 428
    assert (await anne.send("DELETE", f"/v1/people/{anne.id}", version=2)).status_code == 412
    assert (await anne.get("/v1/me"))["email"] == anne.email
