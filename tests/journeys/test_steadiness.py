"""What must not change anything: records that come twice, and processes that are started again midway."""

import asyncio
from dataclasses import dataclass

import pytest

from chassis.testing import eventually, produce
from schemas.catalogue import topics
from schemas.pooling import BookingConfirmed, BookingHeld
from tests.journeys.territory import Member, a_pole, all_consumed, dead_letters, published, told_in_order, types_of
from tests.journeys.town import Town
from tests.support.membership import Json
from tests.support.notifications import inbox, mailed, told

pytestmark = pytest.mark.timeout(300)  # the first test of a session also starts the parts and the town


@dataclass(frozen=True)
class Effects:
    """All that two members and their receivers have got, and what is so now."""

    inboxes: list[list[Json]]
    mails: list[int]
    hooks: int
    states: list[Json]


async def effects(town: Town, anne: Member, bob: Member, booking: Json) -> Effects:
    """What there is now."""
    both = (anne, bob)
    states = [f"/v1/bookings/{booking['id']}", f"/v1/requests/{booking['request_id']}"]
    return Effects(
        inboxes=[await inbox(each.notifications) for each in both],
        mails=[len(town.mails.to(each.person.email)) for each in both],
        hooks=len(town.hooks.of(anne.organisation_id)),
        states=[await bob.pooling.get(path) for path in states]
        + [await anne.pooling.get(f"/v1/resources/{booking['resource_id']}")],
    )


async def all_told(town: Town, anne: Member, bob: Member, bookings: int) -> None:
    """Wait until both know of this many held and confirmed bookings, by inbox, mail and webhook."""
    for member, side in ((anne, "owner"), (bob, "requester")):
        for code in ("booking_held", "booking_confirmed"):
            await eventually(lambda m=member, c=f"{code}_{side}": has(m, c, bookings))
        await eventually(lambda m=member: is_mailed_everything(town, m), 30)
    await eventually(lambda: len(town.hooks.of(anne.organisation_id)) >= 2 * bookings, 30)


async def is_mailed_everything(town: Town, member: Member) -> bool:
    """Whether there is a mail for each notification that one goes with."""
    return len(town.mails.to(member.person.email)) >= len(mailed(await inbox(member.notifications)))


async def has(member: Member, code: str, count: int) -> bool:
    """Whether a member was told something this often."""
    found = len(await told(member.notifications, code))
    assert found == count, f"{code}: {found}"
    return True


async def test_records_that_come_again_byte_for_byte_change_and_tell_nothing(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    await anne.subscribe(town, [BookingHeld.TYPE, BookingConfirmed.TYPE])
    await anne.offer()
    (match,) = await bob.pooling.matches(await bob.request(minutes=None))
    booking = await anne.pooling.confirm(await bob.pooling.hold(match))
    await eventually(lambda: all_consumed(town))
    await all_told(town, anne, bob, 1)
    before, records = await effects(town, anne, bob, booking), await published(town)

    for topic in topics():
        for partition in range(topics()[topic].partitions):
            again = [each for each in records if (each.topic, each.partition) == (topic, partition)]
            await produce(town.parts, topic, again, partition)
    await eventually(lambda: all_consumed(town))
    assert await effects(town, anne, bob, booking) == before

    (later,) = await bob.pooling.matches(await bob.request(14, 16, minutes=None))
    await anne.pooling.confirm(await bob.pooling.hold(later))
    await eventually(lambda: all_consumed(town))
    await all_told(town, anne, bob, 2)
    for member, known in zip((anne, bob), before.inboxes, strict=True):
        news = await inbox(member.notifications)
        assert [each["id"] for each in news[-len(known) :]] == [each["id"] for each in known]
        assert len({each["event_id"] for each in news}) == len(news)
        assert len(mailed(news)) == len(town.mails.to(member.person.email))
    assert len(town.hooks.of(anne.organisation_id)) == 4
    assert await dead_letters(town) == []


async def test_two_that_consume_together_tell_all_once_and_in_order_though_one_is_killed_midway(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    minibus = await anne.offer()
    second = town.notifications.beside("consume")
    await second.start()
    try:
        bookings = [await bob.book(minibus, hour, hour + 1) for hour in range(8, 18)]
        await eventually(lambda: has(anne, "booking_held_owner", len(bookings)))
        confirming = [asyncio.create_task(anne.pooling.confirm(booking)) for booking in bookings]
        await confirming[len(bookings) // 2]
    finally:
        await second.kill()
    for confirmed in confirming:
        await bob.pooling.cancel(await confirmed)
    await eventually(lambda: all_consumed(town), timeout=30)  # what the killed one had is taken over
    for booking in bookings:
        assert await types_of(town, booking["id"]) == ["booking_held", "booking_confirmed", "booking_cancelled"]
        await eventually(lambda b=booking: told_in_order(town, anne, b))
    await eventually(lambda: is_mailed_everything(town, anne), 30)
    assert len(town.mails.to(anne.person.email)) == len(mailed(await inbox(anne.notifications)))
    assert await dead_letters(town) == []


@pytest.mark.parametrize("name", ["membership", "pooling", "notifications"])
@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_the_loop_goes_on_where_a_process_was_started_again(town: Town, name: str, ending: str) -> None:
    (service,) = [each for each in town.services if each.name == name]
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    await anne.subscribe(town, [BookingHeld.TYPE, BookingConfirmed.TYPE])
    await anne.offer()
    (match,) = await bob.pooling.matches(await bob.request(minutes=None))
    booking = await bob.pooling.hold(match)
    await (service.stop() if ending == "stop" else service.kill())
    await service.start()
    await anne.pooling.confirm(booking)
    await eventually(lambda: told(anne.notifications, "booking_confirmed_owner"), timeout=60)
    await all_told(town, anne, bob, 1)
    assert await types_of(town, booking["id"]) == ["booking_held", "booking_confirmed"]
    assert {hook.verified for hook in town.hooks.of(anne.organisation_id)} == {True}
    assert await dead_letters(town) == []
