"""Committing a plan: what still holds of it, whole or not at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.db import Tx, new_id
from pooling.domain import matches
from pooling.domain.ranking import Candidate, rank
from pooling.domain.reasons import planned_for_another
from pooling.domain.territory import Slot, Territory, Wish, sees
from pooling.handlers.unfolding import SYSTEM
from pooling.store import matches as kept
from pooling.store import plans, requests, search
from pooling.store.plans import Told
from schemas.pooling import Match, MatchStatus, Request, RequestStatus


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan of a part of the territory: slots and what is told, by line; how it is kept among the parts."""

    territory: Territory
    slots: Mapping[UUID, Slot]
    told: Mapping[UUID, Told]
    parts: Collection[tuple[UUID, bytes, int, int]]
    """Each part's id, fingerprint, value and bound in cents."""


@dataclass(slots=True)
class Outcome:
    """What became of a plan."""

    moved: set[UUID] = field(default_factory=set)
    dropped: set[UUID] = field(default_factory=set)


async def commit(tx: Tx, proposal: Proposal, now: datetime, until: datetime) -> Outcome:
    """Keep a plan, propose its matches, withdraw what is in their way, and say so. For the system.

    What changed since the snapshot is dropped: its parts are to be solved again. Raises Overtaken when another plan
    was there first.
    """
    changed = {wish.line.id: wish for wish in proposal.territory.wishes if _is_new(wish, proposal)}
    wanted = {line_id: proposal.slots[line_id] for line_id in changed if line_id in proposal.slots}
    versions = await plans.lock_resources(tx, {slot.resource_id for slot in wanted.values()})
    crossed = await plans.in_the_way(tx, wanted)
    locked = await requests.lock(tx, SYSTEM, {wish.request_id for wish in changed.values()} | set(crossed.values()))
    outcome = Outcome(dropped=await _changed_since(tx, changed, wanted, versions, locked, proposal.territory))
    moved = {id_ for id_, wish in changed.items() if wish.slot not in (None, wanted.get(id_))}
    outcome.moved = moved - outcome.dropped
    slots = {line_id: slot for line_id, slot in wanted.items() if line_id not in outcome.dropped}
    await plans.move(tx, changed, slots, until)
    found = await _candidates(tx, slots, changed, now)
    if lost := slots.keys() - found.keys():
        outcome.dropped |= lost
        await plans.move(tx, lost, {}, until)
    said = await _proposed(tx, found, changed, locked)
    moving = {match.id for match in said}
    said += await _withdrawn(tx, {line_id: slots[line_id] for line_id in found}, locked, moving)
    await kept.save(tx, said)
    await _keep(tx, proposal, outcome, now, until)
    await outbox.append(tx, [matches.said(match) for match in said])
    return outcome


def _is_new(wish: Wish, proposal: Proposal) -> bool:
    return not wish.has(proposal.slots.get(wish.line.id))


async def _changed_since(
    tx: Tx,
    changed: Mapping[UUID, Wish],
    wanted: Mapping[UUID, Slot],
    versions: Mapping[UUID, int],
    locked: Mapping[UUID, Request],
    territory: Territory,
) -> set[UUID]:
    """The lines of which something is no longer as the snapshot had it."""
    booked = await requests.booked_lines(tx, {wish.request_id for wish in changed.values()})
    slots = await plans.lock_slots(tx, changed)
    partners = await plans.read_partners(tx)
    supplies = {supply.id: supply for supply in territory.supplies}

    def holds(line_id: UUID, wish: Wish) -> bool:
        request = locked[wish.request_id]
        same = request.status is RequestStatus.OPEN and request.version == wish.request_version
        if not same or line_id in booked or slots.get(line_id) != wish.slot:
            return False
        if (slot := wanted.get(line_id)) is None:
            return True
        supply = supplies[slot.resource_id]
        return versions.get(supply.id) == supply.version and sees(wish.asker, supply, partners)

    return {line_id for line_id, wish in changed.items() if not holds(line_id, wish)}


async def _candidates(
    tx: Tx, slots: Mapping[UUID, Slot], changed: Mapping[UUID, Wish], now: datetime
) -> dict[UUID, Candidate]:
    """What fits, by line: the plan's places that are still free and keep the service's own rules."""
    offers = await search.see(tx, [(slot.resource_id, changed[line_id].line) for line_id, slot in slots.items()])
    found = {}
    for line_id, slot in slots.items():
        wish = changed[line_id]
        for candidate in rank(wish.line, [offers[line_id, slot.resource_id]], wish.asker, now):
            if candidate.period == slot.period:
                found[line_id] = candidate
    return found


async def _proposed(
    tx: Tx, found: Mapping[UUID, Candidate], changed: Mapping[UUID, Wish], locked: Mapping[UUID, Request]
) -> list[Match]:
    """The matches of the plan that nobody was told of yet, or not at this time."""
    known = await kept.lock_pairs(tx, found, {candidate.offer.id for candidate in found.values()})
    said = []
    for line_id, candidate in found.items():
        match = known.get((line_id, candidate.offer.id))
        if match is None or not matches.stands(match, candidate):
            wish = changed[line_id]
            said.append(matches.proposed(new_id(), locked[wish.request_id], wish.line, candidate, match))
    return said


async def _withdrawn(
    tx: Tx, slots: Mapping[UUID, Slot], locked: Mapping[UUID, Request], moving: Collection[UUID]
) -> list[Match]:
    """Other lines' proposals for these times, but for those that move; one that came meanwhile, the sweeper sees to."""
    crossed = await plans.in_the_way(tx, slots)
    gone = [id_ for id_, request_id in crossed.items() if request_id in locked and id_ not in moving]
    found = await kept.lock(tx, gone, (), ())
    return [
        matches.to(MatchStatus.WITHDRAWN, match)[0].model_copy(update={"reasons": (planned_for_another(match.period),)})
        for match in found.values()
        if match.status is MatchStatus.PROPOSED
    ]


async def _keep(tx: Tx, proposal: Proposal, outcome: Outcome, now: datetime, until: datetime) -> None:
    told = {line_id: told for line_id, told in proposal.told.items() if line_id not in outcome.dropped}
    wishes: Sequence[Wish] = [wish for wish in proposal.territory.wishes if wish.line.id not in outcome.dropped]
    await plans.tell(tx, wishes, told, until)
    for part_id, fingerprint, value, bound in proposal.parts:
        part = plans.Part(b"" if outcome.dropped else fingerprint, now)
        await plans.save_part(tx, part_id, part, value, bound)
