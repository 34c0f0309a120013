"""What the plan tells of each line: why it has no place, what would help, what else it could have; to its requester."""

from collections.abc import Awaitable, Callable

import pytest

from chassis.errors import NotFound
from pooling.planning.planner import Planner
from pooling.store import plans
from schemas import pooling as p
from tests.pooling.planning.town import Town, planned, until_quiet
from tests.pooling.world import World, line, minibus, period


async def test_a_line_without_a_place_is_told_why_and_gets_one_when_there_is_room(
    world: World, planner: Planner, town: Town
) -> None:
    third = await town.easy.request(line(8, 10))
    await until_quiet(planner, world)
    told = {request.id: await planned(member, request) for member, request in (
        (town.needy, town.second), (town.easy, third))}  # fmt: skip
    assert sorted(each.status for each in told.values()) == ["planned", "unplanned"]
    (left,) = [each for each in told.values() if each.status == "unplanned"]
    assert left.because is not None
    assert left.because.code == "taken"
    await town.owner.offer(what=minibus(12))
    await until_quiet(planner, world)
    assert [(await planned(town.needy, town.second)).status, (await planned(town.easy, third)).status] == [
        "planned",
        "planned",
    ]


async def test_a_line_that_nothing_suits_is_told_what_would_help_by_the_name_of_what_its_pole_may_see(
    world: World, planner: Planner, town: Town
) -> None:
    await (await world.member()).offer(what=minibus(60))
    many = await town.needy.request(line(12, 14, seats=25))
    await until_quiet(planner, world)
    item = await planned(town.needy, many)
    assert item.status == "unplanned"
    assert item.because is not None
    assert item.because.code == "no_such_resource.measures"
    assert {each.code for each in item.would_help} >= {"possible.at_least"}
    told = " ".join(each.text.fr for each in (item.because, *item.would_help))
    assert town.ramp.title in told
    assert "60" not in told


async def withdrawn(town: Town, van: p.Resource) -> None:
    await town.owner.withdraw(van)


async def booked(town: Town, van: p.Resource) -> None:
    await town.needy.book(van.id, 9, 11)


async def hidden(town: Town, van: p.Resource) -> None:
    await town.owner.world.rows("UPDATE resource SET ring = 'organisation' WHERE id = $1 RETURNING id", van.id)


@pytest.mark.parametrize("change", [withdrawn, booked, hidden])
async def test_a_planned_line_is_told_the_next_best_place_and_what_it_comes_to_while_it_could_have_it(
    world: World, planner: Planner, town: Town, change: Callable[[Town, p.Resource], Awaitable[None]]
) -> None:
    dearer = await town.owner.offer(what=minibus(20, ramp=False), fixed=2250)
    await (await world.member()).offer(what=minibus(20, ramp=False), fixed=1300)
    await town.owner.offer(what=minibus(20, ramp=False), fixed=1300, ring=p.Ring.ORGANISATION)
    await until_quiet(planner, world)
    item = await planned(town.easy, town.first)
    (other,) = item.instead
    assert (other.resource_id, other.title, other.period) == (dearer.id, "Minibus", period(8, 10))
    assert other.difference_cents == -1000
    assert other.text.fr.endswith("mais le plan du territoire vaudrait 10\u00a0€ de moins")
    assert other.text.en.endswith("but the plan of the territory would be worth €10 less")
    await change(town, dearer)
    item = await planned(town.easy, town.first)
    assert (item.status, item.instead) == ("planned", [])


async def test_another_start_on_the_same_resource_is_told_too_and_nothing_once_the_line_is_booked(
    world: World, planner: Planner
) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    request = await asker.request(line(8, 10.5))
    await until_quiet(planner, world)
    item = await planned(asker, request)
    told = [(each.period, each.difference_cents) for each in item.instead]
    assert told == [(period(8.25, 10.25), 0), (period(8.5, 10.5), 0)]
    assert item.match is not None
    await asker.hold(item.match)
    assert (await planned(asker, request)).instead == []


PASSES = """
    UPDATE request_line SET within = tstzrange(now() - interval '4 hours', now() - interval '2 hours')
    WHERE request_id = ANY($1) RETURNING id
"""


async def test_a_line_whose_window_has_passed_is_told_so_and_no_longer_counted_in_the_plan(
    world: World, planner: Planner, town: Town
) -> None:
    third = await town.easy.request(line(8, 10))
    await until_quiet(planner, world)
    before = await world.system(plans.measure)
    asked = [(town.easy, town.first), (town.needy, town.second), (town.easy, third)]
    await world.rows(PASSES, [request.id for _, request in asked])
    await until_quiet(planner, world)
    after = await world.system(plans.measure)
    assert (before.placed - after.placed, sum(before.unplaced.values()) - sum(after.unplaced.values())) == (2, 1)
    for member, request in asked:
        item = await planned(member, request)
        assert (item.status, item.match, item.because and item.because.code) == ("unplanned", None, "late")


async def test_a_plan_is_its_requesters_alone(world: World, planner: Planner, town: Town) -> None:
    await until_quiet(planner, world)
    for stranger in (town.easy, town.owner, await world.member()):
        with pytest.raises(NotFound):
            await planned(stranger, town.second)
