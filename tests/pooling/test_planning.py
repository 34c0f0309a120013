"""The territory's plan, on a database of its own and with the real solving process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from chassis.db import Pool, open_pool
from chassis.errors import NotFound
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database
from pooling.handlers import requests
from pooling.handlers.answers import PlannedLine
from pooling.matching.problem import Plan, Problem
from pooling.planning import solving
from pooling.planning.planner import Planner
from pooling.planning.solving import Solver, Unsolved
from schemas import pooling as p
from tests.pooling.world import Member, World, line, minibus, period

Between = Callable[[], Awaitable[object]]


class Interrupted(Solver):
    """A solving process, with something that happens once, while it searches."""

    between: Between | None = None

    async def plan(self, problems: Sequence[Problem], seconds: float) -> list[Plan]:
        """Let it happen, then search."""
        between, self.between = self.between, None
        if between is not None:
            await between()
        return await super().plan(problems, seconds)


@pytest.fixture(scope="module")
async def database(parts: Parts) -> DatabaseSettings:
    """A database of this module's own: a plan is one of everything that is there."""
    return await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})


@pytest.fixture(scope="module")
async def pool(database: DatabaseSettings) -> AsyncIterator[Pool]:
    opened = await open_pool(database)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def solver() -> AsyncIterator[Interrupted]:
    """One for all: it takes a while to start."""
    async with Interrupted(2048) as made:
        yield made


@pytest.fixture
def planner(pool: Pool, database: DatabaseSettings, solver: Interrupted) -> Planner:
    return Planner(pool, database, solver, 5.0, timedelta(hours=1))


async def planned(member: Member, request: p.Request) -> PlannedLine:
    """What the plan has for a request of one line."""
    (item,) = (await member.does(lambda tx, scope: requests.plan(tx, scope, request.id))).items
    return item


async def until_quiet(planner: Planner, world: World) -> None:
    """Plan and match anew until nothing is left to do."""
    while await planner.look():
        await world.sweep()


class Town:
    """A pole with two vans, one of them with a ramp, and two who ask for the same two hours, one for the ramp."""

    def __init__(self, owner: Member, easy: Member, needy: Member) -> None:
        self.owner, self.easy, self.needy = owner, easy, needy

    async def fill(self) -> None:
        """Whoever needs no ramp asks first, and the van with the ramp fits better."""
        self.ramp = await self.owner.offer()
        self.plain = await self.owner.offer(what=minibus(20, ramp=False))
        self.first = await self.easy.request(line(8, 10, features=()))
        self.second = await self.needy.request(line(8, 10))


@pytest.fixture
async def town(world: World) -> Town:
    owner = await world.member()
    made = Town(owner, await world.member(owner.pole_id), await world.member(owner.pole_id))
    await made.fill()
    return made


async def test_a_plan_serves_both_where_first_come_would_leave_one_unserved(
    world: World, planner: Planner, town: Town
) -> None:
    first, second = (await town.easy.matches(town.first))[0], (await town.needy.matches(town.second))[0]
    assert first.resource_id == second.resource_id == town.ramp.id
    await until_quiet(planner, world)
    easy, needy = await planned(town.easy, town.first), await planned(town.needy, town.second)
    assert (easy.status, needy.status) == ("planned", "planned")
    assert easy.match is not None
    assert easy.match.resource_id == town.plain.id
    assert needy.match == second
    assert [match.resource_id for match in await town.easy.matches(town.first)] == [town.plain.id]
    assert await world.events(first.id) == ["match_proposed.v1", "match_withdrawn.v1"]
    (row,) = await world.rows("SELECT data FROM outbox WHERE key = $1 ORDER BY id DESC LIMIT 1", first.id)
    assert "planned_for_another" in row["data"]


async def test_what_has_not_changed_is_not_planned_again(world: World, planner: Planner, town: Town) -> None:
    await until_quiet(planner, world)
    before = await world.rows("SELECT max(id) AS last FROM outbox")
    assert not await planner.look()
    assert await world.rows("SELECT max(id) AS last FROM outbox") == before
    await town.owner.offer()
    assert await planner.look()


