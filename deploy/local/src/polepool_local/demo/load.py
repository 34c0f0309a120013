"""Load the demonstration territory through the public APIs; what an earlier run left is found in Kafka and kept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from polepool_local.demo.door import Door, Json, Refusal
from polepool_local.demo.tap import Tap
from polepool_local.demo.territory import ResourceEntry, Territory, invented_siret
from schemas import membership, pooling
from schemas.event import Event, State

T = TypeVar("T")
S = TypeVar("S", bound=State)
MAIL_DOMAIN = "polepool-demo.example"
OFFERED_DAYS = 180


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody of the demonstration, signed in."""

    id: UUID
    email: str
    door: Door
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, by the keys of territory.yaml."""

    poles: dict[str, UUID]
    coordinators: dict[str, Actor]
    managers: dict[str, Actor]


@dataclass(frozen=True, slots=True)
class Keys:
    """How the demonstration signs in: the administrator's address, and one password for everybody."""

    administrator: str
    password: str


async def person(door: Door, keys: Keys, who: str, language: str = "fr") -> Actor:
    """Somebody by the local part of their address, signed up if need be."""
    email = f"{who}@{MAIL_DOMAIN}"
    try:
        theirs = await door.signed_in(email, keys.password)
    except Refusal:
        name = f"Compte de démonstration « {who} »"
        body = {"email": email, "name": name, "language": language, "password": keys.password}
        await door.post("membership", "/v1/people", body)
        theirs = await door.signed_in(email, keys.password)
    me = await theirs.get("membership", "/v1/me")
    return Actor(UUID(me["id"]), email, theirs)


async def until_known(call: Callable[[], Awaitable[Json]], seconds: float = 10) -> Json:
    """Call again while a service has not heard yet, from another's events, what it needs to know to allow it."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await call()
            except Refusal as refusal:
                if refusal.status not in (403, 404, 422):
                    raise
                last = refusal
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                raise last from None


async def load(door: Door, keys: Keys, territory: Territory, tap: Tap) -> Cast:
    """Make what isn't there yet of poles, organisations, members and resources; raises Refusal."""
    administrator = await door.signed_in(keys.administrator, keys.password)
    coordinators = await _each(territory.poles, lambda key: person(door, keys, f"coordination-{key}"))
    poles = await _each(territory.poles, lambda key: _pole(administrator, territory, coordinators, tap, key))
    await _each(territory.poles, lambda key: _partners(coordinators[key].door, territory, poles, key))
    numbers = {key: number for number, key in enumerate(territory.organisations)}
    managers = await _each(
        territory.organisations, lambda key: _manager(door, keys, territory, tap, key, invented_siret(numbers[key]))
    )
    cast = Cast(poles, coordinators, managers)
    await _each(territory.organisations, lambda key: _member(cast, tap, key, territory.organisations[key].pole))
    await asyncio.gather(*(_resource(cast, territory, tap, entry) for entry in territory.resources))
    return cast


async def register(door: Door, name: str, siret: str, commune: str, activities: list[str]) -> UUID:
    """Register an organisation; the caller manages it."""
    body: Json = {"name": name, "siret": siret, "commune": commune, "activities": activities}
    return UUID((await door.post("membership", "/v1/organisations", body))["id"])


async def offer(actor: Actor, pole_id: UUID, entry: ResourceEntry, commune: str) -> Json:
    """Offer a resource from the coming full hour on."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    end = start + timedelta(days=OFFERED_DAYS)
    body = {
        "pole_id": str(pole_id),
        "organisation_id": str(actor.organisation_id),
        "title": entry.title,
        "characteristics": entry.characteristics,
        "commune": commune,
        "ring": entry.ring,
        "price": entry.price,
        "availability": [{"start": start.isoformat(), "end": end.isoformat()}],
    }
    return await until_known(lambda: actor.door.post("pooling", "/v1/resources", body))


async def _each(keys: Iterable[str], make: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    names = list(keys)
    return dict(zip(names, await asyncio.gather(*(make(name) for name in names)), strict=True))


def _latest(tap: Tap, kind: type[Event], fits: Callable[[S], bool]) -> S | None:
    found = [event.aggregate for event in tap.events(kind) if fits(event.aggregate)]  # type: ignore[arg-type]
    return found[-1] if found else None  # type: ignore[return-value]


async def _pole(administrator: Door, territory: Territory, coordinators: dict[str, Actor], tap: Tap, key: str) -> UUID:
    entry = territory.poles[key]

    def is_it(pole: membership.Pole) -> bool:
        return pole.name == entry.name

    if known := _latest(tap, membership.PoleEvent, is_it):
        return known.id
    body = {"name": entry.name, "commune": entry.commune, "coordinators": [str(coordinators[key].id)]}
    return UUID((await administrator.post("membership", "/v1/poles", body))["id"])


async def _partners(coordinator: Door, territory: Territory, poles: dict[str, UUID], key: str) -> None:
    wanted = [str(poles[partner]) for partner in territory.poles[key].partners]
    pole = await coordinator.get("membership", f"/v1/poles/{poles[key]}")
    if pole["partners"] != wanted:
        body = {"name": pole["name"], "coordinators": pole["coordinators"], "partners": wanted}
        await coordinator.put("membership", f"/v1/poles/{poles[key]}", body, pole["version"])


async def _manager(door: Door, keys: Keys, territory: Territory, tap: Tap, key: str, siret: str) -> Actor:
    entry = territory.organisations[key]
    actor = await person(door, keys, f"gestion-{key}", entry.language)

    def is_it(organisation: membership.Organisation) -> bool:
        return organisation.siret == siret

    known = _latest(tap, membership.OrganisationEvent, is_it)
    id_ = known.id if known else await register(actor.door, entry.name, siret, entry.commune, entry.activities)
    return Actor(actor.id, actor.email, actor.door, id_)


async def _member(cast: Cast, tap: Tap, key: str, pole: str) -> None:
    manager = cast.managers[key]

    def is_it(member: membership.Member) -> bool:
        return (member.pole_id, member.organisation_id) == (cast.poles[pole], manager.organisation_id)

    known = _latest(tap, membership.MemberEvent, is_it)
    if known is None or known.standing is not membership.Standing.JOINED:
        await join(manager, cast.coordinators[pole], cast.poles[pole])


async def join(manager: Actor, coordinator: Actor, pole_id: UUID) -> Json:
    """Apply, and be accepted."""
    body = {"pole_id": str(pole_id), "organisation_id": str(manager.organisation_id)}
    member = await manager.door.post("membership", "/v1/members", body)
    path = f"/v1/members/{member['id']}/acceptance"
    return await coordinator.door.post("membership", path, version=member["version"])


async def _resource(cast: Cast, territory: Territory, tap: Tap, entry: ResourceEntry) -> None:
    owner = cast.managers[entry.organisation]

    def is_it(resource: pooling.Resource) -> bool:
        return (resource.organisation_id, resource.title) == (owner.organisation_id, entry.title)

    if _latest(tap, pooling.ResourceEvent, is_it) is None:
        organisation = territory.organisations[entry.organisation]
        await offer(owner, cast.poles[organisation.pole], entry, organisation.commune)
