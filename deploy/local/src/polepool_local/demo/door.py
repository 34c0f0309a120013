"""Somebody's way through the public HTTP APIs."""

import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

Json = dict[str, Any]


class Refusal(Exception):
    """A service refused; `problem` is its answer."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')} {problem.get('errors', '')}".strip())
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Door:
    """A caller with their token; `at` maps a service's name to its base URL."""

    http: aiohttp.ClientSession
    at: dict[str, str]
    token: str = ""

    async def get(self, service: str, path: str) -> Json:
        """Read something; raises Refusal."""
        return await self._call("GET", service, path, None, {})

    async def post(self, service: str, path: str, body: Json | None = None, version: int | None = None) -> Json:
        """Create something, or change the state of what has `version`; raises Refusal."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} | _if_match(version)
        return await self._call("POST", service, path, body, headers)

    async def put(self, service: str, path: str, body: Json, version: int) -> Json:
        """Replace what has `version`; raises Refusal."""
        return await self._call("PUT", service, path, body, _if_match(version))

    async def signed_in(self, email: str, password: str) -> "Door":
        """The same doors with this person's token; raises Refusal."""
        answer = await self.post("membership", "/v1/sign-in", {"email": email, "password": password})
        return Door(self.http, self.at, answer["access_token"])

    async def _call(self, method: str, service: str, path: str, body: Json | None, headers: dict[str, str]) -> Json:
        if self.token:
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, self.at[service] + path, json=body, headers=headers) as response:
            answer: Json = await response.json(content_type=None) or {}
            if response.status >= 400:
                raise Refusal(response.status, answer)
            return answer


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
