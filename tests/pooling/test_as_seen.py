"""What is taken is what was looked at: another period, price or resource since is refused, with what it is now."""

from datetime import timedelta

import pytest

from chassis.errors import Invalid
from pooling.domain.refusals import MatchIsWithdrawn, OfferChanged
from pooling.handlers import commands
from schemas import pooling as p
from tests.pooling.world import MONTMERLE, NIORT, Member, World, alternatives, given, line, minibus, period


async def proposed(world: World, *lines: commands.LineGiven) -> tuple[Member, Member, p.Resource, p.Request, p.Match]:
    """An owner, a requester, what is offered, asked and proposed."""
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    request = await asker.request(*lines)
    (match,) = await asker.matches(request)
    return owner, asker, resource, request, match


async def test_a_match_that_moved_since_it_was_seen_is_refused_and_told_as_it_is_now(world: World) -> None:
    owner, asker, resource, request, seen = await proposed(world)
    assert seen.period == period(8, 10)
    rival = await world.member(owner.pole_id)
    await rival.book(resource.id, 8, 12)
    await owner.change(resource, fixed=90_000)
    await world.sweep()
    with pytest.raises(OfferChanged) as refused:
        await asker.hold(seen)
    now = refused.value.extra["match"]
    assert isinstance(now, p.Match)
    assert (now.period, now.price_cents) == (period(12, 14), 90_000)
    assert await world.rows("SELECT id FROM booking WHERE request_id = $1", request.id) == []
    assert (await asker.hold(now)).price_cents == 90_000


async def test_a_direct_hold_at_another_price_than_was_seen_is_refused_and_told_the_new_one(world: World) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource = await owner.offer()
    await owner.change(resource, fixed=90_000)
    with pytest.raises(OfferChanged) as refused:
        await asker.book(resource.id, 9, 11)
    now = refused.value.extra["resource"]
    assert isinstance(now, p.Resource)
    assert (now.version, now.price.fixed_cents) == (2, 90_000)
    assert (await asker.book(resource.id, 9, 11, version=now.version)).price_cents == 90_000


@pytest.mark.parametrize(
    ("what", "commune", "fixed"),
    [
        (minibus(2), "01263", 1250),
        (minibus(ramp=False), "01263", 1250),
        (minibus(), NIORT, 1250),
        (minibus(), "01263", 1),
    ],
)
async def test_a_match_is_not_taken_at_terms_that_changed_before_anybody_looked_again(
    world: World, what: commands.VehicleGiven, commune: str, fixed: int
) -> None:
    owner, asker, resource, _, match = await proposed(world)
    like = await owner.offer(fixed=5000)
    await owner.change(resource, what=what, commune=commune, fixed=fixed)
    with pytest.raises(OfferChanged) as refused:
        await asker.hold(match)
    assert like.id in [each.resource_id for each in alternatives(refused)]
    assert await asker.free(resource.id) == (period(8, 18),)


def whichever(kind: p.Kind) -> commands.LineGiven:
    """A need for something of a kind, whatever it has."""
    return commands.LineGiven(kind=kind, window=given(8, 18), minutes=120, at_least={}, commune=MONTMERLE)


def fit(match: p.Match) -> str:
    """What the match tells of what there is."""
    return next(reason.text.en for reason in match.reasons if reason.code == "fit")


COOK, LAWYER = (commands.StaffGiven(kind="staff", skills=(skill,)) for skill in (p.Skill.COOKING, p.Skill.LEGAL))


@pytest.mark.parametrize(
    ("kind", "before", "after", "told", "now"),
    [
        (p.Kind.VEHICLE, minibus(), minibus(2), "9 seats", "2 seats"),
        (p.Kind.STAFF, COOK, LAWYER, "Cooking", "Law"),
    ],
)
async def test_what_a_match_told_though_nobody_asked_is_what_is_taken_or_it_is_told_anew(
    world: World,
    kind: p.Kind,
    before: commands.VehicleGiven | commands.StaffGiven,
    after: commands.VehicleGiven | commands.StaffGiven,
    told: str,
    now: str,
) -> None:
    owner = await world.member()
    asker = await world.member(owner.pole_id)
    resource, request = await owner.offer(what=before), await asker.request(whichever(kind))
    (seen,) = await asker.matches(request)
    await owner.change(resource, what=after)
    with pytest.raises(OfferChanged):
        await asker.hold(seen)
    await world.sweep()
    (again,) = await asker.matches(request)
    assert (fit(seen), fit(again)) == (told, now)
    assert (again.id, again.version, again.score) == (seen.id, seen.version + 1, seen.score)
    assert await world.events(seen.id) == ["match_proposed.v1"] * 2
    with pytest.raises(OfferChanged):
        await asker.hold(seen)
    assert (await asker.hold(again)).match_id == seen.id


async def test_a_change_that_no_match_tells_of_is_told_nobody(world: World) -> None:
    owner, _, resource, _, match = await proposed(world)
    child_seats = commands.VehicleGiven(kind="vehicle", seats=9, energy=p.Energy.DIESEL, ramp=True, child_seats=2)
    await owner.change(resource, what=child_seats)
    await world.sweep()
    assert await world.events(match.id) == ["match_proposed.v1"]


async def test_a_resource_stays_of_its_kind(world: World) -> None:
    owner, asker, resource, request, match = await proposed(world, whichever(p.Kind.VEHICLE))
    with pytest.raises(Invalid) as refused:
        await owner.change(resource, what=commands.PremisesGiven(kind="premises", capacity=9, area_m2=30))
    assert refused.value.field == "characteristics.kind"
    assert refused.value.rule.startswith("must stay vehicle")
    assert await world.events(resource.id) == ["resource_offered.v1"]
    assert await asker.matches(request) == [match]


async def test_a_match_whose_period_has_begun_is_refused_with_what_else_fits(world: World) -> None:
    _, asker, resource, _, match = await proposed(world, line(8, 18))
    world.now = period(8, 10).start + timedelta(minutes=5)
    with pytest.raises(MatchIsWithdrawn) as refused:
        await asker.hold(match)
    (alternative,) = alternatives(refused)
    assert (alternative.resource_id, alternative.period) == (resource.id, period(8.25, 10.25))


async def test_what_a_refusal_offers_instead_can_be_taken_as_it_is_told(world: World) -> None:
    owner, asker, resource, request, match = await proposed(world)
    await owner.offer(fixed=2000)
    await world.sweep()
    other = next(each for each in await asker.matches(request) if each.id != match.id)
    await owner.change(resource, what=minibus(2))
    with pytest.raises(OfferChanged) as refused:
        await asker.hold(match)
    (instead,) = alternatives(refused)
    assert (instead.match_id, instead.match_version, instead.resource_version) == (other.id, other.version, 1)
    assert (await asker.hold(other)).match_id == instead.match_id
