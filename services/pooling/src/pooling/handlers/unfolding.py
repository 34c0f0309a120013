"""Lock what a change may touch, in the lock order, and save what it did touch."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx
from pooling.domain.unfolding import Unfolding
from pooling.store import bookings, matches, requests, resources

SYSTEM = Scope.system()


async def lock(
    tx: Tx,
    now: datetime,
    *,
    withdrawing: Collection[UUID] = (),
    request_ids: Collection[UUID] = (),
    booking_ids: Collection[UUID] = (),
) -> Unfolding:
    """Lock these resources with what depends on them, these requests and these bookings. For the system.

    Bookings of the resources are read once the resources are locked: nobody can add one then.
    """
    known = await bookings.read(tx, booking_ids)
    locked = await resources.lock(tx, SYSTEM, {*withdrawing, *(booking.resource_id for booking in known)})
    known += await bookings.read(tx, await bookings.to_come(tx, withdrawing, now))
    wanted = {*request_ids, *(booking.request_id for booking in known if booking.request_id)}
    locked_requests = await requests.lock(tx, SYSTEM, wanted)
    taken = {booking.match_id for booking in known if booking.match_id}
    locked_matches = await matches.lock(tx, taken, withdrawing, wanted)
    locked_bookings = await bookings.lock(tx, {booking.id for booking in known})
    return Unfolding(now, locked, locked_requests, locked_matches, locked_bookings)


async def save(tx: Tx, unfolded: Unfolding) -> None:
    """Keep what changed, and say so."""
    changed = unfolded.changed
    if withdrawn := [each for each in unfolded.resources.values() if each.id in changed]:
        await resources.save_withdrawn(tx, withdrawn)
    if stand := [each for each in unfolded.requests.values() if each.id in changed]:
        await requests.save(tx, stand)
    if turned := [each for each in unfolded.matches.values() if each.id in changed]:
        await matches.save(tx, turned)
    if ended := [each for each in unfolded.bookings.values() if each.id in changed]:
        await bookings.save_ended(tx, ended)
    await outbox.append(tx, unfolded.events)
