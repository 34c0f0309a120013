"""What membership's events change here: projections, and what a departure ends."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.consume import Delivery
from chassis.db import Tx
from pooling.handlers import unfolding
from pooling.store import bookings, projections, requests, resources
from schemas.membership import Member, MemberEvent, OrganisationEvent, PoleEvent, ProjectLaunched
from schemas.pooling import CancelledBy


async def know_poles(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep what poles are now."""
    await projections.upsert_poles(tx, [delivery.of(PoleEvent).pole for delivery in deliveries])


async def know_organisations(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep what organisations are now."""
    await projections.upsert_organisations(tx, [each.of(OrganisationEvent).organisation for each in deliveries])


async def know_projects(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep which projects poles have."""
    await projections.upsert_projects(tx, [delivery.of(ProjectLaunched).project for delivery in deliveries])


async def know_members(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep which organisations are in which poles, and end what departures end."""
    members = [delivery.of(MemberEvent).member for delivery in deliveries]
    await projections.upsert_members(tx, members)
    await depart(tx, members, datetime.now(UTC))


async def depart(tx: Tx, members: Sequence[Member], now: datetime) -> None:
    """End what was offered, asked and booked under an earlier version of these memberships.

    Any event after "joined" ends a stay, so a departure is noticed even if compaction dropped it. What was made
    during a later stay is not touched, in whatever order and however often events come.
    """
    newest = {(each.organisation_id, each.pole_id): each.version for each in sorted(members, key=lambda m: m.version)}
    organisations, poles = [pair[0] for pair in newest], [pair[1] for pair in newest]
    versions = list(newest.values())
    offers = await resources.ended_by_departures(tx, organisations, poles, versions)
    wishes = await requests.ended_by_departures(tx, organisations, poles, versions)
    booked = await bookings.ended_by_departures(tx, organisations, poles, versions, now)
    if not (offers or wishes or booked):
        return
    unfolded = await unfolding.lock(tx, now, withdrawing=offers, request_ids=wishes, booking_ids=booked)
    for resource_id in offers:
        unfolded.withdraw_resource(resource_id, CancelledBy.MEMBER_LEFT)
    for request_id in wishes:
        unfolded.withdraw_request(request_id, CancelledBy.MEMBER_LEFT)
    for booking_id in booked:
        unfolded.cancel(unfolded.bookings[booking_id], CancelledBy.MEMBER_LEFT)
    await unfolding.save(tx, unfolded)
