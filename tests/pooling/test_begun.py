"""A proposal doesn't outlive the moment it is for."""

from datetime import timedelta

from schemas import pooling as p
from tests.pooling.world import World, line, period


async def test_a_proposal_whose_period_has_begun_moves_on_in_its_window_and_goes_with_the_window(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    request = await asker.request(line(8, 18, minutes=120))
    assert [match.period for match in await asker.matches(request)] == [period(8, 10)]
    world.now = period(8, 10).start + timedelta(minutes=50)
    await world.sweep()
    (later,) = await asker.matches(request)
    assert (later.period, later.status) == (period(9, 11), p.MatchStatus.PROPOSED)
    world.now = period(8, 18).end - timedelta(minutes=119)
    await world.sweep()
    assert await asker.matches(request) == []
    assert (await world.events(later.id))[-1] == "match_withdrawn.v1"
