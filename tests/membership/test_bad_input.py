"""Bad input: each case is a 4xx problem that names the field and the rule; nothing is written, nothing published."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.membership.conftest import Membership, World
from tests.support.membership import PASSWORD, new_siret

PERSON = {"email": "new@exemple.test", "name": "Anne", "language": "fr", "password": PASSWORD}
SIGN_IN = {"email": "new@exemple.test", "password": PASSWORD}
ORGANISATION = {"name": "Le Fournil", "siret": "00000000000000", "commune": "01263", "activities": ["food"]}
POLE = {"name": "Niort", "commune": "79191", "coordinators": [str(uuid4())]}
MEMBER = {"pole_id": str(uuid4()), "organisation_id": str(uuid4())}
PROJECT = {
    "pole_id": str(uuid4()),
    "lead_organisation_id": str(uuid4()),
    "title": "Un marché",
    "summary": "",
    "activities": ["food"],
    "commune": "01263",
}
KEYS = "/v1/organisations/{organisation}/api-keys"

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("/v1/people", PERSON, {"admin": True}, "admin", "not a known field"),
    ("/v1/people", PERSON, {"email": "anne\n@exemple.test"}, "email", "must be an e-mail address"),
    ("/v1/people", PERSON, {"email": "a@b.org\r\nBcc: x@y.org"}, "email", "must be an e-mail address"),
    ("/v1/people", PERSON, {"email": "a\0@exemple.test"}, "email", "NUL"),
    ("/v1/people", PERSON, {"email": "\ud800@exemple.test"}, "email", "surrogate"),
    ("/v1/people", PERSON, {"email": "x" * 400 + "@exemple.test"}, "email", "at most 320"),
    ("/v1/people", PERSON, {"email": 5}, "email", "string"),
    ("/v1/people", PERSON, {"name": " "}, "name", "at least 1"),
    ("/v1/people", PERSON, {"name": "Anne\nBcc: eve@exemple.test"}, "name", "one line"),
    ("/v1/people", PERSON, {"name": "x" * 201}, "name", "at most 200"),
    ("/v1/people", PERSON, {"language": "de"}, "language", "'fr' or 'en'"),
    ("/v1/people", PERSON, {"password": "short"}, "password", "12 to 1024"),
    ("/v1/people", PERSON, {"password": "x" * 1025}, "password", "12 to 1024"),
    ("/v1/people", PERSON, {"password": None}, "password", "string"),
    ("/v1/sign-in", SIGN_IN, {"email": "a\nb@exemple.test"}, "email", "must be an e-mail address"),
    ("/v1/sign-in", SIGN_IN, {"password": "x" * 1025}, "password", "at most 1024"),
    ("/v1/sign-in", SIGN_IN, {"remember": True}, "remember", "not a known field"),
    ("/v1/organisations", ORGANISATION, {"siret": "73282932000079"}, "siret", "check digit"),
    ("/v1/organisations", ORGANISATION, {"siret": "7328293200007"}, "siret", "14 digits"),
    ("/v1/organisations", ORGANISATION, {"siret": 73282932000074}, "siret", "string"),
    ("/v1/organisations", ORGANISATION, {"siret": new_siret(), "commune": "01999"}, "commune", "INSEE code"),
    ("/v1/organisations", ORGANISATION, {"siret": new_siret(), "commune": "690123"}, "commune", "at most 5"),
    ("/v1/organisations", ORGANISATION, {"activities": []}, "activities", "at least 1"),
    ("/v1/organisations", ORGANISATION, {"activities": ["spying"]}, "activities.0", "must be"),
    ("/v1/organisations", ORGANISATION, {"activities": ["food"] * 31}, "activities", "at most 30"),
    ("/v1/organisations", ORGANISATION, {"activities": "food"}, "activities", "list"),
    ("/v1/organisations", ORGANISATION, {"name": "Le\0Fournil"}, "name", "NUL"),
    (KEYS, {"name": "ERP"}, {"expires_in_days": 0}, "expires_in_days", "greater than or equal to 1"),
    (KEYS, {"name": "ERP"}, {"expires_in_days": 367}, "expires_in_days", "less than or equal to 366"),
    (KEYS, {"name": "ERP"}, {"expires_in_days": "30"}, "expires_in_days", "integer"),
    ("/v1/poles", POLE, {"coordinators": []}, "coordinators", "at least 1"),
    ("/v1/poles", POLE, {"coordinators": ["anne"]}, "coordinators.0", "UUID"),
    ("/v1/poles", POLE, {}, "coordinators", "must be people with an account"),
    ("/v1/poles", POLE, {"commune": "00000"}, "commune", "INSEE code"),
    ("/v1/members", MEMBER, {"pole_id": "x"}, "pole_id", "UUID"),
    ("/v1/members", MEMBER, {"standing": "joined"}, "standing", "not a known field"),
    ("/v1/projects", PROJECT, {"title": ""}, "title", "at least 1"),
    ("/v1/projects", PROJECT, {"title": "Un\u2028marché"}, "title", "one line"),
    ("/v1/projects", PROJECT, {"summary": "x" * 4001}, "summary", "at most 4000"),
    ("/v1/projects", PROJECT, {"summary": "a\u0007b"}, "summary", "control characters"),
    ("/v1/projects", PROJECT, {"launched_at": "2026-01-01T00:00:00Z"}, "launched_at", "not a known field"),
]


@pytest.fixture(scope="module")
async def joined(world: World) -> Membership:
    return await world.member()


async def kept(world: World) -> list[int]:
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('polepool.system', 'on', true)")
        tables = ("person", "organisation", "api_key", "pole", "member", "project", "outbox", "idempotency")
        return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608


@pytest.mark.parametrize(("path", "good", "bad", "field", "rule"), CASES)
async def test_bad_input_is_refused_by_field_and_rule_and_leaves_nothing(
    world: World, joined: Membership, path: str, good: dict[str, Any], bad: dict[str, Any], field: str, rule: str
) -> None:
    actor = world.administrator if path == "/v1/poles" else joined.manager
    before = await kept(world)
    answer = await actor.http.request(
        "POST",
        path.replace("{organisation}", joined.organisation["id"]),
        content=json.dumps({**good, **bad}).encode(),
        headers={
            "Authorization": f"Bearer {actor.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid4()),
        },
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    named = {each["field"]: each["rule"] for each in answer.json()["errors"]}
    assert rule in named.get(field, ""), answer.text
    assert await kept(world) == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"name": "\xff"}', 422),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, 422),
        (b'{"name": "' + b"x" * 10_000_000 + b'"}', 413),
        (b'{"name": "a", "name": "b"}', 422),
        (b'{"name": 1e999}', 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(world: World, content: bytes, status: int) -> None:
    before = await kept(world)
    headers = {
        "Authorization": f"Bearer {world.administrator.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid4()),
    }
    answer = await world.http.post("/v1/organisations", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await kept(world) == before


@pytest.mark.parametrize("path", ["/v1/people", "/v1/sign-in"])
async def test_an_infinite_number_is_refused_where_no_token_is_needed(world: World, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await world.http.post(path, content=b'{"email": 1e999}', headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body"), answer.text


@pytest.mark.parametrize(
    ("version", "status", "code"), [(None, 428, "precondition_missing"), ("3", 422, "invalid"), ('"x"', 422, "invalid")]
)
async def test_a_missing_or_unreadable_if_match_is_refused(
    world: World, joined: Membership, version: str | None, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {joined.manager.token}"} | ({"If-Match": version} if version else {})
    answer = await world.http.post(f"/v1/members/{joined.member['id']}/departure", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_creation_without_an_idempotency_key_is_refused(world: World, joined: Membership) -> None:
    headers = {"Authorization": f"Bearer {joined.manager.token}"}
    answer = await world.http.post("/v1/organisations", json={**ORGANISATION, "siret": new_siret()}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("path", ["/v1/poles", "/v1/members", "/v1/projects"])
@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "x"), ("after", "???")])
async def test_a_bad_page_is_refused(world: World, path: str, name: str, value: str) -> None:
    answer = await world.administrator.send("GET", path, params={name: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


async def test_everything_but_the_open_pages_needs_a_token(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    is_open = {
        "/v1/people",
        "/v1/sign-in",
        "/v1/oauth/token",
        "/.well-known/jwks.json",
        "/v1/communes",
        "/v1/activities",
    }
    for path, methods in document["paths"].items():
        for method in methods:
            if path not in is_open:
                answer = await world.http.request(method, path.replace("{", "").replace("}", ""), json={})
                assert answer.status_code in (401, 422), (method, path, answer.text)
    assert is_open <= set(document["paths"])


async def test_communes_and_activities_can_be_chosen_from(world: World) -> None:
    found = (await world.http.get("/v1/communes", params={"q": "montmerle"})).json()
    assert found[0]["commune"] == "01263"
    activities = (await world.http.get("/v1/activities")).json()
    assert {
        "code": "mobility",
        "label": {"fr": "Mobilité et transport de personnes", "en": "Mobility and passenger transport"},
    } in activities
    assert (await world.http.get("/v1/communes", params={"q": ""})).status_code == 422
