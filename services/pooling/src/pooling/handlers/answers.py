"""What pooling answers besides the public states."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from pooling.domain import reasons
from pooling.domain.ranking import Candidate, NearMiss
from pooling.domain.territory import Slot
from pooling.store.plans import Told
from schemas.event import Contract, Moment, Period, Text
from schemas.pooling import Cents, Line, Match, MatchStatus, Reason


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


class PlanStatus(StrEnum):
    """Where a line stands in the plan of the territory."""

    WAITING = "waiting"
    PLANNED = "planned"
    UNPLANNED = "unplanned"
    BOOKED = "booked"


class Instead(Contract):
    """Where a planned line could be instead, everything else as it is planned."""

    resource_id: UUID
    title: str
    period: Period
    difference_cents: Annotated[int, Field(description="By how much the plan of the territory would be worth more.")]
    text: Annotated[Text, Field(description="When, and the difference.")]


class PlannedLine(Contract):
    """What the plan of the whole territory has for a line."""

    line_id: UUID
    status: PlanStatus
    match: Annotated[Match | None, Field(description="What is planned or booked: nobody else is proposed it.")] = None
    because: Annotated[Reason | None, Field(description="Why there is no place for the line.")] = None
    would_help: Annotated[list[Reason], Field(description="What else could be had if the requester asked otherwise.")]
    alternatives: Annotated[list[Match], Field(description="What else is proposed, the best first.")]
    instead: Annotated[
        list[Instead],
        Field(description="The next best places that the plan could give it, three at most, the best first."),
    ]
    planned_at: Moment | None = None


class Plan(Contract):
    """A request in the plan of the territory, by line."""

    items: list[PlannedLine]


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


def instead(told: Told) -> list[tuple[Slot, int]]:
    """The other places that a plan has told of a line, best first, and by how many cents its value would change."""
    return [
        (Slot(UUID(each["resource_id"]), Period.model_validate(each["period"])), each["difference"])
        for each in told.told.get("instead", ())
    ]


def planned(
    line: Line,
    matches: Sequence[Match],
    told: Told | None,
    slot: Slot | None,
    titles: Mapping[tuple[UUID, Slot], str],
    now: datetime,
) -> PlannedLine:
    """A line with its matches that stand or are taken, best first, what the plan tells of it, and its slot.

    `titles` are of the places that it could still have instead.
    """
    booked = [match for match in matches if match.status is MatchStatus.TAKEN]
    there = [match for match in matches if slot is not None and slot == Slot(match.resource_id, match.period)]
    why = _why(line, told, now)
    own = next(iter(booked or there), None)
    status = PlanStatus.UNPLANNED if why else PlanStatus.WAITING
    if own is not None:
        status, why = PlanStatus.BOOKED if booked else PlanStatus.PLANNED, []
    others = instead(told) if told is not None and status is PlanStatus.PLANNED else []
    return PlannedLine(
        line_id=line.id,
        status=status,
        match=own,
        because=next(iter(why), None),
        would_help=why[1:],
        alternatives=[match for match in matches if match != own],
        instead=[_instead(*each, titles[line.id, each[0]]) for each in others if (line.id, each[0]) in titles],
        planned_at=told.solved_at if told else None,
    )


def _why(line: Line, told: Told | None, now: datetime) -> list[Reason]:
    """Why the line has no place, and what would help; of one whose window has passed no plan tells any more."""
    if line.window.end <= now:
        return [reasons.late()]
    return [] if told is None else [Reason.model_validate(each) for each in told.told.get("reasons", ())]


def _instead(slot: Slot, difference: int, title: str) -> Instead:
    return Instead(
        resource_id=slot.resource_id,
        title=title,
        period=slot.period,
        difference_cents=difference,
        text=reasons.instead(difference, slot.period).text,
    )
