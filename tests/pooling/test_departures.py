"""When an organisation leaves a pole, what it offered, asked and booked there ends: once, whatever is repeated."""

from dataclasses import replace
from uuid import uuid4

import pytest

from chassis.db import Tx, as_system, in_transaction
from chassis.errors import NotFound
from pooling.consumer import HANDLERS
from pooling.domain.refusals import NotAMember
from schemas import membership as m
from schemas import pooling as p
from tests.pooling.world import Member, World, delivery, line, period


def joined(member: Member, version: int) -> m.MemberJoined:
    return m.MemberJoined(
        member=member.membership.model_copy(update={"version": version, "standing": m.Standing.JOINED})
    )


def left(member: Member, version: int = 3) -> m.MemberLeft:
    return m.MemberLeft(member=member.membership.model_copy(update={"version": version, "standing": m.Standing.LEFT}))


async def test_an_owner_who_leaves_takes_offers_matches_and_bookings_to_come_along(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request, unmet = await asker.request(), await asker.request(line(10, 18))
    (match,), (other,) = await asker.matches(request), await asker.matches(unmet)
    booking = await owner.confirm(await asker.hold(match))
    await owner.leave()
    assert await world.events(resource.id) == ["resource_offered.v1", "resource_withdrawn.v1"]
    assert (await world.events(booking.id))[-1] == "booking_cancelled.v1"
    assert (await world.events(request.id))[-1] == "request_reopened.v1"
    assert (await world.events(match.id))[-1] == "match_withdrawn.v1"
    assert (await world.events(other.id))[-1] == "match_withdrawn.v1"
    (row,) = await world.rows("SELECT status, cancelled_by FROM booking WHERE id = $1", booking.id)
    assert row == {"status": "cancelled", "cancelled_by": "member_left"}
    assert await asker.matches(request) == []
    with pytest.raises(NotFound):
        await asker.free(resource.id)
    with pytest.raises(NotAMember):
        await owner.offer()


async def test_a_requester_who_leaves_frees_what_was_booked_and_asks_no_more(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request = await asker.request()
    booking = await asker.hold((await asker.matches(request))[0])
    direct = await asker.book(resource.id, 12, 14)
    await asker.leave()
    assert await owner.free(resource.id) == (period(8, 18),)
    assert [(await world.events(each.id))[-1] for each in (booking, direct)] == ["booking_cancelled.v1"] * 2
    assert await world.events(request.id) == ["resource_requested.v1", "request_withdrawn.v1"]
    with pytest.raises(NotAMember):
        await asker.book(resource.id, 9, 11)
    with pytest.raises(NotAMember):
        await asker.offer()


async def test_a_departure_that_comes_again_after_a_return_ends_nothing_new(world: World) -> None:
    owner = await world.member()
    old = await owner.offer()
    await world.learn(left(owner), joined(owner, 5))
    new = await owner.offer()
    await world.learn(left(owner), joined(owner, 5))
    assert await world.events(old.id) == ["resource_offered.v1", "resource_withdrawn.v1"]
    assert await world.events(new.id) == ["resource_offered.v1"]
    assert await owner.free(new.id) == (period(8, 18),)


async def test_rebuilding_the_projections_from_the_first_event_on_ends_nothing(world: World) -> None:
    owner = await world.member()
    await world.learn(left(owner), joined(owner, 5))
    new = await owner.offer()
    await world.rows("DELETE FROM member WHERE id = $1", owner.membership.id)
    await world.learn(joined(owner, 2), left(owner), joined(owner, 5))
    assert await world.events(new.id) == ["resource_offered.v1"]
    assert (await owner.offer()).version == 1


async def test_a_departure_and_a_return_in_one_batch_end_what_was_before(world: World) -> None:
    owner = await world.member()
    old = await owner.offer()
    events = [left(owner), joined(owner, 5)]

    async def work(tx: Tx) -> None:
        await as_system(tx)
        await HANDLERS[m.MemberEvent.TOPIC][m.MemberLeft](tx, [delivery(event) for event in events])

    await in_transaction(world.pool, work)
    assert await world.events(old.id) == ["resource_offered.v1", "resource_withdrawn.v1"]
    assert (await owner.offer()).version == 1


async def test_leaving_one_pole_ends_nothing_in_another(world: World) -> None:
    owner = await world.member()
    elsewhere = await world.pole()
    second = owner.membership.model_copy(update={"id": uuid4(), "pole_id": elsewhere})
    await world.learn(m.MemberJoined(member=second))
    there = await replace(owner, membership=second).offer()
    await owner.leave()
    assert await world.events(there.id) == ["resource_offered.v1"]


async def test_a_booking_that_has_begun_outlives_a_departure(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    booking = await owner.confirm(await asker.book((await owner.offer()).id, 9, 11))
    await world.rows(
        "UPDATE booking SET period = tstzrange(now() - interval '1 hour', now() + interval '1 hour') WHERE id = $1",
        booking.id,
    )
    await asker.leave()
    (row,) = await world.rows("SELECT status FROM booking WHERE id = $1", booking.id)
    assert row["status"] == p.BookingStatus.CONFIRMED


async def test_a_return_ends_the_earlier_stay_even_when_the_departure_was_never_heard_of(world: World) -> None:
    owner = await world.member()
    before = await owner.offer()
    await world.learn(joined(owner, 5))
    assert (await world.events(before.id))[-1] == "resource_withdrawn.v1"
