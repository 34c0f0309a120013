"""Free time is availability without live bookings, whatever happens in whatever order and by however many at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.errors import Refused
from pooling.domain.bookings import LIVE
from pooling.domain.refusals import NotOffered, SlotTaken
from pooling.handlers import commands, resources
from schemas import pooling as p
from tests.pooling.world import DAY, Member, World, minibus, period
from tests.pooling.world import given as asked

FREE = """
    SELECT free, availability - coalesce((SELECT range_agg(period) FROM booking
        WHERE booking.resource_id = resource.id AND booking.status IN ('held', 'confirmed')), '{}') AS left_over
    FROM resource JOIN resource_free ON resource_id = id WHERE id = $1
"""
OVERLAPS = """
    SELECT a.id FROM booking a JOIN booking b ON b.resource_id = a.resource_id AND b.id > a.id AND b.period && a.period
    WHERE a.resource_id = $1 AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')
"""
CLIENTS, SLOTS = 24, 4


async def check(world: World, resource_id: UUID) -> None:
    """Fail unless the free-time row equals the bookings, and none overlap."""
    (row,) = await world.rows(FREE, resource_id)
    assert row["free"] == row["left_over"]
    assert await world.rows(OVERLAPS, resource_id) == []


@dataclass
class Story:
    """What random operations did so far."""

    world: World
    owner: Member
    asker: Member
    resource: p.Resource
    bookings: list[p.Booking] = field(default_factory=list)

    async def book(self, start: int, length: int) -> None:
        """Try to book."""
        self.bookings.append(
            await self.asker.book(self.resource.id, start, start + length, version=self.resource.version)
        )

    async def confirm(self, which: int, _: int) -> None:
        """Try to confirm one of them."""
        await self._turn(which, self.owner.confirm)

    async def cancel(self, which: int, side: int) -> None:
        """Try to cancel one of them."""
        await self._turn(which, (self.owner if side % 2 else self.asker).cancel)

    async def _turn(self, which: int, do: Callable[[p.Booking], Awaitable[p.Booking]]) -> None:
        if self.bookings:
            which %= len(self.bookings)
            self.bookings[which] = await do(self.bookings[which])

    async def expire(self, hours: int, _: int) -> None:
        """Let time go on, and holds lapse."""
        self.world.now += timedelta(hours=hours)
        await self.world.expire()
        rows = await self.world.rows("SELECT id, status, version FROM booking WHERE resource_id = $1", self.resource.id)
        now = {row["id"]: {"status": p.BookingStatus(row["status"]), "version": row["version"]} for row in rows}
        self.bookings = [booking.model_copy(update=now[booking.id]) for booking in self.bookings]

    async def change(self, start: int, length: int) -> None:
        """Offer it for other hours."""
        terms = commands.ResourceTerms(
            title="Minibus",
            characteristics=minibus(),
            commune="01263",
            ring=p.Ring.POLE,
            availability=(asked(start, start + length), asked(start + length + 1, start + length + 3)),
        )
        command = commands.ChangeResource(self.resource.id, self.resource.version, terms)
        self.resource = await self.owner.does(lambda tx, scope: resources.change(tx, scope, command, self.world.now))


operations = st.lists(
    st.tuples(
        st.sampled_from([Story.book, Story.book, Story.book, Story.confirm, Story.cancel, Story.expire, Story.change]),
        st.integers(6, 18),
        st.integers(1, 4),
    ),
    min_size=4,
    max_size=14,
)


@given(operations)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_free_time_always_equals_availability_without_bookings(
    world: World, steps: list[tuple[Callable[[Story, int, int], Awaitable[None]], int, int]]
) -> None:
    world = World(world.pool)
    owner = await world.member()
    story = Story(world, owner, await world.member(owner.pole_id), await owner.offer())
    for operation, first, second in steps:
        try:
            await operation(story, first, second)
        except Refused:
            continue
        finally:
            await check(world, story.resource.id)


async def test_many_clients_on_few_slots_get_each_slot_once_and_never_an_error(world: World) -> None:
    owner = await world.member()
    vans = [await owner.offer(), await owner.offer()]
    clients = [await world.member(owner.pole_id) for _ in range(4)]
    outcomes: Counter[str] = Counter()

    async def insist(number: int) -> None:
        rng = random.Random(number)  # noqa: S311 - which slot to try
        for _ in range(15):
            van, start = rng.choice(vans), 8 + rng.randrange(SLOTS)
            client = clients[number % len(clients)]
            try:
                booking = await client.book(van.id, start, start + 1)
                outcomes["held"] += 1
                await (owner.confirm(booking) if rng.random() < 0.3 else client.cancel(booking))
            except SlotTaken:
                outcomes["taken"] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(insist(number))
    for van in vans:
        await check(world, van.id)
    live = await world.rows(
        "SELECT status FROM booking WHERE status = ANY($1) AND resource_id = ANY($2)",
        [each.value for each in LIVE],
        [van.id for van in vans],
    )
    assert outcomes.total() == CLIENTS * 15
    assert outcomes["held"] >= len(live) >= 1
    assert outcomes["taken"] > 0


async def test_the_constraint_refuses_what_a_wrong_free_row_would_let_through(world: World) -> None:
    owner = await world.member()
    resource = await owner.offer()
    await owner.book(resource.id, 9, 11)
    await world.rows(
        "UPDATE resource_free SET free = free + tstzmultirange($2) WHERE resource_id = $1 RETURNING 1",
        resource.id,
        asyncpg.Range(DAY + timedelta(hours=9), DAY + timedelta(hours=11)),
    )
    with pytest.raises(SlotTaken):
        await owner.book(resource.id, 10, 12)


@pytest.mark.parametrize("bad", ["empty", "[2026-12-01,)", "(,2026-12-01)", "(2026-12-01,2026-12-02]"])
async def test_the_database_refuses_periods_that_could_hide_an_overlap(world: World, bad: str) -> None:
    owner = await world.member()
    booking = await owner.book((await owner.offer()).id, 9, 11)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.rows("UPDATE booking SET period = $2::text::tstzrange WHERE id = $1", booking.id, bad)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.rows(
            "UPDATE booking SET period = tstzrange(lower(period), lower(period) + interval '32 days') WHERE id = $1",
            booking.id,
        )


async def test_hours_that_are_not_offered_are_refused_as_such(world: World) -> None:
    owner = await world.member()
    resource = await owner.offer()
    with pytest.raises(NotOffered):
        await owner.book(resource.id, 17, 19)
    assert await owner.free(resource.id) == (period(8, 18),)
