"""An open request is offered what there is, as long as there is something: the best first, and ten a line at most."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from pooling.domain.matches import AT_MOST, PER_LINE
from pooling.domain.refusals import MatchIsWithdrawn
from pooling.handlers import matching
from schemas import membership as m
from schemas import pooling as p
from tests.pooling.world import PLACE, World, line, organisation, period


async def test_when_others_book_what_was_proposed_the_rest_that_fits_is_proposed(world: World) -> None:
    owner = await world.member()
    asker, rival = await world.member(owner.pole_id), await world.member(owner.pole_id)
    for _ in range(7):
        await owner.offer()
    await world.sweep()
    request = await asker.request()
    first = await asker.matches(request)
    assert len(first) == PER_LINE
    for match in first:
        await rival.book(match.resource_id, 8, 18)
    await world.sweep()
    left = {match.resource_id for match in await asker.matches(request)}
    assert len(left) == 2
    assert left.isdisjoint(match.resource_id for match in first)


@pytest.mark.parametrize("ending", ["declined", "lapsed", "withdrawn"])
async def test_what_came_while_the_line_was_held_is_proposed_when_the_hold_ends(world: World, ending: str) -> None:
    owner, other = await world.member(), await world.member()
    owner = await world.member(other.pole_id)
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request = await asker.request()
    booking = await asker.hold((await asker.matches(request))[0])
    late = await other.offer()
    await world.sweep()
    assert late.id not in {match.resource_id for match in await asker.matches(request)}
    if ending == "declined":
        await owner.cancel(booking)
    elif ending == "withdrawn":
        await owner.withdraw(resource)
    else:
        assert booking.expires_at
        world.now = booking.expires_at
        await world.expire()
    await world.sweep()
    assert late.id in {match.resource_id for match in await asker.matches(request)}


async def test_of_many_new_offers_a_line_is_proposed_the_ten_best(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    request = await asker.request()
    prices = [9000, 100, 8000, 200, 7000, 300, 6000, 400, 5000, 500, 4000, 600, 3000, 700]
    for price in prices:
        await owner.offer(fixed=price)
    await world.sweep()
    found = await asker.matches(request)
    assert [match.price_cents for match in found] == sorted(prices)[:AT_MOST]
    await owner.offer(fixed=0)
    await world.sweep()
    assert len(await asker.matches(request)) == AT_MOST


async def test_a_round_compares_no_more_than_it_may_and_the_next_ones_do_the_rest(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    asked = [await asker.request(line(8, 10), line(10, 12)) for _ in range(4)]
    offers = [await owner.offer() for _ in range(2)]

    async def count() -> int:
        rows = await world.rows(
            "SELECT id FROM match WHERE status = 'proposed' AND requester_organisation_id = $1", asker.id
        )
        return len(rows)

    async def rounds() -> list[int]:
        """How many more or fewer are proposed after each round of three comparisons at most."""
        counts = [await count()]
        while await world.system(lambda tx: matching.rematch_resources(tx, world.now, 3)):
            counts.append(await count())
        return [after - before for before, after in pairwise(counts)]

    assert max(found := await rounds()) == 3
    assert sum(found) == 16
    assert [len(await asker.matches(request)) for request in asked] == [4] * 4
    for offer in offers:
        await owner.change(offer, period(14, 16))
    assert min(found := await rounds()) == -3
    assert sum(found) == -16


async def share(world: World, pole_id: UUID, version: int, *partners: UUID) -> None:
    """What membership says when a pole shares with others than before."""
    pole = m.Pole(id=pole_id, version=version, name="Val de Saône", place=PLACE, coordinators=(), partners=partners)
    await world.learn(m.PoleChanged(pole=pole))


async def test_a_partnership_that_begins_brings_matches_and_one_that_ends_takes_them_away(world: World) -> None:
    owner, asker = await world.member(), await world.member()
    offer = await owner.offer(ring=p.Ring.PARTNER_POLES)
    request = await asker.request()
    assert await asker.matches(request) == []
    await share(world, owner.pole_id, 2, asker.pole_id)
    await world.sweep()
    (match,) = await asker.matches(request)
    assert match.resource_id == offer.id
    await share(world, owner.pole_id, 3)
    await world.sweep()
    assert await asker.matches(request) == []
    assert (await world.events(match.id))[-1] == "match_withdrawn.v1"


async def test_what_its_pole_may_no_longer_book_is_refused_even_to_who_sees_it_from_another_pole(world: World) -> None:
    owner, asker = await world.member(), await world.member()
    await share(world, owner.pole_id, 2, asker.pole_id)
    await owner.offer(ring=p.Ring.PARTNER_POLES)
    (match,) = await asker.matches(await asker.request())
    second = asker.membership.model_copy(update={"id": uuid4(), "organisation_id": uuid4(), "pole_id": owner.pole_id})
    await world.learn(
        m.OrganisationRegistered(organisation=organisation(second.organisation_id, asker.person)),
        m.MemberJoined(member=second),
    )
    await share(world, owner.pole_id, 3)
    with pytest.raises(MatchIsWithdrawn):
        await asker.hold(match)
