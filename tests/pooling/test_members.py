"""What membership says is known once, for all tenants apart, and bites at once."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.consume import Delivery
from chassis.db import as_system, in_transaction
from chassis.errors import NotFound, Poison
from pooling.handlers.members import know_members
from schemas import membership as m
from schemas import pooling as p
from tests.pooling.world import PLACE, Member, World, delivery, organisation


def joined(member: Member, version: int, standing: m.Standing = m.Standing.JOINED) -> m.MemberJoined:
    return m.MemberJoined(member=member.membership.model_copy(update={"version": version, "standing": standing}))


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


async def test_a_member_known_before_its_organisation_waits_for_it(world: World) -> None:
    pole_id, organisation_id, person = await world.pole(), uuid4(), uuid4()
    membership = m.Member(
        id=uuid4(), version=2, pole_id=pole_id, organisation_id=organisation_id, standing=m.Standing.JOINED
    )
    member = Member(world, person, organisation_id, membership)
    await world.learn(m.MemberJoined(member=membership))
    with pytest.raises(NotFound):
        await member.offer()
    await world.learn(m.OrganisationRegistered(organisation=organisation(organisation_id, person)))
    assert (await member.offer()).status is p.ResourceStatus.OFFERED


async def test_a_person_who_loses_the_role_loses_the_access_at_once(world: World) -> None:
    owner = await world.member()
    resource = await owner.offer()
    await world.learn(m.OrganisationChanged(organisation=organisation(owner.id, uuid4(), version=2)))
    with pytest.raises(NotFound):
        await owner.withdraw(resource)
