"""Matches: proposed pairings of a need with a resource."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.event import Contract, Event, Period, State, Text
from schemas.pooling.values import Cents


class MatchStatus(StrEnum):
    """Where a match stands."""

    PROPOSED = "proposed"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"


class Reason(Contract):
    """Why a match is good, or what a near miss misses: a stable code and a sentence."""

    code: str
    text: Text


class Match(State):
    """A proposed pairing of a request's line with a resource, with its score and its reasons."""

    status: MatchStatus
    request_id: UUID
    line_id: UUID
    requester_pole_id: UUID
    requester_organisation_id: UUID
    resource_id: UUID
    owner_pole_id: UUID
    owner_organisation_id: UUID
    period: Period
    distance_m: Annotated[int, Field(ge=0)]
    price_cents: Cents
    score: Annotated[int, Field(ge=0, le=1000, description="1000 is the best possible.")]
    reasons: tuple[Reason, ...]


class MatchEvent(Event):
    """What happened to a match, with its state afterwards."""

    TOPIC = "polepool.pooling.matches"
    match: Match

    @property
    def aggregate(self) -> Match:
        return self.match


class MatchProposed(MatchEvent):
    """Pooling found a resource that fits a line; said again when what it tells changes, or when it stands again."""

    TYPE = "polepool.pooling.match_proposed.v1"


class MatchTaken(MatchEvent):
    """The requester took a match: a booking holds its resource."""

    TYPE = "polepool.pooling.match_taken.v1"


class MatchWithdrawn(MatchEvent):
    """A match no longer stands."""

    TYPE = "polepool.pooling.match_withdrawn.v1"
