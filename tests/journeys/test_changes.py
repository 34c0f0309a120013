"""What changes after the loop: departures, refusals, lapsed holds, withdrawals; and that every event has been seen."""

import pytest

from chassis.testing import eventually
from schemas.catalogue import event_types
from tests.journeys.territory import Member, Pole, a_pole, all_consumed, dead_letters, hours, published, types_of
from tests.journeys.town import Town
from tests.support.membership import Actor, Json, sign_up, succeeded
from tests.support.notifications import at, told
from tests.support.pooling import MINIBUS

pytestmark = pytest.mark.timeout(300)  # the first test of a session also starts the parts and the town


async def status_of(member: Member, path: str) -> str:
    """The status of something in pooling."""
    return str((await member.pooling.get(path))["status"])


async def until_published(town: Town, aggregate: Json, *types: str) -> None:
    """Wait until an aggregate's events on the topics are these, in this order; compaction is not that quick."""

    async def there() -> bool:
        found = await types_of(town, aggregate["id"])
        assert found == list(types)
        return True

    await eventually(there)


async def test_whoever_leaves_takes_their_offers_along_and_the_other_side_is_told(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    minibus = await anne.offer()
    request = await bob.request()
    (match,) = await bob.pooling.matches(request)
    booking = await anne.pooling.confirm(await bob.pooling.hold(match))
    waiting = await bob.request(14, 18)
    left = await anne.person.depart(anne.membership)
    assert left["standing"] == "left"

    await until_published(town, minibus, "resource_offered", "resource_withdrawn")
    await until_published(town, booking, "booking_held", "booking_confirmed", "booking_cancelled")
    await until_published(town, request, "resource_requested", "request_served", "request_reopened")
    ended = await bob.pooling.get(f"/v1/bookings/{booking['id']}")
    assert (ended["status"], ended["cancelled_by"]) == ("cancelled", "member_left")
    assert await status_of(bob, f"/v1/requests/{request['id']}") == "open"
    assert await bob.pooling.matches(waiting) == []
    (news,) = await eventually(lambda: told(bob.notifications, "booking_cancelled_requester"))
    subject = news["text"]["fr"]["subject"]
    await eventually(lambda: subject in [str(mail["Subject"]) for mail in town.mails.to(bob.person.email)])
    await eventually(lambda: told(anne.notifications, "member_left"))


async def test_a_refused_organisation_is_told_and_so_was_the_coordinator_before(town: Town) -> None:
    pole = await a_pole(town)
    manager = await sign_up(town.membership.http)
    organisation = await manager.register()
    refused = await pole.coordinator.refuse(await manager.apply(pole.id, organisation["id"]))
    await until_published(town, refused, "member_applied", "member_refused")
    await eventually(lambda: told(at_notifications(town, manager), "member_refused"))
    await eventually(lambda: told(at_notifications(town, pole.coordinator), "member_applied"))


async def test_a_hold_that_nobody_answers_lapses_and_both_sides_are_told(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    minibus = await anne.offer()
    await town.pooling.restart(HOLD_HOURS="0.0003")
    try:
        booking = await bob.book(minibus, 8, 10)
        await until_published(town, booking, "booking_held", "booking_expired")
    finally:
        await town.pooling.restart()
    await eventually(lambda: told(anne.notifications, "booking_expired_owner"))
    await eventually(lambda: told(bob.notifications, "booking_expired_requester"))
    assert await bob.pooling.free(minibus["id"]) == [in_utc(hours(8, 18))]
    answer = await anne.pooling.send("POST", f"/v1/bookings/{booking['id']}/confirmation", version=2)
    assert (answer.status_code, answer.json()["code"]) == (409, "hold_expired")


async def test_poles_that_become_partners_see_each_others_offers(town: Town) -> None:
    here, there = await a_pole(town), await a_pole(town)
    anne, bob = await here.member(), await there.member()
    minibus = await anne.offer(ring="partner_poles")
    assert (await bob.pooling.send("GET", f"/v1/resources/{minibus['id']}")).status_code == 404
    for pole, other in ((here, there), (there, here)):
        await partner(pole, other)
    await eventually(lambda: bob.pooling.get(f"/v1/resources/{minibus['id']}"))
    request = await bob.request()
    matches = await bob.pooling.matches(request)
    assert [match["resource_id"] for match in matches] == [minibus["id"]]


async def test_what_is_changed_or_given_up_is_no_longer_proposed(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    minibus = await anne.offer()
    request = await bob.request()
    (match,) = await bob.pooling.matches(request)
    terms = {
        "title": "Minibus sans rampe",
        "characteristics": MINIBUS | {"ramp": False},
        "commune": "01263",
        "ring": "pole",
        "availability": [hours(8, 18)],
    }
    path = f"/v1/resources/{minibus['id']}"
    succeeded(await anne.pooling.send("PUT", path, terms, version=minibus["version"]))
    await until_published(town, match, "match_proposed", "match_withdrawn")
    await until_published(town, minibus, "resource_offered", "resource_changed")
    current = await bob.pooling.get(f"/v1/requests/{request['id']}")
    await bob.pooling.give_up(current)
    await until_published(town, request, "resource_requested", "request_withdrawn")


async def test_a_project_is_told_to_members_whose_activity_fits(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    await anne.person.create_key(anne.organisation_id)
    project = await anne.person.launch(pole.id, anne.organisation_id, "Autopartage")
    (news,) = await eventually(lambda: told(bob.notifications, "project_launched"))
    assert news["params"]["title"] == "Autopartage"
    assert await told(anne.notifications, "project_launched") == []
    await until_published(town, project, "project_launched")
    await until_published(town, {"id": anne.organisation_id}, "organisation_registered", "organisation_changed")


async def test_every_event_type_was_published_by_what_people_did_and_none_was_set_aside(town: Town) -> None:
    seen = {record.header("ce_type") for record in await published(town)}
    assert seen == set(event_types())
    await eventually(lambda: all_consumed(town))
    assert await dead_letters(town) == []


def at_notifications(town: Town, actor: Actor) -> Actor:
    """The same person, at notifications."""
    return at(town.notifications.http, actor)


async def partner(pole: Pole, other: Pole) -> None:
    """Let a pole share with another one."""
    body = {"name": "Val de Saône", "coordinators": [str(pole.coordinator.id)], "partners": [other.id]}
    succeeded(await pole.coordinator.send("PUT", f"/v1/poles/{pole.id}", body, version=1))


def in_utc(window: Json) -> Json:
    """A period as the API writes it."""
    return {edge: moment.replace("+00:00", "Z") for edge, moment in window.items()}
