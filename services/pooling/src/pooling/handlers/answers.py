"""What pooling answers besides the public states."""

from uuid import UUID

from pooling.domain.ranking import Candidate, NearMiss
from schemas.event import Contract, Period
from schemas.pooling import Cents, Match, Reason


class Alternative(Contract):
    """What could be booked instead: a standing match of the same line if there is one, or the resource itself."""

    resource_id: UUID
    resource_version: int
    match_id: UUID | None = None
    match_version: int | None = None
    title: str
    period: Period
    distance_m: int
    price_cents: Cents
    score: int
    reasons: tuple[Reason, ...]


class Missed(Contract):
    """A resource that would fit a line but for what it misses."""

    line_id: UUID
    resource_id: UUID
    title: str
    distance_m: int
    price_cents: Cents
    misses: tuple[Reason, ...]


class Matches(Contract):
    """A request's matches: by line, the best first."""

    items: list[Match]


class NearMisses(Contract):
    """A request's near misses: by line, those that miss least first."""

    items: list[Missed]


class Free(Contract):
    """When a resource is free."""

    items: list[Period]


def alternative(candidate: Candidate, match: Match | None) -> Alternative:
    """A candidate as an alternative; `match` is the one that proposes just this."""
    return Alternative(
        resource_id=candidate.offer.id,
        resource_version=candidate.offer.version,
        match_id=match.id if match else None,
        match_version=match.version if match else None,
        title=candidate.offer.title,
        period=candidate.period,
        distance_m=candidate.distance_m,
        price_cents=candidate.price_cents,
        score=candidate.score,
        reasons=candidate.reasons,
    )


def missed(line_id: UUID, near: NearMiss) -> Missed:
    """A near miss of a line, as it is told."""
    return Missed(
        line_id=line_id,
        resource_id=near.offer.id,
        title=near.offer.title,
        distance_m=near.distance_m,
        price_cents=near.price_cents,
        misses=near.misses,
    )
