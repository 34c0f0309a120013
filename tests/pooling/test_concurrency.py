"""Many at once: one slot has one winner, nobody deadlocks, and the free time always adds up."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg

from chassis.db import as_system
from chassis.errors import Refused
from chassis.testing import eventually
from pooling.domain.refusals import SlotTaken
from pooling.handlers import unfolding
from pooling.store import resources
from schemas import pooling as p
from tests.pooling.world import Member, World, line, minibus


async def adds_up(world: World, resource_id: object) -> bool:
    """Whether free time is the availability without the live bookings, to the microsecond."""
    (row,) = await world.rows(
        """
        SELECT free = availability - coalesce((SELECT range_agg(period) FROM booking
            WHERE booking.resource_id = resource.id AND status IN ('held', 'confirmed')), '{}') AS sound
        FROM resource JOIN resource_free ON resource_free.resource_id = resource.id WHERE resource.id = $1
        """,
        resource_id,
    )
    return bool(row["sound"])


async def test_of_many_holds_on_one_slot_exactly_one_wins(world: World) -> None:
    owner = await world.member()
    askers = [await world.member(owner.pole_id) for _ in range(8)]
    resource = await owner.offer()
    tried = await asyncio.gather(*(each.book(resource.id, 9, 11) for each in askers), return_exceptions=True)
    assert len([each for each in tried if isinstance(each, p.Booking)]) == 1, tried
    assert len([each for each in tried if isinstance(each, SlotTaken)]) == 7, tried
    assert await adds_up(world, resource.id)


async def test_of_many_takers_of_the_same_resource_by_their_matches_exactly_one_wins(world: World) -> None:
    owner = await world.member()
    askers = [await world.member(owner.pole_id) for _ in range(6)]
    resource, spare = await owner.offer(), await owner.offer(fixed=9000)
    best = [(await each.matches(await each.request(line(8, 10))))[0] for each in askers]
    assert {match.resource_id for match in best} == {resource.id}
    tried = await asyncio.gather(
        *(each.hold(match) for each, match in zip(askers, best, strict=True)), return_exceptions=True
    )
    assert len([each for each in tried if isinstance(each, p.Booking)]) == 1, tried
    losers = [each for each in tried if isinstance(each, SlotTaken)]
    assert len(losers) == 5, tried
    assert all(refused.extra["alternatives"] for refused in losers)
    assert await adds_up(world, spare.id)


async def deadlocks(world: World) -> int:
    """How many deadlocks the database has broken so far, as all sessions of the pool know of."""
    async with AsyncExitStack() as stack:
        for _ in range(world.pool.get_size()):
            session = await stack.enter_async_context(world.pool.acquire())
            await session.execute("SELECT pg_stat_force_next_flush()")
        (row,) = await session.fetch("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(row["deadlocks"])


async def test_what_sessions_know_of_deadlocks_is_counted(world: World) -> None:
    before, ready = await deadlocks(world), asyncio.Barrier(2)

    async def lock(first: str, then: str) -> None:
        async with world.pool.acquire() as session, session.transaction():
            await session.execute("SELECT pg_advisory_xact_lock(hashtext($1::text))", first)
            await ready.wait()
            await session.execute("SELECT pg_advisory_xact_lock(hashtext($1::text))", then)

    ended = await asyncio.gather(lock("one", "other"), lock("other", "one"), return_exceptions=True)
    assert [type(each) for each in ended if each] == [asyncpg.DeadlockDetectedError]
    assert await deadlocks(world) == before + 1


async def test_a_request_of_many_lines_locks_what_it_is_proposed_in_order_of_id(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    first, second = await owner.offer(what=minibus(2)), await owner.offer(what=minibus(9))
    async with world.pool.acquire() as session, session.transaction():
        await as_system(session)
        await resources.lock(session, unfolding.SYSTEM, [first.id])
        tight = line(8, 10, seats=2, max_price_cents=1250)
        asking = asyncio.create_task(asker.request(line(8, 10, seats=9), tight))

        async def waits() -> bool:
            return bool(await session.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        await session.execute("SELECT id FROM resource WHERE id = $1 FOR UPDATE NOWAIT", second.id)
    assert len(await asker.matches(await asking)) == 3


async def test_everything_at_once_deadlocks_nobody(world: World) -> None:
    before = await deadlocks(world)
    owner = await world.member()
    askers = [await world.member(owner.pole_id) for _ in range(4)]
    offers = [await owner.offer() for _ in range(3)]
    held = [await each.book(offers[n % 3].id, 9 + n, 10 + n) for n, each in enumerate(askers)]

    async def busy(asker: Member, booking: p.Booking) -> None:
        request = await asker.request(line(8, 18), line(10, 12))
        for match in (await asker.matches(request))[:3]:
            await _whatever(asker.hold(match))
        await _whatever(owner.confirm(booking))
        await _whatever(asker.cancel(booking))
        await _whatever(asker.give_up(request))

    await asyncio.gather(
        *(_whatever(busy(asker, booking)) for asker, booking in zip(askers, held, strict=True)),
        *(world.sweep() for _ in range(2)),
        _whatever(owner.withdraw(offers[2])),
        askers[0].leave(),
        world.expire(),
    )
    await world.sweep()
    for offer in offers:
        assert await adds_up(world, offer.id)
    (live,) = await world.rows("SELECT count(*) AS n FROM booking WHERE resource_id = $1 AND cancelled_by IS NULL "
                               "AND status <> 'expired'", offers[2].id)  # fmt: skip
    assert live["n"] == 0
    assert await deadlocks(world) == before


async def _whatever(attempt: object) -> None:
    """A refusal is an answer; anything else is a fault."""
    try:
        await attempt  # type: ignore[misc]
    except Refused:
        return
