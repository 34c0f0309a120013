"""Proposing matches: for a request's lines when they are asked, and for offers when they change (the sweeper)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, new_id
from pooling.domain import matches
from pooling.domain.offers import Asker
from pooling.domain.ranking import Candidate, rank
from pooling.handlers.unfolding import SYSTEM
from pooling.store import matches as kept
from pooling.store import queue, requests, resources, search
from pooling.store.search import Pair
from schemas.event import Event
from schemas.pooling import Line, Match, MatchStatus, Request, RequestStatus

BATCH = 50
"""Changes that the sweeper looks at in one transaction."""


async def propose(tx: Tx, scope: Scope, request: Request, lines: Sequence[Line], now: datetime) -> list[Event]:
    """Propose the best matches of each of these lines of an open request; what to say of it."""
    asker = Asker(request.pole_id, request.organisation_id)
    found = [(line, await _best(tx, asker, line, now)) for line in lines]
    current = (await requests.lock(tx, scope, [request.id]))[request.id]
    if current.status is not RequestStatus.OPEN or not any(best for _, best in found):
        return []
    known = await kept.lock_pairs(tx, [line.id for line in lines], {c.offer.id for _, best in found for c in best})
    new = [
        matches.proposed(new_id(), request, line, candidate, known.get((line.id, candidate.offer.id)))
        for line, best in found
        for candidate in best
        if _worth_saying(known.get((line.id, candidate.offer.id)), candidate)
    ]
    await kept.save(tx, new)
    return [matches.said(match) for match in new]


async def _best(tx: Tx, asker: Asker, line: Line, now: datetime) -> list[Candidate]:
    """The best candidates, their resources locked against change; one that changed meanwhile is looked at again."""
    offers = {offer.id: offer for offer in await search.fitting(tx, asker, line)}
    best = rank(line, offers.values(), asker, now)[: matches.PER_LINE]
    again = await search.lock_shared(tx, [(candidate.offer.id, line) for candidate in best])
    for candidate in best:
        current = again.get((line.id, candidate.offer.id))
        offers.pop(candidate.offer.id)
        if current is not None:
            offers[current.id] = current
    chosen = {candidate.offer.id for candidate in best}
    return [candidate for candidate in rank(line, offers.values(), asker, now) if candidate.offer.id in chosen]


def _worth_saying(known: Match | None, candidate: Candidate) -> bool:
    return known is None or (known.status is not MatchStatus.TAKEN and not matches.stands(known, candidate))


async def rematch_request(tx: Tx, now: datetime) -> int:
    """Propose for the unbooked lines of one request that is open again; how many there were. For the system."""
    request_id = await queue.take_request(tx)
    if request_id is None:
        return 0
    request = await requests.get(tx, SYSTEM, request_id)
    booked = await requests.booked_lines(tx, [request_id])
    unbooked = [line for line in request.lines if line.id not in booked]
    await outbox.append(tx, await propose(tx, SYSTEM, request, unbooked, now))
    return 1


async def rematch_resources(tx: Tx, now: datetime) -> int:
    """Propose, propose anew or withdraw what changed resources ask for; how many there were. For the system."""
    await queue.put_begun(tx, now, BATCH)
    resource_ids = await queue.take_resources(tx, BATCH)
    if not resource_ids:
        return 0
    await resources.lock(tx, SYSTEM, resource_ids)
    pairs = [pair for resource_id in resource_ids for pair in await search.lines_for(tx, resource_id, now)]
    standing = await kept.with_resource(tx, resource_ids)
    wanted = {*(pair.request_id for pair in pairs), *(match.request_id for match in standing)}
    locked = await requests.lock(tx, SYSTEM, wanted)
    lines = {*(pair.line.id for pair in pairs), *(match.line_id for match in standing)}
    known = await kept.lock_pairs(tx, lines, resource_ids)
    changed = [*_proposals(pairs, locked, known, now)]
    fitting = {(pair.line.id, pair.offer.id) for pair in pairs if _candidate(pair, now)}
    gone = [match for key, match in known.items() if match.status is MatchStatus.PROPOSED and key not in fitting]
    changed += [matches.to(MatchStatus.WITHDRAWN, match)[0] for match in gone]
    await kept.save(tx, changed)
    await outbox.append(tx, [matches.said(match) for match in changed])
    return len(resource_ids)


def _proposals(
    pairs: Iterable[Pair], locked: dict[UUID, Request], known: dict[tuple[UUID, UUID], Match], now: datetime
) -> Iterable[Match]:
    for pair in pairs:
        candidate, request = _candidate(pair, now), locked[pair.request_id]
        match = known.get((pair.line.id, pair.offer.id))
        stands = match is not None and match.status is MatchStatus.PROPOSED
        if candidate is None or request.status is not RequestStatus.OPEN or not _worth_saying(match, candidate):
            continue
        if stands or (not pair.booked and pair.proposed < matches.AT_MOST):
            yield matches.proposed(new_id(), request, pair.line, candidate, match)


def _candidate(pair: Pair, now: datetime) -> Candidate | None:
    found = rank(pair.line, [pair.offer], pair.asker, now)
    return found[0] if found else None
