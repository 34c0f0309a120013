"""Proposing matches: for a request's lines when they are asked, and for offers when they change (the sweeper)."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chassis import outbox
from chassis.access import Scope
from chassis.db import Tx, new_id
from pooling.domain import matches
from pooling.domain.offers import Asker, Offer
from pooling.domain.ranking import Candidate, rank
from pooling.handlers.unfolding import SYSTEM
from pooling.store import matches as kept
from pooling.store import queue, requests, resources, search
from pooling.store.search import Pair
from schemas.event import Event
from schemas.pooling import Line, Match, MatchStatus, Request, RequestStatus

BATCH = 50
"""Changed resources that the sweeper takes in one transaction."""
PAIRS = 500
"""Lines and resources that it compares in one transaction at most: what takes longer, others would wait for."""

Found = dict[UUID, list[Candidate]]
"""What fits, by line."""
Known = Mapping[tuple[UUID, UUID], Match]
"""Matches by (line, resource)."""


async def propose(tx: Tx, scope: Scope, request: Request, lines: Sequence[Line], now: datetime) -> list[Event]:
    """Propose the best matches of each of these lines of an open request; what to say of it."""
    found = await _best(tx, Asker(request.pole_id, request.organisation_id), lines, now)
    current = (await requests.lock(tx, scope, [request.id]))[request.id]
    if current.status is not RequestStatus.OPEN or not any(found.values()):
        return []
    known = await kept.lock_pairs(tx, found, {best.offer.id for each in found.values() for best in each})
    proposed = await kept.count_proposed(tx, found)
    room = {line.id: matches.AT_MOST - proposed.get(line.id, 0) for line in lines}
    new = [match for line in lines for match in _proposals(request, line, found[line.id], known, room[line.id])]
    await kept.save(tx, new)
    return [matches.said(match) for match in new]


async def _best(tx: Tx, asker: Asker, lines: Sequence[Line], now: datetime) -> Found:
    """The best of each line, their resources locked against change; one that changed meanwhile is looked at again."""
    offers = {line.id: {each.id: each for each in await search.fitting(tx, asker, line)} for line in lines}

    def best(line: Line, among: Mapping[UUID, Offer]) -> list[Candidate]:
        return rank(line, among.values(), asker, now, matches.PER_LINE)

    chosen = {line.id: {each.offer.id for each in best(line, offers[line.id])} for line in lines}
    locked = await search.lock_shared(tx, set().union(*chosen.values()))
    again = await search.see(tx, [(id_, line) for line in lines for id_ in chosen[line.id] & locked])
    for line in lines:
        for id_ in chosen[line.id]:
            del offers[line.id][id_]
    for (line_id, id_), offer in again.items():
        offers[line_id][id_] = offer
    return {
        line.id: [each for each in best(line, offers[line.id]) if each.offer.id in chosen[line.id]] for line in lines
    }


def _proposals(
    request: Request, line: Line, candidates: Sequence[Candidate], known: Known, room: int
) -> Iterator[Match]:
    earlier = {each.offer.id: known[line.id, each.offer.id] for each in candidates if (line.id, each.offer.id) in known}
    for candidate in matches.choose(candidates, earlier, room):
        yield matches.proposed(new_id(), request, line, candidate, earlier.get(candidate.offer.id))


async def rematch_request(tx: Tx, now: datetime) -> int:
    """Propose for the unbooked lines of one request that lost something; how many there were. For the system."""
    request_id = await queue.take_request(tx)
    if request_id is None:
        return 0
    request = await requests.get(tx, SYSTEM, request_id)
    if request.status is RequestStatus.OPEN:
        booked = await requests.booked_lines(tx, [request_id])
        unbooked = [line for line in request.lines if line.id not in booked]
        await outbox.append(tx, await propose(tx, SYSTEM, request, unbooked, now))
    return 1


async def rematch_resources(tx: Tx, now: datetime, most: int = PAIRS) -> int:
    """Propose, propose anew or withdraw what changed resources ask for; how many there were. For the system.

    Compares `most` lines and resources at most, and leaves the rest for the next round.
    """
    await queue.put_begun(tx, now, BATCH)
    queued = await queue.take_resources(tx, BATCH)
    if not queued:
        return 0
    await resources.lock(tx, SYSTEM, queued)
    page = await _page(tx, queued, now, most)
    wanted = {pair.request_id for pair in page.pairs} | {match.request_id for match in page.standing}
    locked = await requests.lock(tx, SYSTEM, wanted)
    lines = {*_lines(page.pairs), *_lines(page.standing)}
    known = await kept.lock_pairs(tx, lines, queued)
    fitting = await asyncio.to_thread(_fitting, page.pairs, now)
    looked_at = {(match.line_id, match.resource_id) for match in page.standing}
    missed = looked_at - {(pair.line_id, pair.offer.id) for pair, _ in fitting}
    gone = [known[key] for key in missed if known[key].status is MatchStatus.PROPOSED]
    room = await _room(tx, locked, lines, gone)
    changed = [matches.to(MatchStatus.WITHDRAWN, match)[0] for match in gone]
    changed += _proposed(fitting, locked, known, room)
    await kept.save(tx, changed)
    await outbox.append(tx, [matches.said(match) for match in changed])
    return len(queued)


class _Page(NamedTuple):
    pairs: list[Pair]
    standing: list[Match]


async def _page(tx: Tx, queued: Mapping[UUID, UUID], now: datetime, most: int) -> _Page:
    """What to compare now: of each resource, the lines that may fit and the matches that stand, both by line."""
    page, left = _Page([], []), {}
    for resource_id, after in queued.items():
        if most <= 0:
            left[resource_id] = after
            continue
        pairs = await search.lines_for(tx, resource_id, after, now, most)
        standing = await kept.with_resource(tx, resource_id, after, most)
        if ends := [ids[most - 1] for ids in (_lines(pairs), _lines(standing)) if len(ids) == most]:
            left[resource_id] = min(ends)
            pairs = [pair for pair in pairs if pair.line_id <= min(ends)]
            standing = [match for match in standing if match.line_id <= min(ends)]
        page.pairs.extend(pairs)
        page.standing.extend(standing)
        most -= max(len(pairs), len(standing))
    if left:
        await queue.put_back(tx, left)
    return page


def _lines(found: Sequence[Pair | Match]) -> list[UUID]:
    return [each.line_id for each in found]


def _fitting(pairs: Sequence[Pair], now: datetime) -> list[tuple[Pair, Candidate]]:
    """Those that fit. Some thousand haversines and sentences: not for the event loop."""
    return [(pair, fits) for pair in pairs for fits in rank(pair.line, [pair.offer], pair.asker, now)]


async def _room(tx: Tx, locked: Collection[UUID], line_ids: Collection[UUID], gone: Sequence[Match]) -> dict[UUID, int]:
    """How many new matches each line may have, now that its request is locked; none while it is booked."""
    proposed, booked = await kept.count_proposed(tx, line_ids), await requests.booked_lines(tx, locked)
    freed = Counter(match.line_id for match in gone)
    return {
        line_id: 0 if line_id in booked else matches.AT_MOST - proposed.get(line_id, 0) + freed[line_id]
        for line_id in line_ids
    }


def _proposed(
    fitting: Sequence[tuple[Pair, Candidate]], locked: Mapping[UUID, Request], known: Known, room: Mapping[UUID, int]
) -> Iterator[Match]:
    by_line: defaultdict[UUID, list[tuple[Pair, Candidate]]] = defaultdict(list)
    for pair, candidate in fitting:
        by_line[pair.line_id].append((pair, candidate))
    for line_id, beside in by_line.items():
        request = locked[beside[0][0].request_id]
        if request.status is RequestStatus.OPEN:
            line = beside[0][0].line
            yield from _proposals(request, line, [candidate for _, candidate in beside], known, room[line_id])
