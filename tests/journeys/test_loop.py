"""The booking loop, from an offer to both sides being told, across the three services."""

from uuid import UUID

import pytest

from chassis.testing import eventually
from chassis.testing.kafka import Raw
from schemas.pooling import BookingConfirmed, BookingHeld
from tests.journeys.territory import Member, a_pole, hours, published, types_of
from tests.journeys.town import Town
from tests.support.membership import Json
from tests.support.notifications import told

pytestmark = pytest.mark.timeout(300)  # the first test of a session also starts the parts and the town


async def record_of(town: Town, type_: str, aggregate_id: str) -> Raw:
    """The one record of this type about this aggregate, once it is on its topic."""

    async def there() -> list[Raw]:
        return [
            each
            for each in await published(town)
            if each.header("ce_type") == type_ and each.header("ce_subject") == aggregate_id
        ]

    (only,) = await eventually(there)
    assert isinstance(only, Raw)
    return only


async def told_of(member: Member, code: str, event_id: str) -> Json:
    """What the inbox says of an event; waits for it."""

    async def there() -> list[Json]:
        return [each for each in await told(member.notifications, code) if each["event_id"] == event_id]

    (only,) = await eventually(there)
    return dict(only)


async def test_an_offer_becomes_a_booking_that_both_sides_are_told_of_in_every_way(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    minibus = await anne.offer()
    webhook = await anne.subscribe(town, [BookingHeld.TYPE, BookingConfirmed.TYPE])
    request = await bob.request()
    (match,) = await bob.pooling.matches(request)
    assert match["resource_id"] == minibus["id"]
    assert [reason["code"] for reason in match["reasons"]] == ["distance", "fit", "price", "circle", "period"]
    booking = await bob.pooling.hold(match)
    assert booking["status"] == "held"
    confirmed = await anne.pooling.confirm(booking)
    assert confirmed["status"] == "confirmed"

    event = await record_of(town, BookingConfirmed.TYPE, booking["id"])
    assert event.header("ce_source") == "/polepool/pooling"
    assert await types_of(town, booking["id"]) == ["booking_held", "booking_confirmed"]
    assert await types_of(town, request["id"]) == ["resource_requested", "request_served"]
    assert await types_of(town, match["id"]) == ["match_proposed", "match_taken"]

    for member, side in ((anne, "owner"), (bob, "requester")):
        news = await told_of(member, f"booking_confirmed_{side}", event.header("ce_id"))
        assert news["text"]["fr"]["subject"] != news["text"]["en"]["subject"]
        subject = news["text"]["fr"]["subject"]
        await eventually(lambda subject=subject, to=member.person.email: subject in subjects(town, to))
        mails = town.mails.to(member.person.email)
        assert mails
        assert all(mail["To"].addresses[0].addr_spec == member.person.email for mail in mails)

    await eventually(lambda: len(town.hooks.of(anne.organisation_id)) == 2)
    hooks = {hook.event["type"]: hook for hook in town.hooks.of(anne.organisation_id)}
    assert hooks.keys() == {BookingHeld.TYPE, BookingConfirmed.TYPE}
    assert all(hook.verified for hook in hooks.values()), webhook
    assert hooks[BookingConfirmed.TYPE].event["id"] == event.header("ce_id")
    assert hooks[BookingConfirmed.TYPE].event["data"]["booking"]["id"] == booking["id"]


def subjects(town: Town, address: str) -> list[str]:
    """The subjects of the mails that an address got."""
    return [str(mail["Subject"]) for mail in town.mails.to(address)]


async def test_whoever_comes_second_is_refused_and_shown_what_is_next_best(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob, carole = await pole.member(), await pole.member(), await pole.member()
    best = await anne.offer()
    other = await anne.offer(title="Autre minibus", price={"fixed_cents": 5000, "hour_cents": 0})
    await bob.book(best, 8, 10)
    body = {
        "resource_id": best["id"],
        "resource_version": best["version"],
        "requester_pole_id": carole.pole_id,
        "requester_organisation_id": carole.organisation_id,
        "period": hours(9, 11),
    }
    await eventually(lambda: carole.pooling.get(f"/v1/resources/{best['id']}"))
    answer = await carole.pooling.send("POST", "/v1/bookings", body)
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "slot_taken"
    (alternative,) = answer.json()["alternatives"]
    assert (alternative["resource_id"], alternative["title"]) == (other["id"], "Autre minibus")
    assert alternative["reasons"]
    booked = await carole.book(other, 9, 11)
    assert booked["resource_id"] == other["id"]
    event = await record_of(town, BookingHeld.TYPE, booked["id"])
    news = await told_of(anne, "booking_held_owner", event.header("ce_id"))
    assert UUID(news["id"])
    assert hours(8, 10)["start"][:10] in str(news)
