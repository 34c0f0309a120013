"""The loop, played through the public APIs, each step with what proves it."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from polepool_local.demo.door import Json, Refusal
from polepool_local.demo.load import Actor, offer, person, register, until_known
from polepool_local.demo.planning import a_plan_serves_both
from polepool_local.demo.scene import Broken, Scene, until
from polepool_local.demo.territory import ResourceEntry, invented_siret
from schemas import membership, pooling

PARIS = ZoneInfo("Europe/Paris")
MINIBUS = ResourceEntry(
    organisation="navettes",
    title="Minibus 9 places avec rampe (inventé)",
    characteristics={"kind": "vehicle", "seats": 9, "energy": "electric", "ramp": True},
    ring="partner_poles",
    price={"fixed_cents": 800, "hour_cents": 450},
)


async def play(scene: Scene) -> None:
    """Play the whole loop once; raises Broken, Refusal or TimeoutError where it doesn't hold."""
    await poles_exist(scene)
    owner = await a_member_joins(scene)
    minibus = await it_offers_a_minibus(scene, owner)
    requester = scene.cast.managers["cantine"]
    webhook = await it_subscribes_to_a_webhook(scene, owner)
    project = await another_launches_a_project(scene, requester)
    request = await it_asks_for_nine_seats(scene, requester, project)
    match = await matches_are_proposed(scene, requester, request, minibus)
    booking = await it_takes_one(scene, requester, match)
    await the_owner_accepts(scene, owner, booking)
    await both_are_told(scene, (owner, requester), booking, webhook)
    await a_second_requester_is_refused(scene, minibus, match)
    await a_plan_serves_both(scene, owner)


async def poles_exist(scene: Scene) -> None:
    """Step 1."""
    scene.tell.step("A pole exists", "Un pôle existe")
    for pole_id in scene.cast.poles.values():
        seen = await scene.tap.wait(membership.PoleEvent, lambda e, id_=pole_id: e.pole.id == id_)  # type: ignore[misc]
        scene.tell.said(seen.event.aggregate.name, seen)  # type: ignore[attr-defined]


async def a_member_joins(scene: Scene) -> Actor:
    """Step 2: returns the newcomer's manager."""
    scene.tell.step("An organisation applies and is accepted", "Une structure candidate, le pôle l’accueille")
    number = random.randrange(1000, 10**6)  # noqa: S311 - a name, not a secret
    someone = await person(scene.cast.managers["cantine"].door, scene.keys, f"gestion-navettes-{number}")
    name = f"Les Navettes inventées n° {number}"
    organisation_id = await register(someone.door, name, invented_siret(number), "79191", ["mobility"])
    owner = Actor(someone.id, someone.email, someone.door, organisation_id)
    body = {"pole_id": str(scene.niort), "organisation_id": str(organisation_id)}
    member = await owner.door.post("membership", "/v1/members", body)
    member_id = UUID(member["id"])
    seen = await scene.tap.wait(membership.MemberApplied, lambda e: e.member.id == member_id)
    scene.tell.said(f"{name} applies", seen)
    coordinator = scene.cast.coordinators["niort"]
    await coordinator.door.post("membership", f"/v1/members/{member_id}/acceptance", version=member["version"])
    seen = await scene.tap.wait(membership.MemberJoined, lambda e: e.member.id == member_id)
    scene.tell.said("The coordinator accepts", seen)
    return owner


async def it_offers_a_minibus(scene: Scene, owner: Actor) -> Json:
    """Step 3: returns the resource."""
    scene.tell.step("It offers a minibus", "Elle propose un minibus")
    minibus = await offer(owner, scene.niort, MINIBUS, "79191")
    id_ = UUID(minibus["id"])
    scene.tell.said(MINIBUS.title, await scene.tap.wait(pooling.ResourceOffered, lambda e: e.resource.id == id_))
    return minibus


async def it_subscribes_to_a_webhook(scene: Scene, owner: Actor) -> Json:
    """The owner's ERP wants to know too: returns the subscription, with its secret."""
    types = ["polepool.pooling.booking_held.v1", "polepool.pooling.booking_confirmed.v1"]
    url = scene.sinks.webhook_url(str(owner.organisation_id))
    body = {"organisation_id": str(owner.organisation_id), "url": url, "event_types": types}
    webhook = await until_known(lambda: owner.door.post("notifications", "/v1/webhooks", body))
    scene.tell.note(f"Its ERP subscribes to {len(types)} event types at {url}")
    return webhook


