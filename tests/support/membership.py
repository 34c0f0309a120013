"""Membership as its callers see it: actors that play its HTTP API, for the tests of any service and for journeys.

    http = httpx.AsyncClient(base_url="http://127.0.0.1:8001")
    anne = await sign_up(http)                      # a person with a token
    fournil = await anne.register("Le Fournil")     # her organisation, as the API answers it
    pole = await administrator.open_pole("Val de Saône", [anne.id])
    member = await join(pole["id"], fournil["id"], manager=anne, coordinator=anne)

The network administrator comes from `python -m membership administrator`, or, where the test has the database, from
`promote`; then `sign_in`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from stdnum import luhn

from chassis.settings import DatabaseSettings

PASSWORD = "un mot de passe bien long"
MONTMERLE, NIORT = "01263", "79191"
Json = dict[str, Any]


@dataclass(frozen=True)
class Actor:
    """Somebody with a token; each method is one request, sent once, and raises AssertionError unless it succeeds."""

    http: httpx.AsyncClient
    id: UUID
    token: str
    email: str = ""

    async def send(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        version: int | None = None,
        key: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request as this actor, whatever it answers; a POST gets a new Idempotency-Key unless `key` is given."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid4())
        return await self.http.request(method, path, json=json, headers=headers, params=params)

    async def get(self, path: str, **params: str) -> Json:
        """What is there."""
        return succeeded(await self.send("GET", path, params=params))

    async def post(self, path: str, json: object = None, *, version: int | None = None, key: str | None = None) -> Json:
        """What a POST answered."""
        return succeeded(await self.send("POST", path, json, version=version, key=key))

    async def register(
        self,
        name: str = "Une structure",
        *,
        siret: str | None = None,
        commune: str = MONTMERLE,
        activities: Sequence[str] = ("mobility",),
    ) -> Json:
        """Register an organisation that this actor manages."""
        details = {"name": name, "siret": siret or new_siret(), "commune": commune, "activities": list(activities)}
        return await self.post("/v1/organisations", details)

    async def grant(self, organisation_id: str, person_id: UUID | str, role: str = "contributor") -> Json:
        """Give a person a role, at the organisation's version of now."""
        organisation = await self.get(f"/v1/organisations/{organisation_id}")
        path = f"/v1/organisations/{organisation_id}/people/{person_id}"
        return succeeded(await self.send("PUT", path, {"role": role}, version=organisation["version"]))

    async def revoke(self, organisation_id: str, person_id: UUID | str) -> Json:
        """Take a person out of an organisation, at its version of now."""
        organisation = await self.get(f"/v1/organisations/{organisation_id}")
        path = f"/v1/organisations/{organisation_id}/people/{person_id}"
        return succeeded(await self.send("DELETE", path, version=organisation["version"]))

    async def create_key(self, organisation_id: str, name: str = "ERP", expires_in_days: int = 30) -> Json:
        """An API key with its secret."""
        path = f"/v1/organisations/{organisation_id}/api-keys"
        return await self.post(path, {"name": name, "expires_in_days": expires_in_days})

    async def open_pole(self, name: str, coordinators: Sequence[UUID | str], commune: str = MONTMERLE) -> Json:
        """Open a pole, as a network administrator."""
        return await self.post(
            "/v1/poles", {"name": name, "commune": commune, "coordinators": [str(person) for person in coordinators]}
        )

    async def apply(self, pole_id: str, organisation_id: str) -> Json:
        """Ask for an organisation to join a pole."""
        return await self.post("/v1/members", {"pole_id": pole_id, "organisation_id": organisation_id})

    async def accept(self, member: Json) -> Json:
        """Accept an application, as a coordinator."""
        return await self.post(f"/v1/members/{member['id']}/acceptance", version=member["version"])

    async def refuse(self, member: Json) -> Json:
        """Refuse an application, as a coordinator."""
        return await self.post(f"/v1/members/{member['id']}/refusal", version=member["version"])

    async def depart(self, member: Json) -> Json:
        """Let an organisation leave its pole."""
        return await self.post(f"/v1/members/{member['id']}/departure", version=member["version"])

    async def launch(
        self,
        pole_id: str,
        organisation_id: str,
        title: str = "Un projet",
        *,
        activities: Sequence[str] = ("mobility",),
        commune: str = MONTMERLE,
    ) -> Json:
        """Launch a project."""
        return await self.post(
            "/v1/projects",
            {
                "pole_id": pole_id,
                "lead_organisation_id": organisation_id,
                "title": title,
                "summary": "",
                "activities": list(activities),
                "commune": commune,
            },
        )


def succeeded(answer: httpx.Response) -> Json:
    """The body of an answer that must be a success."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return dict(answer.json()) if answer.content else {}


async def sign_up(
    http: httpx.AsyncClient,
    *,
    email: str | None = None,
    name: str = "Anne Essai",
    language: str = "fr",
    password: str = PASSWORD,
) -> Actor:
    """A new person, signed in."""
    email = email or f"{secrets.token_hex(6)}@exemple.test"
    account = {"email": email, "name": name, "language": language, "password": password}
    succeeded(await http.post("/v1/people", json=account))
    return await sign_in(http, email, password)


async def sign_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Actor:
    """Somebody with an account, signed in."""
    token = succeeded(await http.post("/v1/sign-in", json={"email": email, "password": password}))["access_token"]
    me = succeeded(await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"}))
    return Actor(http, UUID(me["id"]), token, email)


async def exchange(http: httpx.AsyncClient, client_id: str, client_secret: str) -> Actor:
    """A machine: an API key, or another service's credentials."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    token = succeeded(await http.post("/v1/oauth/token", data=form))["access_token"]
    me = succeeded(await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"}))
    return Actor(http, UUID(me["id"]), token)


async def promote(database: DatabaseSettings, person_id: UUID) -> None:
    """Make a person a network administrator, by the database; they needn't sign in again."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database.url.get_secret_value())
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('polepool.system', 'on', true)")
            await connection.execute("UPDATE person SET administrator = true WHERE id = $1", person_id)
    finally:
        await connection.close()


async def join(pole_id: str, organisation_id: str, *, manager: Actor, coordinator: Actor) -> Json:
    """An organisation applies and is accepted; the member."""
    return await coordinator.accept(await manager.apply(pole_id, organisation_id))


def new_siret() -> str:
    """A SIRET with the right check digits, at random; it begins with 0, which no SIREN given out does."""
    siren = f"0{secrets.randbelow(10**7):07}"
    siren += luhn.calc_check_digit(siren)
    establishment = f"{siren}{secrets.randbelow(10**4):04}"
    return establishment + luhn.calc_check_digit(establishment)
