"""Pooling as its callers see it: what an actor offers, asks, holds and confirms, for tests and for journeys.

anne = Pooler.at(pooling_http, anne)             # the same person and token, at pooling's API
minibus = await anne.offer(pole_id, organisation_id, [period])
request = await bob.request(pole_id, other_id, [need(period, minutes=120)])
best = (await bob.matches(request))[0]           # raises AssertionError until membership's facts are known
confirmed = await anne.confirm(await bob.hold(best))
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import httpx

from tests.support.membership import MONTMERLE, Actor, Json

Id = UUID | str
MINIBUS: Json = {"kind": "vehicle", "seats": 9, "energy": "diesel", "ramp": True}


def period(start: datetime, end: datetime) -> Json:
    """A period as JSON has it."""
    return {"start": start.isoformat(), "end": end.isoformat()}


def need(window: Json, *, minutes: int | None = None, **changes: Any) -> Json:
    """A line for a minibus, or what `changes` make of it."""
    line = {
        "kind": "vehicle",
        "window": window,
        "minutes": minutes,
        "features": ["ramp"],
        "at_least": {"seats": 9},
        "commune": MONTMERLE,
    }
    return line | changes


def offered(pole_id: Id, organisation_id: Id, availability: Sequence[Json], **changes: Any) -> Json:
    """A minibus offered, or what `changes` make of it, as POST /v1/resources takes it."""
    resource = {
        "pole_id": str(pole_id),
        "organisation_id": str(organisation_id),
        "title": "Minibus neuf places",
        "characteristics": MINIBUS,
        "commune": MONTMERLE,
        "ring": "pole",
        "price": {"fixed_cents": 1250, "hour_cents": 0},
        "availability": list(availability),
    }
    return resource | changes


def requested(pole_id: Id, organisation_id: Id, lines: Sequence[Json], **changes: Any) -> Json:
    """A request for these lines, as POST /v1/requests takes it."""
    request = {
        "pole_id": str(pole_id),
        "organisation_id": str(organisation_id),
        "title": "Sortie du jeudi",
        "lines": list(lines),
    }
    return request | changes


class Pooler(Actor):
    """An actor at pooling's API; each method is one request, and raises AssertionError unless it succeeds."""

    @classmethod
    def at(cls, http: httpx.AsyncClient, actor: Actor) -> Self:
        """The same person and token, speaking to pooling."""
        return cls(http, actor.id, actor.token, actor.email)

    async def offer(self, pole_id: Id, organisation_id: Id, availability: Sequence[Json], **changes: Any) -> Json:
        """Offer a minibus, or what `changes` make of it."""
        return await self.post("/v1/resources", offered(pole_id, organisation_id, availability, **changes))

    async def withdraw(self, resource: Mapping[str, Any]) -> Json:
        """End an own offer, at the version given."""
        return await self.post(f"/v1/resources/{resource['id']}/withdrawal", version=resource["version"])

    async def free(self, resource_id: Id) -> list[Json]:
        """When a resource is free."""
        return list((await self.get(f"/v1/resources/{resource_id}/free"))["items"])

    async def request(self, pole_id: Id, organisation_id: Id, lines: Sequence[Json], **changes: Any) -> Json:
        """Ask for something."""
        return await self.post("/v1/requests", requested(pole_id, organisation_id, lines, **changes))

    async def give_up(self, request: Mapping[str, Any]) -> Json:
        """Withdraw an own request, at the version given."""
        return await self.post(f"/v1/requests/{request['id']}/withdrawal", version=request["version"])

    async def matches(self, request: Mapping[str, Any]) -> list[Json]:
        """What is proposed or taken for an own request, best first."""
        return list((await self.get(f"/v1/requests/{request['id']}/matches"))["items"])

    async def near_misses(self, request: Mapping[str, Any]) -> list[Json]:
        """What nearly fits an own request."""
        return list((await self.get(f"/v1/requests/{request['id']}/near-misses"))["items"])

    async def hold(self, match: Mapping[str, Any]) -> Json:
        """Take a match, as it was read."""
        return await self.post("/v1/bookings", {"match_id": match["id"], "match_version": match["version"]})

    async def book(self, resource: Mapping[str, Any], pole_id: Id, organisation_id: Id, when: Json) -> Json:
        """Hold a resource directly, as it was read."""
        return await self.post(
            "/v1/bookings",
            {
                "resource_id": str(resource["id"]),
                "resource_version": resource["version"],
                "requester_pole_id": str(pole_id),
                "requester_organisation_id": str(organisation_id),
                "period": when,
            },
        )

    async def confirm(self, booking: Mapping[str, Any]) -> Json:
        """Accept a hold, as the owner, at the version given."""
        return await self.post(f"/v1/bookings/{booking['id']}/confirmation", version=booking["version"])

    async def cancel(self, booking: Mapping[str, Any]) -> Json:
        """Give a booking up, at the version given."""
        return await self.post(f"/v1/bookings/{booking['id']}/cancellation", version=booking["version"])
