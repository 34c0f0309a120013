"""The last step of the story: two want rooms, and whoever comes first would take the only one that serves the other."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from polepool_local.demo.door import Json
from polepool_local.demo.load import Actor, until_known
from polepool_local.demo.scene import Broken, Scene, until
from schemas import pooling

COLD = 300.0
"""Seconds that a plan may take: on a machine that is new to it, the engine is compiled first."""
PEOPLE = 80


async def a_plan_serves_both(scene: Scene, owner: Actor) -> None:
    """Step 11: the plan of the territory gives each request a room."""
    scene.tell.step("The plan of the territory serves both", "Le plan du territoire sert les deux demandes")
    start = morning(datetime.now(UTC))
    kitchen = await _room(scene, owner, start, "Grande salle avec cuisine (inventée)", kitchen=True)
    hall = await _room(scene, owner, start, "Très grande salle, sans cuisine (inventée)", capacity=200)
    first, second = scene.cast.managers["theatre"], scene.cast.managers["numerique"]
    easy = await _ask(scene, first, start, [])
    needy = await _ask(scene, second, start, ["kitchen"])
    best = (await first.door.get("pooling", f"/v1/requests/{easy['id']}/matches"))["items"][0]
    if best["resource_id"] != kitchen["id"]:
        raise Broken("expected the room with a kitchen to be proposed first")
    scene.tell.note(f"The theatre asks first, for any room for {PEOPLE}; its best match: {kitchen['title']}")
    scene.tell.note("The digital workshop needs a kitchen: only that room has one")
    scene.tell.note("First come, first served, the theatre would take it, and the second request would stay unserved")
    scene.tell.note("Within seconds the territory is planned; the first time here, the engine is compiled before")
    one, two = await _planned(first, easy), await _planned(second, needy)
    if [one["match"]["resource_id"], two["match"]["resource_id"]] != [hall["id"], kitchen["id"]]:
        raise Broken(f"expected a room for each in the plan, got {one} and {two}")
    gone = UUID(best["id"])
    seen = await scene.tap.wait(pooling.MatchWithdrawn, lambda e: e.match.id == gone)
    scene.tell.said(f"Planned for the workshop: {kitchen['title']}; no longer proposed to the theatre", seen)
    scene.tell.reasons([reason.model_dump() for reason in seen.event.match.reasons])  # type: ignore[attr-defined]
    scene.tell.note(f"Planned for the theatre: {hall['title']}: both are served")
    scene.tell.reasons(one["match"]["reasons"])


def morning(now: datetime) -> datetime:
    """Eight o'clock, UTC, on a day that no earlier story is likely to have taken."""
    day = now + timedelta(days=random.randrange(60, 700))  # noqa: S311 - a day, not a secret
    return day.replace(hour=8, minute=0, second=0, microsecond=0)


async def _room(
    scene: Scene, owner: Actor, start: datetime, title: str, *, kitchen: bool = False, capacity: int = 90
) -> Json:
    """Offer a room for one morning."""
    body = {
        "pole_id": str(scene.niort),
        "organisation_id": str(owner.organisation_id),
        "title": title,
        "characteristics": {"kind": "premises", "capacity": capacity, "area_m2": 2 * capacity, "kitchen": kitchen},
        "commune": "79191",
        "ring": "pole",
        "price": {"fixed_cents": 4000, "hour_cents": 0},
        "availability": [_hours(start)],
    }
    room = await owner.door.post("pooling", "/v1/resources", body)
    id_ = UUID(room["id"])
    scene.tell.said(title, await scene.tap.wait(pooling.ResourceOffered, lambda e: e.resource.id == id_))
    return room


async def _ask(scene: Scene, actor: Actor, start: datetime, features: list[str]) -> Json:
    """Ask for a room for that morning."""
    line = {
        "kind": "premises",
        "window": _hours(start),
        "minutes": 240,
        "features": features,
        "at_least": {"capacity": PEOPLE},
        "commune": "79191",
        "max_km": 60,
    }
    body = {
        "pole_id": str(scene.niort),
        "organisation_id": str(actor.organisation_id),
        "title": f"Une salle pour {PEOPLE} personnes (demande inventée)",
        "lines": [line],
    }
    return await until_known(lambda: actor.door.post("pooling", "/v1/requests", body))


def _hours(start: datetime) -> Json:
    return {"start": start.isoformat(), "end": (start + timedelta(hours=4)).isoformat()}


async def _planned(actor: Actor, request: Json) -> Json:
    """What the plan has for a request of one line, once it has something."""

    async def look() -> Json | None:
        (item,) = (await actor.door.get("pooling", f"/v1/requests/{request['id']}/plan"))["items"]
        return item if item["status"] == "planned" else None

    return await until(look, f"the plan has a place for {actor.email}", COLD)
