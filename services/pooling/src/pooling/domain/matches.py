"""Proposed pairings. One per line and resource for ever: proposed again, it goes on with the next version."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from pooling.domain import reasons
from pooling.domain.offers import Offer, offer_of
from pooling.domain.ranking import Candidate, order, worth
from schemas.event import Event, Text
from schemas.pooling import (
    Line,
    Match,
    MatchProposed,
    MatchStatus,
    MatchTaken,
    MatchWithdrawn,
    Reason,
    Request,
    Resource,
    ResourceStatus,
    Ring,
)

PER_LINE = 5
"""How many matches a line is proposed at first."""
AT_MOST = 10
"""How many proposed matches a line keeps as offers come and change."""


def proposed(match_id: UUID, request: Request, line: Line, candidate: Candidate, known: Match | None) -> Match:
    """The match that a candidate makes; `known` is the earlier one of the same line and resource."""
    return Match(
        id=known.id if known else match_id,
        version=known.version + 1 if known else 1,
        status=MatchStatus.PROPOSED,
        request_id=request.id,
        line_id=line.id,
        requester_pole_id=request.pole_id,
        requester_organisation_id=request.organisation_id,
        resource_id=candidate.offer.id,
        owner_pole_id=candidate.offer.pole_id,
        owner_organisation_id=candidate.offer.organisation_id,
        period=candidate.period,
        distance_m=candidate.distance_m,
        price_cents=candidate.price_cents,
        score=candidate.score,
        reasons=candidate.reasons,
    )


def choose(candidates: Iterable[Candidate], known: Mapping[UUID, Match], room: int) -> list[Candidate]:
    """Which of a line's candidates to propose: `room` new ones, the best first, and those that stand but changed.

    `known` are the line's earlier matches by resource; what is taken is left alone.
    """
    chosen = []
    for candidate in sorted(candidates, key=order):
        match = known.get(candidate.offer.id)
        if match is not None and match.status is MatchStatus.PROPOSED:
            chosen += [] if stands(match, candidate) else [candidate]
        elif room > 0 and (match is None or match.status is MatchStatus.WITHDRAWN):
            chosen.append(candidate)
            room -= 1
    return chosen


def stands(match: Match, candidate: Candidate) -> bool:
    """Whether what was proposed is still the case: who was told of it needn't be told again."""
    return (
        match.status is MatchStatus.PROPOSED
        and (match.period, match.price_cents, match.distance_m, match.score)
        == (candidate.period, candidate.price_cents, candidate.distance_m, candidate.score)
        and _of_the_offer(match.reasons) == _of_the_offer(candidate.reasons)
    )


def _of_the_offer(told: Iterable[Reason]) -> dict[str, Text]:
    """What is told of the offer itself: whether it is the cheapest depends on others."""
    return {reason.code: reason.text for reason in told if reason.code != "price"}


def still_true(match: Match, line: Line, offer: Offer) -> bool:
    """Whether the offer as it is now still is what the match told, whatever has become of its free time."""
    same = worth(line, offer) == (match.distance_m, match.price_cents, match.score)
    return same and reasons.fit(line, offer) in match.reasons


def is_offered(match: Match, line: Line, resource: Resource) -> bool:
    """Whether the resource is still offered to who asks, as the match told it and at its time, booked or not.

    With which poles the resource's pole shares is not looked at.
    """
    if resource.status is not ResourceStatus.OFFERED or resource.characteristics.kind != line.kind:
        return False
    at_that_time = any(
        each.start <= match.period.start and match.period.end <= each.end for each in resource.availability
    )
    return at_that_time and _reaches(resource, match) and still_true(match, line, offer_of(resource))


def _reaches(resource: Resource, match: Match) -> bool:
    if resource.organisation_id == match.requester_organisation_id:
        return True
    if resource.pole_id == match.requester_pole_id:
        return resource.ring is not Ring.ORGANISATION
    return resource.ring in (Ring.PARTNER_POLES, Ring.EVERYONE)


def said(match: Match) -> Event:
    """What its new status says."""
    if match.status is MatchStatus.PROPOSED:
        return MatchProposed(match=match)
    return MatchTaken(match=match) if match.status is MatchStatus.TAKEN else MatchWithdrawn(match=match)


def to(status: MatchStatus, match: Match) -> tuple[Match, list[Event]]:
    """The match in another status; the same status changes nothing."""
    if match.status is status:
        return match, []
    after = match.model_copy(update={"status": status, "version": match.version + 1})
    return after, [said(after)]
