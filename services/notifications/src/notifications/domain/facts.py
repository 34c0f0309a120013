"""What must be known to tell an event. Facts of other topics can arrive later than the event that needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event

SidedState = p.Match | p.Booking


@dataclass(frozen=True, slots=True)
class Pole:
    """What notifications needs to know about a pole."""

    name: str
    coordinators: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Organisation:
    """What notifications needs to know about an organisation."""

    name: str
    people: frozenset[UUID]
    activities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when an event is told: poles, organisations, titles, and who has joined which pole."""

    poles: Mapping[UUID, Pole] = field(default_factory=dict)
    organisations: Mapping[UUID, Organisation] = field(default_factory=dict)
    titles: Mapping[UUID, str] = field(default_factory=dict)
    joined: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)


class Needs(NamedTuple):
    """The ids of what must be known to tell an event; people are found through `poles` and `organisations`."""

    poles: frozenset[UUID] = frozenset()
    organisations: frozenset[UUID] = frozenset()
    titles: frozenset[UUID] = frozenset()
    joined: frozenset[UUID] = frozenset()


def needs(event: Event) -> Needs:
    """What must be known to tell this event to people and to webhooks."""
    match event:
        case m.PoleEvent(pole=pole):
            return Needs(joined=frozenset({pole.id}))
        case m.MemberEvent(member=member):
            return Needs(poles=frozenset({member.pole_id}), organisations=frozenset({member.organisation_id}))
        case m.ProjectLaunched(project=project):
            poles = frozenset({project.pole_id})
            return Needs(poles=poles, organisations=frozenset({project.lead_organisation_id}), joined=poles)
        case p.MatchProposed(match=match):
            return Needs(organisations=sides(match), titles=frozenset({match.resource_id, match.request_id}))
        case p.BookingEvent(booking=booking):
            return Needs(organisations=sides(booking), titles=frozenset({booking.resource_id}))
        case _:
            return Needs()


def missing(event: Event, facts: Facts) -> Needs:
    """What of an event's needs is not known yet."""
    wanted = needs(event)
    organisations = wanted.organisations
    for pole_id in wanted.joined if isinstance(event, m.ProjectLaunched) else ():
        organisations |= facts.joined.get(pole_id, frozenset())
    return Needs(
        poles=wanted.poles - facts.poles.keys(),
        organisations=organisations - facts.organisations.keys(),
        titles=wanted.titles - facts.titles.keys(),
    )


def sides(sided: SidedState) -> frozenset[UUID]:
    """The organisations on both sides of a match or booking."""
    return frozenset({sided.owner_organisation_id, sided.requester_organisation_id})