async def test_what_changes_while_it_is_planned_is_dropped_and_planned_again(
    world: World, planner: Planner, solver: Interrupted, town: Town
) -> None:
    await town.owner.offer(what=minibus(30))
    solver.between = lambda: town.easy.book(town.ramp.id, 8, 10)
    assert await planner.look()
    both = (town.easy, town.first), (town.needy, town.second)
    assert sorted([(await planned(*each)).status for each in both]) == ["planned", "waiting"]
    await until_quiet(planner, world)
    found = [await planned(*each) for each in both]
    assert [each.status for each in found] == ["planned", "planned"]
    assert town.ramp.id not in {each.match.resource_id for each in found if each.match}


async def test_a_solving_process_that_dies_leaves_nothing_and_the_next_one_plans(
    world: World, planner: Planner, solver: Interrupted, town: Town
) -> None:
    async def die() -> None:
        assert solver.process is not None
        solver.process.kill()

    before = await world.rows("SELECT max(id) AS last FROM outbox")
    solver.between = die
    with pytest.raises(Unsolved, match="ended with -9"):
        await planner.look()
    assert await world.rows("SELECT max(id) AS last FROM outbox") == before
    assert (await planned(town.needy, town.second)).status == "waiting"
    await until_quiet(planner, world)
    assert (await planned(town.needy, town.second)).status == "planned"


async def test_two_replicas_share_the_parts(
    world: World, planner: Planner, solver: Interrupted, town: Town, pool: Pool, database: DatabaseSettings
) -> None:
    await until_quiet(planner, world)
    far = await world.member()
    await far.offer()
    lonely, again = await far.request(), await town.needy.request(line(11, 13))
    async with Solver(2048) as another:
        small, other = (
            Planner(pool, database, each, 5.0, timedelta(hours=1), most_lines=1) for each in (solver, another)
        )
        looked: list[bool] = []

        async def meanwhile() -> None:
            looked.extend([await other.look(), await other.look()])

        solver.between = meanwhile
        assert await small.look()
    assert looked == [True, False]
    statuses = [(await planned(far, lonely)).status, (await planned(town.needy, again)).status]
    assert statuses == ["planned", "planned"]


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


async def test_a_line_that_makes_room_for_another_moves_on_with_its_match(world: World, planner: Planner) -> None:
    owner = await world.member()
    easy, fixed = await world.member(owner.pole_id), await world.member(owner.pole_id)
    await owner.offer()
    first = await easy.request(line(8, 12))
    await until_quiet(planner, world)
    second = await fixed.request(line(8, 10))
    await until_quiet(planner, world)
    moved, there = await planned(easy, first), await planned(fixed, second)
    assert moved.match is not None
    assert there.match is not None
    assert (moved.match.period, there.match.period) == (period(10, 12), period(8, 10))
    assert moved.match.version == 2
    assert await world.events(moved.match.id) == ["match_proposed.v1"] * 2


async def test_a_plan_is_its_requesters_alone(world: World, planner: Planner, town: Town) -> None:
    await until_quiet(planner, world)
    for stranger in (town.easy, town.owner, await world.member()):
        with pytest.raises(NotFound):
            await planned(stranger, town.second)


async def test_a_solving_process_is_niced_and_held_and_killed_past_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Solver(2048) as solver:
        assert await solver.divide(Problem((), ())) == []
        assert solver.process is not None
        pid = solver.process.pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        assert str(2048 * 2**20) in await asyncio.to_thread(Path(f"/proc/{pid}/limits").read_text)
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(solving, "GRACE", 0.2)
        with pytest.raises(Unsolved, match="killed after"):
            await solver.divide(Problem((), ()))
        assert solver.process is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_times_of_the_plan_are_the_lines_own_to_the_second(world: World, planner: Planner) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    await owner.offer()
    request = await asker.request(line(8 + 20 / 3600, 12))
    await until_quiet(planner, world)
    item = await planned(asker, request)
    assert item.match is not None
    assert item.match.period == period(8 + 20 / 3600, 10 + 20 / 3600)
