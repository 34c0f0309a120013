"""Holding, confirming and cancelling bookings."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx, as_system, new_id
from chassis.errors import Invalid, NotFound, Refused
from chassis.http import Page, Window
from chassis.http.idempotency import UNKEPT, Keeping
from pooling.domain import bookings, matches
from pooling.domain.bookings import USUAL, HoldRules
from pooling.domain.offers import Asker
from pooling.domain.periods import utc
from pooling.domain.refusals import (
    MatchIsTaken,
    MatchIsWithdrawn,
    NotAMember,
    NotOffered,
    NotTheOwner,
    OfferChanged,
    RequestNotOpen,
    SlotTaken,
)
from pooling.handlers import alternatives, unfolding
from pooling.handlers.answers import Alternative
from pooling.handlers.commands import HoldResource, Versioned
from pooling.store import bookings as kept
from pooling.store import holds, requests, resources, search
from pooling.store import matches as kept_matches
from schemas.event import Period
from schemas.pooling import Booking, BookingStatus, CancelledBy, Match, MatchStatus, RequestStatus

T = TypeVar("T")

MATCH_ALONE = frozenset({"match_id", "match_version"})


async def hold(
    tx: Tx, scope: Scope, command: HoldResource, now: datetime, keeping: Keeping = UNKEPT, *, rules: HoldRules = USUAL
) -> Booking:
    """Hold a resource: from a match, or directly. Refused with what it is now, or with the next best alternatives."""
    if command.match_id is not None:
        _refuse_more(command)
        version = _required(command.match_version, "match_version", "is required with match_id")
        return await _hold_match(tx, scope, command.match_id, version, now, keeping, rules)
    resource_id = _required(command.resource_id, "resource_id")
    version = _required(command.resource_version, "resource_version")
    organisation_id = _required(command.requester_organisation_id, "requester_organisation_id")
    pole_id = _required(command.requester_pole_id, "requester_pole_id")
    period = utc(_required(command.period, "period").period())
    bookings.check_period(period, now)
    scope.require_organisation(organisation_id)
    if (organisation_id, pole_id) not in scope.memberships:
        raise NotAMember
    return await _hold_resource(tx, resource_id, version, Asker(pole_id, organisation_id), period, now, keeping, rules)


def _refuse_more(command: HoldResource) -> None:
    for field in command.model_fields_set - MATCH_ALONE:
        if getattr(command, field) is not None:
            raise Invalid(field=field, rule="must not come with match_id, which says it all")


def _required(value: T | None, field: str, rule: str = "is required unless match_id is given") -> T:
    if value is None:
        raise Invalid(field=field, rule=rule)
    return value


async def _hold_match(
    tx: Tx, scope: Scope, match_id: UUID, version: int, now: datetime, keeping: Keeping, rules: HoldRules
) -> Booking:
    locked = await holds.lock_for_match(tx, scope, match_id)
    ground = locked or await holds.see_for_match(tx, scope, match_id)
    if ground is None:
        raise await _why_not(tx, scope, match_id, now)
    match, resource = ground.match, ground.ground.resource
    if match.status is MatchStatus.TAKEN:
        raise MatchIsTaken(match_id=match.id)
    if ground.request is not RequestStatus.OPEN:
        raise RequestNotOpen(request_id=match.request_id, status=ground.request)
    if refusal := await _why_no_longer(tx, scope, match, version, now):
        raise refusal(match_id=match.id, match=match, alternatives=await alternatives.of_match(tx, scope, match, now))
    rules.check(ground.ground.waiting)
    asker = Asker(match.requester_pole_id, match.requester_organisation_id)
    booking, events = bookings.held(new_id(), resource, asker, match.period, match, now, rules.keep)
    said = [*events, *matches.to(MatchStatus.TAKEN, match)[1]]
    if locked is None or not await holds.take(tx, booking, ground.ground.stay, said, keeping.columns(booking)):
        raise _taken(booking, ground.ground.offered, await alternatives.of_match(tx, scope, match, now))
    return booking


async def _why_no_longer(
    tx: Tx, scope: Scope, match: Match, version: int, now: datetime
) -> type[MatchIsWithdrawn | OfferChanged] | None:
    """Why a match that nobody took can't be taken as it was seen."""
    if match.period.start < now:
        return MatchIsWithdrawn
    if match.status is MatchStatus.WITHDRAWN:  # a withdrawn one whose slot is taken is refused for just that
        return MatchIsWithdrawn if await holds.is_free(tx, match.resource_id, match.period) else None
    line = await requests.get_line(tx, scope, match.line_id)
    seen = await search.see(tx, [(match.resource_id, line)])
    same = matches.still_true(match, line, seen[line.id, match.resource_id])
    return None if same and match.version == version else OfferChanged


