"""Versions and tenants: what an event adds to what is known, and what it may never change."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from chassis.errors import Poison
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event


class Known(NamedTuple):
    """What is known of an aggregate: its last version, and the tenants (organisations, poles) that it belongs to.

    `proposed` tells that it is a match that stands.
    """

    version: int
    tenants: tuple[UUID, ...]
    proposed: bool = False


class Newer(NamedTuple):
    """The events of a run that say something new, and the last of them for each aggregate.

    `moved` are those that only move a match that people know of: another period or price. They are no news to them.
    """

    events: tuple[Event, ...]
    moved: tuple[Event, ...]
    last: dict[UUID, Event]


def tenants(event: Event) -> tuple[UUID, ...]:
    """The organisations and poles that an event's aggregate belongs to for its whole life."""
    match event.aggregate:
        case m.Member(pole_id=pole_id, organisation_id=organisation_id):
            return (organisation_id, pole_id)
        case m.Project(pole_id=pole_id, lead_organisation_id=lead):
            return (lead, pole_id)
        case p.Resource(pole_id=pole_id, organisation_id=organisation_id):
            return (organisation_id, pole_id)
        case p.Request(pole_id=pole_id, organisation_id=organisation_id):
            return (organisation_id, pole_id)
        case p.Match() | p.Booking() as sided:
            return (
                sided.owner_organisation_id, sided.owner_pole_id,
                sided.requester_organisation_id, sided.requester_pole_id,
            )  # fmt: skip
        case _:
            return ()


def newer(known: Mapping[UUID, Known], events: Iterable[Event]) -> Newer:
    """Keep the events whose version is newer than what is known before them, in order.

    Raises Poison when an aggregate is known under another tenant.
    """
    seen, kept, moved, last = dict(known), [], [], {}
    for event in events:
        state, owners = event.aggregate, tenants(event)
        before = seen.get(state.id, Known(0, owners))
        if before.tenants != owners:
            raise Poison("another tenant")
        if state.version > before.version:
            seen[state.id] = Known(state.version, owners, proposed(event))
            last[state.id] = event
            kept.append(event)
            if before.proposed and proposed(event):
                moved.append(event)
    return Newer(tuple(kept), tuple(moved), last)


def proposed(event: Event) -> bool:
    """Whether a match stands after this event."""
    return isinstance(event, p.MatchProposed)


def title(event: Event) -> str | None:
    """What people call the aggregate."""
    match event.aggregate:
        case m.Pole(name=name) | m.Organisation(name=name):
            return name
        case m.Project(title=words) | p.Resource(title=words) | p.Request(title=words):
            return words
        case _:
            return None