async def another_launches_a_project(scene: Scene, requester: Actor) -> UUID:
    """Step 4: returns the project's id."""
    scene.tell.step("Another member launches a project", "Une autre structure lance un projet")
    body: Json = {
        "pole_id": str(scene.niort),
        "lead_organisation_id": str(requester.organisation_id),
        "title": "Sortie au marais pour tous (projet inventé)",
        "summary": "Une matinée au marais, fauteuils roulants compris.",
        "activities": ["mobility", "culture"],
        "commune": "79191",
    }
    project = await requester.door.post("membership", "/v1/projects", body)
    id_ = UUID(project["id"])
    seen = await scene.tap.wait(membership.ProjectLaunched, lambda e: e.project.id == id_)
    scene.tell.said(body["title"], seen)
    theatre = scene.cast.managers["theatre"]
    told = await until(lambda: told_of(theatre, seen.id), "the members whose activity fits are told of the project")
    scene.tell.note(f"Told in the theatre's inbox: « {told['text']['fr']['subject']} »")
    return id_


async def it_asks_for_nine_seats(scene: Scene, requester: Actor, project_id: UUID) -> Json:
    """Step 5: returns the request."""
    scene.tell.step("It asks for nine seats with a ramp on Thursday morning", "Elle cherche neuf places, jeudi matin")
    body = nine_seats(scene.niort, requester, thursday_morning(datetime.now(UTC))) | {"project_id": str(project_id)}
    request = await until_known(lambda: requester.door.post("pooling", "/v1/requests", body))
    id_ = UUID(request["id"])
    seen = await scene.tap.wait(pooling.ResourceRequested, lambda e: e.request.id == id_)
    window = seen.event.request.lines[0].window  # type: ignore[attr-defined]
    start, end = window.start.astimezone(PARIS), window.end.astimezone(PARIS)
    scene.tell.said(f"Nine seats, a ramp, {start:%A %-d %B}, {start:%H:%M} to {end:%H:%M}", seen)
    return request


async def matches_are_proposed(scene: Scene, requester: Actor, request: Json, minibus: Json) -> Json:
    """Step 6: returns the match with the minibus."""
    scene.tell.step(
        "Pooling proposes the matches, with reasons", "Des rapprochements sont proposés, avec leurs raisons"
    )
    id_ = UUID(request["id"])
    await scene.tap.wait(pooling.MatchProposed, lambda e: e.match.request_id == id_)
    matches = (await requester.door.get("pooling", f"/v1/requests/{id_}/matches"))["items"]
    for match in matches:
        resource = await requester.door.get("pooling", f"/v1/resources/{match['resource_id']}")
        match_id = UUID(match["id"])
        seen = await scene.tap.wait(pooling.MatchProposed, lambda e, m=match_id: e.match.id == m)  # type: ignore[misc]
        scene.tell.said(f"{resource['title']}: {match['score']} of 1000", seen)
        scene.tell.reasons(match["reasons"])
    missed = (await requester.door.get("pooling", f"/v1/requests/{id_}/near-misses"))["items"]
    for miss in missed[:3]:
        scene.tell.note(f"Near miss: {miss['title']}")
        scene.tell.reasons(miss["misses"])
    mine = [match for match in matches if match["resource_id"] == minibus["id"]]
    if not mine or len(matches) < 2:
        raise Broken(f"expected the new minibus and another among the matches, found {len(matches)}")
    return mine[0]  # type: ignore[no-any-return]


async def it_takes_one(scene: Scene, requester: Actor, match: Json) -> Json:
    """Step 7: returns the held booking."""
    scene.tell.step("The requester takes one", "La structure choisit")
    body = {"match_id": match["id"], "match_version": match["version"]}
    booking = await requester.door.post("pooling", "/v1/bookings", body)
    id_ = UUID(booking["id"])
    seen = await scene.tap.wait(pooling.BookingHeld, lambda e: e.booking.id == id_)
    scene.tell.said(f"Held until {booking['expires_at']}", seen)
    return booking


