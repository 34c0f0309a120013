"""Who sees what: the rings by the store's own conditions, and by row-level security when a condition is forgotten."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from uuid import UUID

import asyncpg
import pytest

from chassis.access import Identity
from chassis.db import Pool, Tx, as_system, open_pool
from chassis.errors import NotFound
from chassis.testing import Parts, fresh_database
from pooling.domain.refusals import SlotTaken
from pooling.store.projections import load_scope
from schemas import pooling as p
from tests.pooling.world import Member, World

TENANTS = ["resource", "resource_free", "request", "request_line", "match", "booking"]


@pytest.fixture(scope="module")
async def apart(parts: Parts) -> AsyncIterator[Pool]:
    """A database of this module's own: what is offered to everyone here would turn up in other tests."""
    made = await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})
    opened = await open_pool(made)
    yield opened
    await opened.close()


@pytest.fixture
def world(apart: Pool) -> World:
    """pooling on that database."""
    return World(apart)


@asynccontextmanager
async def inside(world: World, member: Member | None) -> AsyncIterator[Tx]:
    """A transaction in somebody's scope (or none at all), rolled back at the end."""
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        if member is not None:
            await as_system(connection)
            await load_scope(connection, Identity(member.person, "person"))
        yield connection
        await transaction.rollback()


class Neighbourhood:
    """A pole that shares with a partner pole, and another pole; offers in each ring."""

    def __init__(self, owner: Member, mate: Member, partner: Member, other: Member) -> None:
        self.owner, self.mate, self.partner, self.other = owner, mate, partner, other


@pytest.fixture
async def around(world: World) -> Neighbourhood:
    partner = await world.member()
    owner = await world.member(await world.pole(partner.pole_id))
    return Neighbourhood(owner, await world.member(owner.pole_id), partner, await world.member())


async def test_each_ring_reaches_as_far_as_it_says(world: World, around: Neighbourhood) -> None:
    offers = {ring: (await around.owner.offer(ring=ring)).id for ring in p.Ring}
    own, pole, partners, everyone = (offers[ring] for ring in p.Ring)
    reach = {
        around.owner.person: {own, pole, partners, everyone},
        around.mate.person: {pole, partners, everyone},
        around.partner.person: {partners, everyone},
        around.other.person: {everyone},
    }
    for member in (around.owner, around.mate, around.partner, around.other):
        expected = reach[member.person]
        assert await member.sees() & set(offers.values()) == expected
        async with inside(world, member) as tx:  # the second wall alone
            for table, name in (("resource", "id"), ("resource_free", "resource_id")):
                query = f"SELECT {name} AS id FROM {table} WHERE {name} = ANY($1)"  # noqa: S608
                rows = await tx.fetch(query, list(offers.values()))
                assert {row["id"] for row in rows} == expected, table
        request = await member.request()
        proposed = {match.resource_id for match in await member.matches(request)}
        near = {miss.resource_id for miss in await member.near_misses(request)}
        assert (proposed | near) & set(offers.values()) <= expected
        for number, resource_id in enumerate(sorted(set(offers.values()) - expected)):
            with pytest.raises(NotFound):
                await member.book(resource_id, 9 + number, 10 + number)


async def test_the_sweeper_proposes_to_nobody_beyond_the_ring(world: World, around: Neighbourhood) -> None:
    asked = {member.person: await member.request() for member in (around.mate, around.partner, around.other)}
    for ring, expected in (
        (p.Ring.POLE, {around.mate.person}),
        (p.Ring.PARTNER_POLES, {around.mate.person, around.partner.person}),
    ):
        offer = await around.owner.offer(ring=ring)
        await world.sweep()
        for member in (around.mate, around.partner, around.other):
            found = {match.resource_id for match in await member.matches(asked[member.person])}
            assert (offer.id in found) is (member.person in expected), (ring, member)


async def test_a_refusal_offers_only_what_its_requester_may_see(world: World, around: Neighbourhood) -> None:
    everyone = await around.owner.offer(ring=p.Ring.EVERYONE)
    await around.owner.offer(ring=p.Ring.POLE)
    await around.mate.book(everyone.id, 9, 11)
    with pytest.raises(SlotTaken) as refused:
        await around.other.book(everyone.id, 9, 11)
    foreign = {each.resource_id for each in _instead(refused.value)} - await around.other.sees()
    assert not foreign


def _instead(refusal: SlotTaken) -> list[p.Match]:
    found = refusal.extra["alternatives"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("table", TENANTS)
async def test_row_level_security_is_forced_and_without_a_scope_nothing_is_there(
    world: World, around: Neighbourhood, table: str
) -> None:
    await around.owner.offer()
    await around.mate.hold((await around.mate.matches(await around.mate.request()))[0])
    assert (await world.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] > 0  # noqa: S608
    async with inside(world, None) as tx:
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
        forced = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass"
        assert await tx.fetchval(forced, table) is True


async def test_requests_matches_and_bookings_are_their_sides_alone(world: World, around: Neighbourhood) -> None:
    offer = await around.owner.offer(fixed=0)
    request = await around.mate.request()
    match = (await around.mate.matches(request))[0]
    assert match.resource_id == offer.id
    booking = await around.mate.hold(match)
    rows: dict[str, UUID] = {"request": request.id, "match": match.id, "booking": booking.id}
    for member, expected in (
        (around.mate, set(rows)),
        (around.owner, {"booking"}),
        (await world.member(around.owner.pole_id), set()),
        (around.partner, set()),
    ):
        async with inside(world, member) as tx:
            query = "SELECT count(*) FROM {} WHERE id = $1"
            seen = {table for table, id_ in rows.items() if await tx.fetchval(query.format(table), id_)}
        assert seen == expected


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE resource SET title = 'mine'",
        "UPDATE resource SET organisation_id = '{eve}'",
        "UPDATE booking SET status = 'confirmed', expires_at = NULL",
        "INSERT INTO request VALUES (gen_random_uuid(), 1, '{pole}', '{owner}', 2, NULL, 'open', 'x')",
    ],
)
async def test_what_is_anothers_cannot_be_written(world: World, around: Neighbourhood, statement: str) -> None:
    offer = await around.owner.offer(ring=p.Ring.EVERYONE)
    booking = await around.mate.book(offer.id, 9, 11)
    async with inside(world, eve := around.other) as tx:
        written = statement.format(eve=eve.id, owner=around.owner.id, pole=around.owner.pole_id)
        try:
            await tx.execute(written)
        except asyncpg.InsufficientPrivilegeError:
            return
        await as_system(tx)
        title = await tx.fetchval("SELECT title FROM resource WHERE id = $1", offer.id)
        status = await tx.fetchval("SELECT status FROM booking WHERE id = $1", booking.id)
        assert (title, status) == ("Minibus", "held")


async def test_a_coordinator_or_an_organisation_without_a_pole_sees_no_offer(world: World) -> None:
    owner, former = await world.member(), await world.member()
    offer = await owner.offer(ring=p.Ring.EVERYONE)
    await former.leave()
    assert await former.sees() == set()
    with pytest.raises(NotFound):
        await former.free(offer.id)
