"""The territory's plan, on a database of its own and with the real solving process."""

import asyncio
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chassis.db import Pool, Tx
from chassis.settings import DatabaseSettings
from chassis.testing import eventually
from pooling.domain.matches import AT_MOST
from pooling.domain.territory import Territory
from pooling.matching.problem import Problem
from pooling.planning import solving
from pooling.planning.planner import Planner
from pooling.planning.solving import Solver, Unsolved
from pooling.store import plans
from tests.pooling.planning.town import Interrupted, Town, planned, until_quiet
from tests.pooling.world import World, line, minibus, period


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


async def test_what_nobody_has_written_to_is_read_once_in_a_look(
    world: World, planner: Planner, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, read = [], plans.read

    async def counted(tx: Tx, now: datetime) -> Territory:
        reads.append(now)
        return await read(tx, now)

    monkeypatch.setattr(plans, "read", counted)

    async def looked() -> bool:
        """Once more if the server's own housekeeping wrote meanwhile."""
        reads.clear()
        await town.owner.offer(what=minibus(30))
        assert await planner.look()
        return len(reads) == 1

    await eventually(looked)


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


async def test_a_planned_time_that_was_booked_for_a_while_is_proposed_again_however_many_others_are(
    world: World, planner: Planner
) -> None:
    owner = await world.member()
    asker, rival = await world.member(owner.pole_id), await world.member(owner.pole_id)
    for _ in range(AT_MOST + 2):
        await owner.offer()
    request = await asker.request(line(8, 10))
    await until_quiet(planner, world)
    before = (await planned(asker, request)).match
    assert before is not None
    held = await rival.book(before.resource_id, 8, 10)
    await owner.offer()
    await world.sweep()
    await rival.cancel(held)
    await world.sweep()
    assert len(await asker.matches(request)) == AT_MOST
    await until_quiet(planner, world)
    after = await planned(asker, request)
    assert (after.status, after.match) == ("planned", before.model_copy(update={"version": before.version + 2}))
    assert not await planner.look()
