"""pooling on a database of its own: membership's events as the consumer hands them over, and people in their scope."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from chassis.access import Identity, Scope
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.http import Window
from pooling.consumer import HANDLERS
from pooling.domain.bookings import USUAL, HoldRules
from pooling.handlers import bookings, commands, matching, requests, resources
from pooling.handlers.answers import Missed
from pooling.store.projections import load_scope
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event, Period
from tests.pooling.world.givens import (
    DAY,
    MONTMERLE,
    NIORT,
    NOW,
    PLACE,
    alternatives,
    delivery,
    given,
    line,
    minibus,
    organisation,
    period,
)

__all__ = [
    "DAY", "MONTMERLE", "NIORT", "NOW", "PLACE", "Member", "World", "alternatives", "delivery", "given", "line",
    "minibus", "organisation", "period",
]  # fmt: skip

T = TypeVar("T")


@dataclass
class World:
    """pooling's handlers on a real database."""

    pool: Pool
    now: datetime = NOW

    async def learn(self, *events: Event) -> None:
        """What the consumer does with these events, each in its transaction."""
        for event in events:
            handler = HANDLERS[event.TOPIC][type(event)]

            async def work(tx: Tx, event: Event = event, handler: Any = handler) -> None:
                await as_system(tx)
                await handler(tx, [delivery(event)])

            await in_transaction(self.pool, work)

    async def system(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Something done as the system."""

        async def inside(tx: Tx) -> T:
            await as_system(tx)
            return await work(tx)

        return await in_transaction(self.pool, inside)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as the system sees them."""
        return await self.system(lambda tx: _fetch(tx, query, values))

    async def pole(self, *partners: UUID) -> UUID:
        """A new pole that shares with `partners`."""
        pole = m.Pole(id=uuid4(), version=1, name="Val de Saône", place=PLACE, coordinators=(), partners=partners)
        await self.learn(m.PoleOpened(pole=pole))
        return pole.id

    async def member(self, pole_id: UUID | None = None) -> "Member":
        """An organisation with a manager, in a pole (a new one unless given)."""
        organisation_id, person = uuid4(), uuid4()
        membership = m.Member(
            id=uuid4(),
            version=2,
            pole_id=pole_id or await self.pole(),
            organisation_id=organisation_id,
            standing=m.Standing.JOINED,
        )
        await self.learn(m.OrganisationRegistered(organisation=organisation(organisation_id, person)))
        await self.learn(m.MemberJoined(member=membership))
        return Member(self, person, organisation_id, membership)

    async def sweep(self) -> None:
        """Match anew until nothing is left to do."""
        while await self.system(lambda tx: matching.rematch_resources(tx, self.now)):
            pass
        while await self.system(lambda tx: matching.rematch_request(tx, self.now)):
            pass

    async def expire(self) -> int:
        """Let holds lapse."""
        return await self.system(lambda tx: bookings.expire(tx, self.now))

    async def events(self, aggregate_id: UUID) -> list[str]:
        """What the outbox says of an aggregate, in order: the types."""
        found = await self.rows("SELECT type FROM outbox WHERE key = $1 ORDER BY id", aggregate_id)
        return [row["type"].removeprefix("polepool.pooling.") for row in found]


async def _fetch(tx: Tx, query: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in await tx.fetch(query, *values)]


@dataclass
class Member:
    """The manager of an organisation in a pole; each method is one command, in its transaction and its scope."""

    world: World
    person: UUID
    id: UUID
    membership: m.Member

    @property
    def pole_id(self) -> UUID:
        """The pole."""
        return self.membership.pole_id

    async def does(self, work: Callable[[Tx, Scope], Awaitable[T]]) -> T:
        """Something done in this person's scope, as the edge does it."""

        async def inside(tx: Tx) -> T:
            await as_system(tx)
            scope = await load_scope(tx, Identity(self.person, "person"))
            return await work(tx, scope)

        return await in_transaction(self.world.pool, inside)

    async def offer(
        self,
        *,
        what: commands.VehicleGiven | commands.PremisesGiven | commands.StaffGiven | None = None,
        availability: Sequence[commands.PeriodGiven] = (given(8, 18),),
        ring: p.Ring = p.Ring.POLE,
        fixed: int = 1250,
        hour: int = 0,
        commune: str = MONTMERLE,
    ) -> p.Resource:
        """Offer a minibus."""
        command = commands.OfferResource(
            pole_id=self.pole_id,
            organisation_id=self.id,
            title="Minibus",
            characteristics=what or minibus(),
            commune=commune,
            ring=ring,
            price=commands.PriceGiven(fixed_cents=fixed, hour_cents=hour),
            availability=tuple(availability),
        )
        return await self.does(lambda tx, scope: resources.offer(tx, scope, command, self.world.now))

    async def change(
        self,
        resource: p.Resource,
        *availability: Period,
        what: commands.VehicleGiven | commands.PremisesGiven | commands.StaffGiven | None = None,
        commune: str = MONTMERLE,
        ring: p.Ring | None = None,
        fixed: int = 1250,
    ) -> p.Resource:
        """Offer the minibus on other terms: at other times, if any are given."""
        terms = commands.ResourceTerms(
            title=resource.title,
            characteristics=what or minibus(),
            commune=commune,
            ring=ring or resource.ring,
            price=commands.PriceGiven(fixed_cents=fixed),
            availability=tuple(
                commands.PeriodGiven(start=each.start, end=each.end) for each in availability or resource.availability
            ),
        )
        command = commands.ChangeResource(resource.id, resource.version, terms)
        return await self.does(lambda tx, scope: resources.change(tx, scope, command, self.world.now))

    async def request(self, *lines: commands.LineGiven) -> p.Request:
        """Ask for vehicles."""
        command = commands.MakeRequest(
            pole_id=self.pole_id, organisation_id=self.id, title="Sortie", lines=lines or (line(),)
        )
        return await self.does(lambda tx, scope: requests.make(tx, scope, command, self.world.now))

    async def matches(self, request: p.Request) -> list[p.Match]:
        """What is proposed."""
        return (await self.does(lambda tx, scope: requests.list_matches(tx, scope, request.id))).items

    async def hold(self, match: p.Match, *, rules: HoldRules = USUAL) -> p.Booking:
        """Take a match, as it was looked at."""
        return await self._hold(commands.HoldResource(match_id=match.id, match_version=match.version), rules)

    async def book(
        self, resource_id: UUID, start: float, end: float, *, version: int = 1, rules: HoldRules = USUAL
    ) -> p.Booking:
        """Hold a resource directly, at the version that was looked at."""
        command = commands.HoldResource(
            resource_id=resource_id,
            resource_version=version,
            requester_organisation_id=self.id,
            requester_pole_id=self.pole_id,
            period=given(start, end),
        )
        return await self._hold(command, rules)

    async def _hold(self, command: commands.HoldResource, rules: HoldRules) -> p.Booking:
        return await self.does(lambda tx, scope: bookings.hold(tx, scope, command, self.world.now, rules=rules))

    async def bookings(self, window: Window) -> list[p.Booking]:
        """The bookings of which the organisation is a side."""
        return (await self.does(lambda tx, scope: bookings.page(tx, scope, None, None, window))).items

    async def confirm(self, booking: p.Booking) -> p.Booking:
        """Accept a hold."""
        command = commands.Versioned(booking.id, booking.version)
        return await self.does(lambda tx, scope: bookings.confirm(tx, scope, command, self.world.now))

    async def cancel(self, booking: p.Booking) -> p.Booking:
        """Give a booking up."""
        command = commands.Versioned(booking.id, booking.version)
        return await self.does(lambda tx, scope: bookings.cancel(tx, scope, command, self.world.now))

    async def withdraw(self, resource: p.Resource) -> p.Resource:
        """End an offer."""
        command = commands.Versioned(resource.id, resource.version)
        return await self.does(lambda tx, scope: resources.withdraw(tx, scope, command, self.world.now))

    async def give_up(self, request: p.Request) -> p.Request:
        """Withdraw a request."""
        command = commands.Versioned(request.id, request.version)
        return await self.does(lambda tx, scope: requests.withdraw(tx, scope, command, self.world.now))

    async def near_misses(self, request: p.Request) -> list[Missed]:
        """What nearly fits."""
        return (await self.does(lambda tx, scope: requests.near_misses(tx, scope, request.id, self.world.now))).items

    async def sees(self) -> set[UUID]:
        """The resources that this person sees."""
        window = Window(limit=100)
        page = await self.does(lambda tx, scope: resources.page(tx, scope, None, None, None, window))
        return {resource.id for resource in page.items}

    async def free(self, resource_id: UUID) -> tuple[Period, ...]:
        """When a resource is free."""
        return await self.does(lambda tx, scope: resources.free(tx, scope, resource_id))

    async def leave(self) -> None:
        """What membership says when the organisation leaves."""
        left = self.membership.model_copy(update={"version": 3, "standing": m.Standing.LEFT})
        await self.world.learn(m.MemberLeft(member=left))
