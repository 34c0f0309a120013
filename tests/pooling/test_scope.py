"""What a caller may see: all that membership said of them, in one statement, which row-level security reads too."""

from uuid import UUID, uuid4

from chassis.access import Identity, Scope
from chassis.db import Pool, Tx, in_transaction
from pooling.store.projections import load_scope
from schemas import membership as m
from tests.pooling.world import PLACE, World, organisation


async def scope_of(pool: Pool, person: UUID) -> tuple[Scope, list[set[str]]]:
    """The scope, and what row-level security reads of it."""

    async def work(tx: Tx) -> tuple[Scope, list[set[str]]]:
        scope = await load_scope(tx, Identity(person, "person"))
        row = await tx.fetchrow(
            """
            SELECT current_setting('polepool.organisations'), current_setting('polepool.poles'),
                current_setting('polepool.partner_poles')
            """
        )
        assert row is not None
        return scope, [set(filter(None, said.split(","))) for said in row]

    return await in_transaction(pool, work)


def membership(organisation_id: UUID, pole_id: UUID, standing: m.Standing = m.Standing.JOINED) -> m.MemberJoined:
    return m.MemberJoined(
        member=m.Member(id=uuid4(), version=2, pole_id=pole_id, organisation_id=organisation_id, standing=standing)
    )


async def test_a_caller_sees_all_their_organisations_and_the_poles_that_these_have_joined(world: World) -> None:
    person, here, there, left, mill, shop = (uuid4() for _ in range(6))
    run = m.Pole(id=uuid4(), version=1, name="Niort", place=PLACE, coordinators=(person,), partners=())
    sharing = await world.pole(there)
    await world.pole(left)  # it shares with a pole where the mill isn't any more
    await world.learn(
        m.OrganisationRegistered(organisation=organisation(mill, person)),
        m.OrganisationRegistered(organisation=organisation(shop, person)),
        membership(mill, here),
        membership(mill, there),
        membership(mill, left, m.Standing.LEFT),
        m.PoleOpened(pole=run),
    )

    scope, read = await scope_of(world.pool, person)

    assert scope == Scope(
        subject=person,
        organisations={mill: "manager", shop: "manager"},
        poles=frozenset((here, there)),
        partner_poles=frozenset((sharing,)),
        coordinates=frozenset((run.id,)),
        memberships=frozenset(((mill, here), (mill, there))),
    )
    assert read == [{str(mill), str(shop)}, {str(here), str(there)}, {str(sharing)}]


async def test_a_caller_of_whom_nothing_is_known_sees_nothing(world: World) -> None:
    await world.member(await world.pole(uuid4()))
    person = uuid4()
    assert await scope_of(world.pool, person) == (Scope(subject=person), [set(), set(), set()])