async def the_owner_accepts(scene: Scene, owner: Actor, booking: Json) -> None:
    """Step 8."""
    scene.tell.step("The owner accepts", "La structure propriétaire accepte")
    id_ = UUID(booking["id"])
    await owner.door.post("pooling", f"/v1/bookings/{id_}/confirmation", version=booking["version"])
    seen = await scene.tap.wait(pooling.BookingConfirmed, lambda e: e.booking.id == id_)
    scene.tell.said("Confirmed", seen)


async def both_are_told(scene: Scene, sides: tuple[Actor, Actor], booking: Json, webhook: Json) -> None:
    """Step 9: in-app, by mail, and the owner's ERP by a signed webhook."""
    scene.tell.step("Both are told", "Les deux sont prévenues")
    id_ = UUID(booking["id"])
    confirmed = (await scene.tap.wait(pooling.BookingConfirmed, lambda e: e.booking.id == id_)).id
    for actor in sides:
        told = await until(lambda a=actor: told_of(a, confirmed), f"{actor.email} finds it in the inbox")  # type: ignore[misc]
        scene.tell.note(f"In {actor.email}'s inbox: « {told['text']['fr']['subject']} »")
        mail = await until(
            lambda a=actor, t=told: scene.sinks.mail(a.email, t["id"]),  # type: ignore[misc]
            f"{actor.email} gets a mail",
        )
        scene.tell.note(f"Mail to {actor.email}: « {mail} »")
    name = str(webhook["organisation_id"])
    body = await until(
        lambda: scene.sinks.signed_webhook(name, webhook["secret"], confirmed), "the ERP gets a signed webhook"
    )
    scene.tell.note(f"Webhook with a valid signature: {body['type']}  id {body['id']}")


async def a_second_requester_is_refused(scene: Scene, minibus: Json, match: Json) -> None:
    """Step 10: the same slot again."""
    scene.tell.step(
        "A second requester for the same slot is refused", "Une seconde demande du même créneau est refusée"
    )
    second = scene.cast.managers["numerique"]
    body = {
        "resource_id": minibus["id"],
        "resource_version": minibus["version"],
        "requester_organisation_id": str(second.organisation_id),
        "requester_pole_id": str(scene.niort),
        "period": match["period"],
    }
    try:
        await second.door.post("pooling", "/v1/bookings", body)
    except Refusal as refusal:
        problem = refusal.problem
    else:
        raise Broken("the slot was booked twice")
    if problem.get("code") != "slot_taken" or not problem.get("alternatives"):
        raise Broken(f"expected slot_taken with alternatives, got {problem}")
    scene.tell.note(f"{problem['status']} {problem['code']}: {problem['detail']}")
    best = problem["alternatives"][0]
    scene.tell.note(f"Next best: {best['title']}")
    scene.tell.reasons(best["reasons"])


def thursday_morning(now: datetime) -> tuple[datetime, datetime]:
    """From 8 to 12:30 in Paris, on the first Thursday at least two days away."""
    day = now.astimezone(PARIS).date() + timedelta(days=2)
    day += timedelta(days=(3 - day.weekday()) % 7)
    start = datetime(day.year, day.month, day.day, 8, tzinfo=PARIS)
    return start, start + timedelta(hours=4, minutes=30)


def nine_seats(pole_id: UUID, requester: Actor, window: tuple[datetime, datetime]) -> Json:
    """The request of the story."""
    line = {
        "kind": "vehicle",
        "window": {"start": window[0].isoformat(), "end": window[1].isoformat()},
        "minutes": 240,
        "features": ["ramp"],
        "at_least": {"seats": 9},
        "commune": "79191",
        "max_km": 60,
    }
    title = "Neuf places avec rampe pour la sortie au marais"
    return {
        "pole_id": str(pole_id),
        "organisation_id": str(requester.organisation_id),
        "title": title,
        "lines": [line],
    }


async def told_of(actor: Actor, event_id: UUID) -> Json | None:
    """What the inbox says of this event, in both languages."""
    inbox = await actor.door.get("notifications", "/v1/inbox?limit=50")
    return next((item for item in inbox["items"] if item["event_id"] == str(event_id)), None)
