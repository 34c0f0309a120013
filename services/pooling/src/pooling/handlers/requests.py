"""Asking for resources, and what is proposed."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, as_system, new_id
from chassis.errors import Invalid, Retry, Stale
from chassis.http import Page, Window
from pooling.domain import needs, ranking
from pooling.domain import requests as wishes
from pooling.domain.offers import Asker
from pooling.domain.periods import HORIZON, utc
from pooling.domain.refusals import NotAMember
from pooling.handlers import answers, matching, unfolding
from pooling.handlers.commands import LineGiven, MakeRequest, Versioned
from pooling.handlers.resources import place
from pooling.store import bookings, matches, places, plans, projections, search
from pooling.store import requests as kept
from schemas.event import Period
from schemas.pooling import CancelledBy, Line, Request, RequestStatus, ResourceRequested


async def make(tx: Tx, scope: Scope, command: MakeRequest, now: datetime) -> Request:
    """Ask for something for an own organisation in a pole where it is a member; matches are proposed at once."""
    scope.require_organisation(command.organisation_id)
    if (command.organisation_id, command.pole_id) not in scope.memberships:
        raise NotAMember
    if command.project_id and not await projections.project_in(tx, command.project_id, command.pole_id):
        raise Invalid(field="project_id", rule="must be a project of this pole")
    request = Request(
        id=new_id(),
        version=1,
        pole_id=command.pole_id,
        organisation_id=command.organisation_id,
        project_id=command.project_id,
        status=RequestStatus.OPEN,
        title=command.title,
        lines=tuple(_line(line, f"lines.{number}", now) for number, line in enumerate(command.lines)),
    )
    stay = await projections.share_membership(tx, command.organisation_id, command.pole_id)
    await kept.insert(tx, stay, request)
    proposed = await matching.propose(tx, scope, request, request.lines, now)
    await outbox.append(tx, [ResourceRequested(request=request), *proposed])
    return request


def _line(given: LineGiven, where: str, now: datetime) -> Line:
    needs.check(given.kind, given.features, given.at_least, where)
    window = utc(given.window.period())
    return Line(
        id=new_id(),
        kind=given.kind,
        window=window,
        minutes=_minutes(given.minutes, window, where, now),
        features=given.features,
        at_least=given.at_least,
        place=place(given.commune, f"{where}.commune"),
        max_km=given.max_km,
        max_price_cents=given.max_price_cents,
    )


def _minutes(given: int | None, window: Period, where: str, now: datetime) -> int:
    """How long the line is needed; raises Invalid unless that fits the window, from now on."""
    long = (window.end - window.start) // timedelta(minutes=1)
    minutes = long if given is None else given
    if not 15 <= minutes <= min(long, 44_640):
        raise Invalid(field=f"{where}.minutes", rule="must be 15 to 44640, and fit in the window")
    if max(window.start, now) + timedelta(minutes=minutes) > window.end:
        raise Invalid(field=f"{where}.window.end", rule=f"must leave room for {minutes} minutes from now on")
    if window.start < now - HORIZON or window.end > now + HORIZON:
        raise Invalid(field=f"{where}.window", rule=f"must lie within {HORIZON.days} days of now")
    return minutes


async def withdraw(tx: Tx, scope: Scope, command: Versioned, now: datetime) -> Request:
    """Give an own open request up, with its matches and its bookings to come."""
    await kept.get(tx, scope, command.id)
    await as_system(tx)
    booked = set(await bookings.live_of(tx, [command.id]))
    unfolded = await unfolding.lock(tx, now, request_ids=[command.id], booking_ids=booked)
    request = unfolded.requests[command.id]
    if request.version != command.expected_version:
        raise Stale(version=request.version)
    if booked != set(await bookings.live_of(tx, [command.id])):
        raise Retry("a booking was made for this request a moment ago")
    wishes.withdrawn(request)
    unfolded.withdraw_request(command.id, CancelledBy.REQUESTER)
    await unfolding.save(tx, unfolded)
    return unfolded.requests[command.id]


async def page(tx: Tx, scope: Scope, status: RequestStatus | None, window: Window) -> Page[Request]:
    """The requests of the caller's organisations."""
    return window.page(await kept.own(tx, scope, status, window.fetch, window.after))


async def read(tx: Tx, scope: Scope, request_id: UUID) -> Request:
    """An own request. Raises NotFound."""
    return await kept.get(tx, scope, request_id)


async def list_matches(tx: Tx, scope: Scope, request_id: UUID) -> answers.Matches:
    """What is proposed or taken for an own request. Raises NotFound."""
    await kept.get(tx, scope, request_id)
    return answers.Matches(items=await matches.of_request(tx, scope, request_id))


async def plan(tx: Tx, scope: Scope, request_id: UUID, now: datetime) -> answers.Plan:
    """What the plan of the territory has for an own request. Raises NotFound."""
    request = await kept.get(tx, scope, request_id)
    planned = await plans.of_request(tx, scope, request_id)
    found = await matches.of_request(tx, scope, request_id)
    others = [(id_, slot) for id_, (told, _) in planned.items() for slot, _ in answers.instead(told)]
    titles = await places.still_free(tx, scope, others)
    items = []
    for line in request.lines:
        told, slot = planned.get(line.id, (None, None))
        own = [match for match in found if match.line_id == line.id]
        items.append(answers.planned(line, own, told, slot, titles, now))
    return answers.Plan(items=items)


async def near_misses(tx: Tx, scope: Scope, request_id: UUID, now: datetime) -> answers.NearMisses:
    """What would fit an own request's lines but for the fewest conditions. Raises NotFound."""
    request = await kept.get(tx, scope, request_id)
    asker = Asker(request.pole_id, request.organisation_id)
    items: list[answers.Missed] = []
    for line in request.lines:
        offers = await search.visible(tx, asker, line)
        # Hundreds of haversines and sentences a line: not for the event loop.
        found = await asyncio.to_thread(ranking.near_misses, line, offers, now)
        items += [answers.missed(line.id, near) for near in found]
    return answers.NearMisses(items=items)
