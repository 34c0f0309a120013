"""The publishers: each slot's events go to Kafka in order of position, then the slot's cursor moves.

A process publishes the slots whose locks it holds, together: one read, one request, one cursor update per round.
Nothing of a slot is read past what the broker hasn't acknowledged, so no position overtakes a lower one.
"""

import asyncio
from functools import partial

import structlog

from chassis.db import Connection, is_transient
from chassis.relay import sharing
from chassis.relay.parts import LOOK, POSITIONED, Relay, nap, once, sessions
from chassis.relay.records import Entry
from chassis.relay.sending import GaveUp, Outdated, Sender
from chassis.telemetry import metrics

log = structlog.get_logger(__name__)

PER_SLOT = 250
"""The most events of a slot in one round: 1,000 of all four."""

LONGEST_POLL = 0.25
"""Seconds between two reads for which nobody called."""

LEAVING = 2.0
"""Seconds that a relay which lost its session, and is told to stop, tries to set its slots back."""

Span = tuple[int, int]
"""A cursor's way: after which position, up to which."""


async def run(relay: Relay) -> None:
    """Publish this process's share of the slots."""
    publisher = Publisher(relay)
    hurry = asyncio.create_task(publisher.sender.hurry_at_stop())
    try:
        # A cursor lost in a crash of the database means duplicates, which consumers drop: it needn't wait for the disk.
        await sessions(relay, {"synchronous_commit": "off"}, publisher.session)
    except GaveUp:
        log.warning("relay stopped before the broker acknowledged; those events will be published again")
    finally:
        hurry.cancel()
        await publisher.sender.close()
    await publisher.leave()


class Publisher:
    """The slots of this process, how far each is published, and what was published but isn't recorded yet."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.sender = Sender(relay)
        self.cursors: dict[int, int] = {}
        self.unrecorded: dict[int, Span] = {}
        self.checked = 0.0

    async def session(self, connection: Connection) -> None:
        """Publish until told to stop, or until the connection, and with it the locks, is lost."""
        self.cursors = {}
        try:
            await connection.add_listener(POSITIONED, lambda *_: self.relay.positioned.set())
            await sharing.announce(connection)
            await self._share(connection)
            await self._settle(connection)
            await self._publish(connection)
        finally:
            self.relay.slots.clear()

    async def _publish(self, connection: Connection) -> None:
        clock = asyncio.get_running_loop().time
        looked = clock()
        while not self.relay.stop.is_set():
            if clock() - looked >= LOOK:
                await self._share(connection)
                looked = clock()
            self.relay.positioned.clear()
            if await self.run_once(connection) < PER_SLOT:  # else a slot may have more
                await nap(self.relay.positioned, LONGEST_POLL)

    async def _share(self, connection: Connection) -> None:
        slots = await sharing.share(connection, self.cursors)
        await self._follow(await sharing.cursors(connection, slots))
        self.relay.slots.clear()
        self.relay.slots.update(slots)

    async def _follow(self, cursors: dict[int, int]) -> None:
        """Go on from these cursors; with a new producer if they aren't where this relay left them.

        They were set back, perhaps, for a broker that lost its data. Such a broker gives the numbers of producers out
        again from the first, and takes the batches of two with one number for copies of each other.
        """
        if cursors != self.cursors:
            await self.sender.close()
        self.cursors = cursors

    async def _check(self, connection: Connection) -> None:
        """Raise `Outdated` when the cursors are elsewhere by now; looks once a second, if the database tells."""
        if asyncio.get_running_loop().time() - self.checked < LOOK:
            return
        self.checked = asyncio.get_running_loop().time()
        try:
            cursors = await sharing.cursors(connection, self.cursors)
        except Exception as error:
            if not is_transient(error):
                raise
            return
        if cursors != self.cursors:
            raise Outdated

    async def _settle(self, connection: Connection) -> None:
        """Record what was acknowledged just when the database went away.

        Another relay may have published on from the old cursor meanwhile, and our late records would then be the last
        of their keys in a compacted topic: such a slot is published again from before them.
        """
        for slot, (before, upto) in list(self.unrecorded.items()):
            if self.cursors.get(slot) != before or not await sharing.move(connection, {slot: (before, upto)}):
                await sharing.set_back(connection, slot, before)
            del self.unrecorded[slot]
        await self._follow(await sharing.cursors(connection, self.cursors))

    async def leave(self) -> None:
        """Do what `_settle` would in the next session, when there is none; gives up after `LEAVING` seconds.

        The slots are others' by now, or soon, so they are set back: what isn't recorded is published again.
        """
        if not self.unrecorded:
            return
        try:
            async with asyncio.timeout(LEAVING):
                await once(self.relay, {}, self._set_back)
        except Exception as error:
            log.warning("relay stopped without setting slots back", slots=sorted(self.unrecorded), error=repr(error))

    async def _set_back(self, connection: Connection) -> None:
        for slot, (before, _) in list(self.unrecorded.items()):
            await sharing.set_back(connection, slot, before)
            del self.unrecorded[slot]

    async def run_once(self, connection: Connection) -> int:
        """Publish the next events of the slots held, and record it; how many they were."""
        entries = await read(connection, self.cursors)
        if not entries:
            return 0
        self.checked = asyncio.get_running_loop().time()
        try:
            await self.sender.send(entries, partial(self._check, connection))
        except Outdated:
            await self._follow(await sharing.cursors(connection, self.cursors))
            return 0
        self.unrecorded = {entry.slot: (self.cursors[entry.slot], entry.position) for entry in entries}
        metrics.OUTBOX_PUBLISHED.inc(len(entries))
        moved = await sharing.move(connection, self.unrecorded)
        self.cursors.update({slot: self.unrecorded[slot][1] for slot in moved})
        if len(moved) < len(self.unrecorded):
            await self._follow(await sharing.cursors(connection, self.cursors))
        self.unrecorded = {}
        return len(entries)


async def read(connection: Connection, cursors: dict[int, int]) -> list[Entry]:
    """The next events after each slot's cursor, in order of position within a slot."""
    rows = await connection.fetch(
        """
        SELECT next.* FROM unnest($1::smallint[], $2::bigint[]) AS cursor (slot, position)
        CROSS JOIN LATERAL (
            SELECT slot, position, topic, key::text, event_id::text, type, time, traceparent, data FROM outbox
            WHERE outbox.slot = cursor.slot AND outbox.position > cursor.position
            ORDER BY outbox.position LIMIT $3
        ) AS next
        """,
        list(cursors),
        list(cursors.values()),
        PER_SLOT,
    )
    return [Entry(*row) for row in rows]
