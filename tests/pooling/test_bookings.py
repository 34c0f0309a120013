"""From an offer to a booking that both sides agreed on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from chassis.errors import NotFound
from chassis.http import Window
from pooling.domain.bookings import HoldRules
from pooling.domain.refusals import BookingEnded, HoldExpired, LineTaken, NotTheOwner, SlotTaken, TooManyHolds
from schemas import pooling as p
from tests.pooling.world import NIORT, Member, World, alternatives, line, minibus, period


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


@pytest.mark.parametrize(
    ("change", "proposed"),
    [
        (lambda owner, resource: owner.change(resource, fixed=9000), 1),
        (lambda owner, resource: owner.change(resource, what=minibus(12)), 1),
        (lambda owner, resource: owner.change(resource, commune=NIORT), 1),
        (lambda owner, resource: owner.change(resource, period(12, 18)), 1),
        (lambda owner, resource: owner.change(resource, period(9, 18)), 1),
        (lambda owner, resource: owner.change(resource, what=minibus(2)), 0),
        (lambda owner, resource: owner.change(resource, ring=p.Ring.ORGANISATION), 0),
    ],
    ids=["dearer", "larger", "elsewhere", "later", "overlapping", "too small", "for its owner alone"],
)
async def test_a_match_does_not_stand_again_when_its_offer_changed_while_it_was_taken(
    world: World, change: Callable[[Member, p.Resource], Awaitable[p.Resource]], proposed: int
) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, request = await owner.offer(), await asker.request()
    (match,) = await asker.matches(request)
    booking = await asker.hold(match)
    await change(owner, resource)
    await asker.cancel(booking)
    assert await asker.matches(request) == []
    assert await world.events(match.id) == ["match_proposed.v1", "match_taken.v1", "match_withdrawn.v1"]
    await world.sweep()
    again = await asker.matches(request)
    assert [each.version for each in again] == [4] * proposed
    assert all([(await asker.hold(each)).period == each.period for each in again])


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


async def test_instead_of_a_taken_bus_one_as_big_is_shown(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    bus, as_big = await owner.offer(what=minibus(50)), await owner.offer(what=minibus(55))
    await owner.offer(what=minibus(2))
    await owner.book(bus.id, 8, 18)
    with pytest.raises(SlotTaken) as refused:
        await asker.book(bus.id, 10, 12)
    assert [each.resource_id for each in alternatives(refused)] == [as_big.id]


async def test_an_organisation_has_only_so_many_holds_waiting_for_an_answer(world: World) -> None:
    owner = await world.member()
    asker, other = await world.member(owner.pole_id), await world.member(owner.pole_id)
    resource = await owner.offer()
    few = HoldRules(most=2)
    first, _ = [await asker.book(resource.id, start, start + 1, rules=few) for start in (8, 9)]
    (match,) = await asker.matches(await asker.request(line(15, 17)))
    for attempt in (asker.book(resource.id, 10, 11, rules=few), asker.hold(match, rules=few)):
        with pytest.raises(TooManyHolds):
            await attempt
    assert await other.book(resource.id, 10, 11, rules=few)
    await owner.confirm(first)
    assert await asker.hold(match, rules=few)


async def test_no_booking_is_shorter_than_a_quarter_of_an_hour_even_past_the_code(world: World) -> None:
    owner = await world.member()
    booking = await owner.book((await owner.offer()).id, 9, 11)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.rows(
            "UPDATE booking SET period = tstzrange(lower(period), lower(period) + interval '14 minutes') WHERE id = $1",
            booking.id,
        )


async def test_the_bookings_of_both_sides_are_listed_once_each_and_the_newest_first(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, own = await owner.offer(), await asker.offer()
    made = [await asker.book(resource.id, 8 + n, 9 + n) for n in range(3)]
    made.append(await asker.book(own.id, 8, 9))
    made.append(await owner.book(own.id, 9, 10))
    for member, expected in ((asker, made), (owner, [*made[:3], made[4]])):
        listed, after = [], None
        for _ in range(3):
            found = await member.bookings(Window(limit=2, after=after))
            listed += found
            after = found[-1].id if found else after
        newest_first = [each.id for each in reversed(expected)]
        assert [each.id for each in listed] == newest_first
        assert [each.id for each in await member.bookings(Window(limit=100))] == newest_first


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
