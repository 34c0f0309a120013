"""What is proposed as offers come, change and go, and what nearly fits."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from chassis.errors import Stale
from pooling.domain import ranking
from pooling.domain.ranking import NearMiss
from pooling.domain.refusals import MatchIsWithdrawn, RequestNotOpen
from schemas import pooling as p
from tests.pooling.world import NIORT, World, given, line, minibus, period


async def test_an_offer_that_comes_after_the_request_is_proposed_by_the_sweeper(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    request = await asker.request()
    assert await asker.matches(request) == []
    resource = await owner.offer()
    await world.sweep()
    assert [match.resource_id for match in await asker.matches(request)] == [resource.id]
    await world.sweep()
    (match,) = await asker.matches(request)
    assert await world.events(match.id) == ["match_proposed.v1"]


async def test_a_match_moves_on_when_its_slot_is_taken_and_goes_when_nothing_is_left(world: World) -> None:
    owner = await world.member()
    asker, rival = await world.member(owner.pole_id), await world.member(owner.pole_id)
    resource, request = await owner.offer(), await asker.request()
    await rival.book(resource.id, 8, 10)
    await world.sweep()
    (match,) = await asker.matches(request)
    assert (match.period, match.version) == (period(10, 12), 2)
    await rival.book(resource.id, 10, 18)
    await world.sweep()
    assert await asker.matches(request) == []
    await owner.withdraw(resource)
    with pytest.raises(MatchIsWithdrawn) as refused:
        await asker.hold(match)
    assert refused.value.extra["alternatives"] == []


async def test_a_cancelled_booking_is_proposed_to_those_who_missed_it(world: World) -> None:
    owner = await world.member()
    asker, rival = await world.member(owner.pole_id), await world.member(owner.pole_id)
    resource = await owner.offer()
    booking = await rival.book(resource.id, 8, 18)
    request = await asker.request()
    assert await asker.matches(request) == []
    await rival.cancel(booking)
    await world.sweep()
    assert [match.resource_id for match in await asker.matches(request)] == [resource.id]


async def test_a_withdrawn_offer_takes_its_matches_and_bookings_along(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    waiting, taken = await asker.request(), await asker.request()
    booking = await asker.hold((await asker.matches(taken))[0])
    with pytest.raises(Stale):
        await owner.withdraw(resource.model_copy(update={"version": 7}))
    await owner.withdraw(resource)
    assert await asker.matches(waiting) == await asker.matches(taken) == []
    (row,) = await world.rows("SELECT status, cancelled_by FROM booking WHERE id = $1", booking.id)
    assert (row["status"], row["cancelled_by"]) == ("cancelled", "resource_withdrawn")


async def test_a_request_given_up_takes_its_matches_and_bookings_along(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, request = await owner.offer(), await asker.request()
    (match,) = await asker.matches(request)
    booking = await asker.hold(match)
    assert (await asker.give_up(request)).status is p.RequestStatus.WITHDRAWN
    assert await world.events(booking.id) == ["booking_held.v1", "booking_cancelled.v1"]
    assert await asker.free(resource.id) == resource.availability
    assert await asker.matches(request) == []
    with pytest.raises((MatchIsWithdrawn, RequestNotOpen)):
        await asker.hold(match)


async def test_near_misses_tell_what_is_missing_and_by_how_much(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    small = await owner.offer(what=minibus(8))
    flat = await owner.offer(what=minibus(ramp=False))
    dear = await owner.offer(fixed=9000)
    far = await owner.offer(commune=NIORT)
    late = await owner.offer(availability=(given(17, 19),))
    request = await asker.request(line(8, 18, max_km=50, max_price_cents=5000))
    assert await asker.matches(request) == []
    missed = {near.resource_id: [miss.code for miss in near.misses] for near in await asker.near_misses(request)}
    assert missed == {
        small.id: ["too_little.seats"],
        flat.id: ["missing.ramp"],
        dear.id: ["too_dear"],
        far.id: ["too_far"],
        late.id: ["free_from"],
    }


async def test_others_are_served_while_near_misses_are_looked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    small, request = await owner.offer(what=minibus(8)), await asker.request()
    loop, served, look = asyncio.get_running_loop(), threading.Event(), ranking.near_misses

    def long(*asked: Any) -> list[NearMiss]:
        loop.call_soon_threadsafe(served.set)
        assert served.wait(5), "nobody else was served meanwhile"
        return look(*asked)

    monkeypatch.setattr(ranking, "near_misses", long)
    assert [near.resource_id for near in await asker.near_misses(request)] == [small.id]


async def test_a_taken_resource_is_missed_without_telling_by_whom(world: World) -> None:
    owner = await world.member()
    asker, rival = await world.member(owner.pole_id), await world.member(owner.pole_id)
    resource = await owner.offer()
    await rival.book(resource.id, 8, 18)
    (near,) = await asker.near_misses(await asker.request())
    assert [miss.code for miss in near.misses] == ["taken"]
    assert str(rival.id) not in near.model_dump_json()


async def test_nothing_of_the_past_is_proposed(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    world.now = period(13, 14).start + timedelta(minutes=1)
    (match,) = await asker.matches(await asker.request())
    assert match.period.start == period(13.25, 14).start


async def test_the_nearest_and_best_fitting_comes_first(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    far, big, best = await owner.offer(commune=NIORT), await owner.offer(what=minibus(30)), await owner.offer()
    found = await asker.matches(await asker.request())
    assert [match.resource_id for match in found] == [best.id, big.id, far.id]
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
