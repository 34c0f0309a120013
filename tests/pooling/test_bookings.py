"""From an offer to a booking that both sides agreed on."""

from datetime import timedelta

import pytest

from chassis.errors import NotFound
from pooling.domain.refusals import BookingEnded, HoldExpired, LineTaken, NotTheOwner, SlotTaken
from schemas import pooling as p
from tests.pooling.world import World, alternatives, line, minibus, period


async def test_a_request_is_matched_held_confirmed_and_served(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request = await asker.request()
    (match,) = await asker.matches(request)
    assert (match.resource_id, match.period, match.price_cents) == (resource.id, period(8, 10), 1250)
    assert [reason.code for reason in match.reasons] == ["distance", "fit", "price", "circle", "period"]
    assert all(reason.text.fr and reason.text.en for reason in match.reasons)

    booking = await asker.hold(match)
    assert booking.status is p.BookingStatus.HELD
    assert booking.expires_at == world.now + timedelta(hours=48)
    assert await asker.free(resource.id) == (period(10, 18),)
    assert (await asker.matches(request))[0].status is p.MatchStatus.TAKEN

    confirmed = await owner.confirm(booking)
    assert (confirmed.status, confirmed.version, confirmed.expires_at) == (p.BookingStatus.CONFIRMED, 2, None)
    assert await world.events(booking.id) == ["booking_held.v1", "booking_confirmed.v1"]
    assert await world.events(request.id) == ["resource_requested.v1", "request_served.v1"]
    assert await world.events(match.id) == ["match_proposed.v1", "match_taken.v1"]


async def test_only_the_owner_confirms(world: World) -> None:
    owner = await world.member()
    asker, stranger = await world.member(owner.pole_id), await world.member(owner.pole_id)
    booking = await asker.book((await owner.offer()).id, 9, 11)
    with pytest.raises(NotTheOwner):
        await asker.confirm(booking)
    for attempt in (stranger.confirm, stranger.cancel):
        with pytest.raises(NotFound):
            await attempt(booking)
    assert await world.events(booking.id) == ["booking_held.v1"]


async def test_a_cancelled_booking_frees_its_slot_and_its_match_stands_again(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request = await asker.request()
    (match,) = await asker.matches(request)
    confirmed = await owner.confirm(await asker.hold(match))
    cancelled = await owner.cancel(confirmed)
    assert (cancelled.status, cancelled.cancelled_by) == (p.BookingStatus.CANCELLED, p.CancelledBy.OWNER)
    assert await asker.free(resource.id) == (period(8, 18),)
    assert await world.events(request.id) == ["resource_requested.v1", "request_served.v1", "request_reopened.v1"]
    (again,) = await asker.matches(request)
    assert (again.id, again.status) == (match.id, p.MatchStatus.PROPOSED)
    assert (await owner.cancel(cancelled)).version == cancelled.version
    with pytest.raises(BookingEnded):
        await owner.confirm(cancelled)


async def test_a_hold_that_lapsed_frees_its_slot_and_can_no_longer_be_confirmed(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    booking = await asker.book(resource.id, 9, 11)
    world.now += timedelta(hours=48)
    with pytest.raises(HoldExpired):
        await owner.confirm(booking)
    await world.expire()
    assert await world.events(booking.id) == ["booking_held.v1", "booking_expired.v1"]
    assert await asker.free(resource.id) == (period(8, 18),)
    with pytest.raises(HoldExpired):
        await owner.confirm(booking.model_copy(update={"version": 2}))


async def test_a_taken_slot_is_refused_with_what_could_be_booked_instead(world: World) -> None:
    owner = await world.member()
    first, second = await world.member(owner.pole_id), await world.member(owner.pole_id)
    best, next_best = await owner.offer(), await owner.offer(fixed=2000)
    asked = [await each.request(line(8, 10)) for each in (first, second)]
    (taken, _), (match, other) = [await each.matches(made) for each, made in zip((first, second), asked, strict=True)]
    assert taken.resource_id == match.resource_id == best.id
    await first.hold(taken)
    with pytest.raises(SlotTaken) as refused:
        await second.hold(match)
    (alternative,) = alternatives(refused)
    assert (alternative.resource_id, alternative.match_id) == (next_best.id, other.id)
    assert (await second.hold(other)).resource_id == next_best.id


async def test_a_direct_booking_of_a_taken_slot_is_told_of_the_like(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    taken, like = await owner.offer(), await owner.offer()
    await owner.offer(what=minibus(ramp=False))
    await asker.book(taken.id, 9, 11)
    with pytest.raises(SlotTaken) as refused:
        await asker.book(taken.id, 10, 12)
    assert [each.resource_id for each in alternatives(refused)] == [like.id]


async def test_a_line_has_one_live_booking(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    await owner.offer()
    one, other = await asker.matches(await asker.request())
    await asker.hold(one)
    with pytest.raises(LineTaken):
        await asker.hold(other)


async def test_a_request_of_several_lines_is_served_when_all_are_confirmed(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    request = await asker.request(line(8, 12), line(12, 18))
    one, other = await asker.matches(request)
    await owner.confirm(await asker.hold(one))
    assert await world.events(request.id) == ["resource_requested.v1"]
    await owner.confirm(await asker.hold(other))
    assert await world.events(request.id) == ["resource_requested.v1", "request_served.v1"]