async def _hold_resource(
    tx: Tx,
    resource_id: UUID,
    version: int,
    asker: Asker,
    period: Period,
    now: datetime,
    keeping: Keeping,
    rules: HoldRules,
) -> Booking:
    ground = await holds.lock_resource(tx, asker, resource_id, period, keeping)
    if ground is None:
        raise NotFound
    booking, events = bookings.held(new_id(), ground.resource, asker, period, None, now, rules.keep)
    if ground.resource.version != version:
        raise OfferChanged(resource=ground.seen or await resources.read(tx, resource_id))
    rules.check(ground.waiting)
    if ground.seen or not await holds.take(tx, booking, ground.stay, events, keeping.columns(booking)):
        like = ground.seen or await resources.read(tx, resource_id)
        raise _taken(booking, ground.offered, await alternatives.of_period(tx, asker, like, period, now))
    return booking


async def _why_not(tx: Tx, scope: Scope, match_id: UUID, now: datetime) -> Refused:
    """Why there is nothing to take for a match: it is unknown, or its membership ended, or its resource is gone."""
    match = await kept_matches.get(tx, scope, match_id)
    if (match.requester_organisation_id, match.requester_pole_id) not in scope.memberships:
        return NotAMember()
    return MatchIsWithdrawn(match_id=match.id, alternatives=await alternatives.of_match(tx, scope, match, now))


def _taken(booking: Booking, offered: bool, instead: Sequence[Alternative]) -> Refused:
    """Why the period isn't free, with what could be booked instead."""
    refusal = SlotTaken if offered else NotOffered
    return refusal(resource_id=booking.resource_id, period=booking.period, alternatives=instead)


async def confirm(tx: Tx, scope: Scope, command: Versioned, now: datetime) -> Booking:
    """Accept a hold on an own resource; a request all of whose lines are confirmed is served."""
    seen = await kept.get(tx, scope, command.id)
    if seen.owner_organisation_id not in scope.organisations:
        raise NotTheOwner
    await as_system(tx)
    unfolded = await unfolding.lock(tx, now, request_ids=[seen.request_id] if seen.request_id else [])
    booking = (await kept.lock(tx, [command.id]))[command.id]
    bookings.check_version(booking, command.expected_version)
    booking, events = bookings.confirmed(booking, now)
    if events:
        await kept.save_confirmed(tx, booking)
        unfolded.events += events
    if booking.request_id is not None:
        booked = await requests.booked_lines(tx, [booking.request_id])
        confirmed = {line_id for line_id, status in booked.items() if status == BookingStatus.CONFIRMED}
        unfolded.serve_request(booking.request_id, confirmed)
    await unfolding.save(tx, unfolded)
    return booking


async def cancel(tx: Tx, scope: Scope, command: Versioned, now: datetime) -> Booking:
    """Give a booking up, as its owner or its requester; its slot is free again."""
    seen = await kept.get(tx, scope, command.id)
    own = seen.requester_organisation_id in scope.organisations
    await as_system(tx)  # the slot goes back whatever the resource's ring is now
    unfolded = await unfolding.lock(tx, now, booking_ids=[command.id])
    bookings.check_version(unfolded.bookings[command.id], command.expected_version)
    by = CancelledBy.REQUESTER if own else CancelledBy.OWNER
    unfolded.end(command.id, lambda booking: bookings.cancelled(booking, by, now))
    await unfolding.save(tx, unfolded)
    return unfolded.bookings[command.id]


async def expire(tx: Tx, now: datetime, limit: int = 100) -> int:
    """Let holds lapse whose time has passed, a batch at most; how many did. For the system."""
    lapsed = await kept.lapsed(tx, now, limit)
    if lapsed:
        unfolded = await unfolding.lock(tx, now, booking_ids=lapsed)
        for booking_id in lapsed:
            unfolded.end(booking_id, lambda booking: bookings.expired(booking, now))
        await unfolding.save(tx, unfolded)
    return len(lapsed)


async def page(
    tx: Tx, scope: Scope, status: BookingStatus | None, resource_id: UUID | None, window: Window
) -> Page[Booking]:
    """The bookings of which the caller is a side."""
    return window.page(await kept.own(tx, scope, status, resource_id, window.fetch, window.after))


async def read(tx: Tx, scope: Scope, booking_id: UUID) -> Booking:
    """A booking of which the caller is a side. Raises NotFound."""
    return await kept.get(tx, scope, booking_id)
