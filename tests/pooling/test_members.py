"""What membership says: known once and for all tenants apart, and what a departure ends."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.consume import Delivery
from chassis.db import as_system, in_transaction
from chassis.errors import NotFound, Poison
from pooling.domain.refusals import NotAMember
from pooling.handlers.members import know_members
from schemas import membership as m
from schemas import pooling as p
from tests.pooling.world import PLACE, Member, World, delivery, organisation


def joined(member: Member, version: int, standing: m.Standing = m.Standing.JOINED) -> m.MemberJoined:
    return m.MemberJoined(member=member.membership.model_copy(update={"version": version, "standing": standing}))


async def test_who_leaves_takes_offers_requests_and_bookings_to_come_along(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, request = await owner.offer(), await asker.request()
    (match,) = await asker.matches(request)
    booking = await owner.confirm(await asker.hold(match))
    await owner.leave()
    assert await world.events(resource.id) == ["resource_offered.v1", "resource_withdrawn.v1"]
    assert (await world.events(booking.id))[-1] == "booking_cancelled.v1"
    (row,) = await world.rows("SELECT status, cancelled_by FROM booking WHERE id = $1", booking.id)
    assert (row["status"], row["cancelled_by"]) == ("cancelled", "member_left")
    assert (await world.events(request.id))[-1] == "request_reopened.v1"
    assert await asker.matches(request) == []
    with pytest.raises(NotAMember):
        await owner.offer()


async def test_a_requester_who_leaves_frees_what_it_booked(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, request = await owner.offer(), await asker.request()
    (match,) = await asker.matches(request)
    booking = await asker.hold(match)
    direct = await asker.book(resource.id, 14, 16)
    await asker.leave()
    assert (await world.events(request.id))[-1] == "request_withdrawn.v1"
    assert [(await world.events(each.id))[-1] for each in (booking, direct)] == ["booking_cancelled.v1"] * 2
    assert await owner.free(resource.id) == resource.availability
    with pytest.raises(NotAMember):
        await asker.book(resource.id, 9, 10)
    with pytest.raises((NotAMember, NotFound)):
        await asker.hold(match)


async def test_a_booking_that_has_begun_outlives_a_departure(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    booking = await owner.confirm(await asker.book((await owner.offer()).id, 9, 11))
    await world.rows(
        "UPDATE booking SET period = tstzrange(now() - interval '1 hour', now() + interval '1 hour') WHERE id = $1",
        booking.id,
    )
    await asker.leave()
    (row,) = await world.rows("SELECT status FROM booking WHERE id = $1", booking.id)
    assert row["status"] == p.BookingStatus.CONFIRMED


async def test_a_departure_told_again_after_a_return_ends_nothing_new(world: World) -> None:
    owner = await world.member()
    before = await owner.offer()
    await owner.leave()
    await world.learn(joined(owner, 5))
    after = await owner.offer()
    await owner.leave()
    assert (await world.events(before.id))[-1] == "resource_withdrawn.v1"
    assert await world.events(after.id) == ["resource_offered.v1"]


async def test_a_return_ends_the_earlier_stay_even_when_the_departure_was_never_heard_of(world: World) -> None:
    owner = await world.member()
    before = await owner.offer()
    await world.learn(joined(owner, 5))
    assert (await world.events(before.id))[-1] == "resource_withdrawn.v1"


async def test_an_older_version_changes_nothing(world: World) -> None:
    member = await world.member()
    await world.learn(joined(member, 1, m.Standing.APPLIED))
    assert (await member.offer()).status is p.ResourceStatus.OFFERED
    newer = organisation(member.id, other := uuid4(), version=3)
    await world.learn(m.OrganisationChanged(organisation=newer))
    await world.learn(m.OrganisationChanged(organisation=organisation(member.id, member.person, version=2)))
    with pytest.raises(NotFound):
        await member.offer()
    assert (await Member(world, other, member.id, member.membership).offer()).version == 1


async def test_a_membership_that_moves_to_another_tenant_is_poison_and_changes_nothing(world: World) -> None:
    member, other = await world.member(), await world.member()
    for stolen in ({"organisation_id": other.id}, {"pole_id": other.pole_id}):
        moved = member.membership.model_copy(update={"version": 9, **stolen})
        with pytest.raises(Poison, match="another tenant"):
            await world.learn(m.MemberJoined(member=moved))
    assert (await member.offer()).version == 1


async def test_a_run_that_claims_one_membership_for_two_tenants_is_poison(world: World) -> None:
    member, other = await world.member(), await world.member()
    fresh = member.membership.model_copy(update={"id": uuid4(), "version": 1})
    twice = [fresh, fresh.model_copy(update={"organisation_id": other.id, "version": 2})]
    run: list[Delivery] = [delivery(m.MemberJoined(member=each)) for each in twice]

    async def work(tx: object) -> None:
        await as_system(tx)  # type: ignore[arg-type]
        await know_members(tx, run)  # type: ignore[arg-type]

    with pytest.raises(Poison, match="another tenant"):
        await in_transaction(world.pool, work)


async def test_a_project_that_moves_to_another_pole_is_poison(world: World) -> None:
    member, other = await world.member(), await world.member()
    project = m.Project(
        id=uuid4(), version=1, pole_id=member.pole_id, lead_organisation_id=member.id, title="Ateliers", summary="",
        activities=("mobility",), place=PLACE, launched_at=world.now - timedelta(days=1),
    )  # fmt: skip
    await world.learn(m.ProjectLaunched(project=project))
    with pytest.raises(Poison, match="another tenant"):
        await world.learn(m.ProjectLaunched(project=project.model_copy(update={"pole_id": other.pole_id})))
