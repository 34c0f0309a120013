"""Tokens: OAuth 2 client credentials, the keys that verify them, and what a token is not."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from joserfc import jws
from pydantic import SecretStr

from chassis.access import Identity, TokenVerifier, issue, load_keys, new_key, read_keys
from chassis.settings import DatabaseSettings
from chassis.testing import Parts
from tests.membership.conftest import CLIENT_SECRET, World, serving, settings_for
from tests.support.membership import sign_up

GRANT = {"grant_type": "client_credentials"}
NOTIFICATIONS = {"client_id": "notifications", "client_secret": CLIENT_SECRET}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def test_a_client_may_name_itself_in_the_form_or_by_basic(world: World) -> None:
    by_form = await world.http.post("/v1/oauth/token", data={**GRANT, **NOTIFICATIONS})
    by_basic = await world.http.post(
        "/v1/oauth/token", data=GRANT, headers=basic("notifications", CLIENT_SECRET.replace(" ", "+"))
    )
    for answer in (by_form, by_basic):
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert {**answer.json(), "access_token": ""} == {"access_token": "", "token_type": "Bearer", "expires_in": 900}


async def test_a_token_says_who_and_not_what_they_may(world: World) -> None:
    token = (await world.http.post("/v1/oauth/token", data={**GRANT, **NOTIFICATIONS})).json()["access_token"]
    published = read_keys((await world.http.get("/.well-known/jwks.json")).content)
    identity = await TokenVerifier(world.settings.access, published).verify(token)
    assert identity.kind == "service"
    assert jws.extract_compact(token.encode()).headers()["alg"] == "Ed25519"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        (GRANT, 401, "invalid_client"),
        (NOTIFICATIONS, 400, "invalid_request"),
        ({**NOTIFICATIONS, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GRANT, "client_id": "notifications"}, 401, "invalid_client"),
        ({**GRANT, **NOTIFICATIONS, "client_secret": "wrong"}, 401, "invalid_client"),
        ({**GRANT, **NOTIFICATIONS, "client_secret": ""}, 401, "invalid_client"),
        ({**GRANT, **NOTIFICATIONS, "client_id": "unknown"}, 401, "invalid_client"),
        ({**GRANT, **NOTIFICATIONS, "client_id": "01a20681-5db9-75d7-94f9-d6a119bf4c62"}, 401, "invalid_client"),
        ({**GRANT, **NOTIFICATIONS, "client_id": ["notifications", "other"]}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_token_request_is_refused_as_the_rfc_says(
    world: World, form: dict[str, str], status: int, code: str
) -> None:
    answer = await world.http.post("/v1/oauth/token", data=form)
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff:\xff").decode()])
async def test_a_basic_header_that_cannot_be_read_is_an_invalid_client(world: World, header: str) -> None:
    answer = await world.http.post("/v1/oauth/token", data=GRANT, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_secret_sent_in_two_ways_or_as_json_is_an_invalid_request(world: World) -> None:
    twice = await world.http.post(
        "/v1/oauth/token", data={**GRANT, **NOTIFICATIONS}, headers=basic("notifications", CLIENT_SECRET)
    )
    as_json = await world.http.post("/v1/oauth/token", json={**GRANT, **NOTIFICATIONS})
    assert [answer.json()["error"] for answer in (twice, as_json)] == ["invalid_request"] * 2


async def test_an_expired_key_gets_no_token_and_its_tokens_are_void(world: World) -> None:
    anne = await world.person()
    organisation = await anne.register()
    key = await anne.create_key(organisation["id"])
    form = {**GRANT, "client_id": key["client_id"], "client_secret": key["client_secret"]}
    token = (await world.http.post("/v1/oauth/token", data=form)).json()["access_token"]
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('polepool.system', 'on', true)")
        await connection.execute(
            """
            UPDATE api_key SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'
            WHERE client_id = $1::text::uuid
            """,
            key["client_id"],
        )
    assert (await world.http.post("/v1/oauth/token", data=form)).json()["error"] == "invalid_client"
    answer = await world.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def me(http: httpx.AsyncClient, token: str) -> int:
    return (await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_token_that_is_late_foreign_or_mangled_is_refused(world: World) -> None:
    anne, access = await world.person(), world.settings.access
    ours, foreign = load_keys(world.settings.signing_keys())[0], load_keys(new_key())[0]
    who, now = Identity(anne.id, "person"), datetime.now(UTC)
    late, _ = issue(who, ours, access, now - timedelta(minutes=16))
    signed_by_another, _ = issue(who, foreign, access, now)
    for_another, _ = issue(who, ours, access.model_copy(update={"audience": "elsewhere"}), now)
    mangled = anne.token[:-6] + ("AAAAAA" if anne.token[-6:] != "AAAAAA" else "BBBBBB")
    statuses = [await me(world.http, token) for token in (late, signed_by_another, for_another, mangled, "", "x.y.z")]
    assert statuses == [401] * 6
    assert await me(world.http, anne.token) == 200


def rotate(key_file: Path, folder: Path) -> Path:
    rotated = folder / "rotated.pem"
    rotated.write_text(new_key() + key_file.read_text())
    return rotated


async def test_an_old_key_goes_on_verifying_while_a_new_one_signs(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path, tmp_path: Path
) -> None:
    rotated = rotate(signing_key_file, tmp_path)
    async with serving(settings_for(database, parts, signing_key_file)) as (http, _):
        anne = await sign_up(http)
    async with serving(settings_for(database, parts, rotated)) as (http, _):
        assert await me(http, anne.token) == 200
        fresh = await sign_up(http)
        kids = [jws.extract_compact(token.encode()).headers()["kid"] for token in (fresh.token, anne.token)]
        published = (await http.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in published] == kids
        assert all(key.keys() & {"d", "p", "q"} == set() for key in published)


def test_a_short_secret_of_a_service_is_refused_at_start_up(
    database: DatabaseSettings, parts: Parts, signing_key_file: Path
) -> None:
    settings = settings_for(database, parts, signing_key_file)
    with pytest.raises(ValueError, match="at least 16 characters"):
        type(settings).model_validate({**dict(settings), "service_clients": {"x": SecretStr("short")}})
