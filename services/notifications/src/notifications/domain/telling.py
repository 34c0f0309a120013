"""Who is told of an event, in which words; and which organisations' webhooks get it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from notifications.domain.facts import Facts, SidedState, sides
from schemas import membership as m
from schemas import pooling as p
from schemas.event import Event, Period

GATHERING = timedelta(seconds=5)
"""How long a mail waits for what belongs into it: a request's matches are proposed together, and come one by one."""


class Told(NamedTuple):
    """One person's notification of an event: the code of a text and what fills it; and whether a mail tells it too.

    Of all that `gathers` for the same aggregate, one mail tells.
    """

    person_id: UUID
    code: str
    params: dict[str, Any]
    mailed: bool = True
    gathers: UUID | None = None


def tell(event: Event, facts: Facts) -> list[Told]:
    """Who is told of an event and in which words: one notification per person, the first that fits."""
    match event:
        case m.MemberEvent():
            told = _member(event, facts)
        case m.ProjectLaunched(project=project):
            told = _project(project, facts)
        case p.MatchProposed(match=match):
            told = _match(match, facts)
        case p.BookingEvent():
            told = _booking(event, facts)
        case _:
            told = []
    return list({each.person_id: each for each in reversed(told)}.values())[::-1]


def concerned(event: Event, facts: Facts) -> frozenset[UUID]:
    """The organisations whose webhooks get this event."""
    match event.aggregate:
        case m.Pole(id=pole_id):
            return facts.joined.get(pole_id, frozenset())
        case m.Organisation(id=organisation_id) | m.Member(organisation_id=organisation_id):
            return frozenset({organisation_id})
        case m.Project(pole_id=pole_id, lead_organisation_id=lead):
            return facts.joined.get(pole_id, frozenset()) | {lead}
        case p.Resource(organisation_id=organisation_id) | p.Request(organisation_id=organisation_id):
            return frozenset({organisation_id})
        case p.Match() | p.Booking() as sided:
            return sides(sided)
        case _:
            return frozenset()


def _people(facts: Facts, organisation_id: UUID) -> Sequence[UUID]:
    known = facts.organisations.get(organisation_id)
    return sorted(known.people) if known else ()


def _name(facts: Facts, organisation_id: UUID) -> str | None:
    known = facts.organisations.get(organisation_id)
    return known.name if known else None


_MEMBER_TEXTS: dict[type[m.MemberEvent], tuple[str | None, str | None]] = {
    m.MemberApplied: (None, "member_applied"),
    m.MemberJoined: ("member_joined", None),
    m.MemberRefused: ("member_refused", None),
    m.MemberLeft: ("member_left", "member_left_pole"),
}
"""For each event: the text for the organisation's people, and the one for the pole's coordinators."""


def _member(event: m.MemberEvent, facts: Facts) -> list[Told]:
    member, pole = event.member, facts.poles.get(event.member.pole_id)
    params = {"organisation": _name(facts, member.organisation_id), "pole": pole.name if pole else None}
    for_people, for_coordinators = _MEMBER_TEXTS[type(event)]
    people = _people(facts, member.organisation_id) if for_people else ()
    coordinators = sorted(pole.coordinators) if pole and for_coordinators else ()
    return [Told(each, str(for_people), params) for each in people] + [
        Told(each, str(for_coordinators), params) for each in coordinators
    ]


def _project(project: m.Project, facts: Facts) -> list[Told]:
    pole, lead = facts.poles.get(project.pole_id), project.lead_organisation_id
    params = {"title": project.title, "lead": _name(facts, lead), "pole": pole.name if pole else None}
    members = sorted(facts.joined.get(project.pole_id, frozenset()))
    known = [facts.organisations[each] for each in members if each in facts.organisations]
    leading = set(_people(facts, lead))
    return [
        Told(person, "project_launched", params)
        for each in known
        if each.activities & set(project.activities)
        for person in sorted(each.people - leading)
    ]


def _match(match: p.Match, facts: Facts) -> list[Told]:
    params = _sided(match, facts) | {
        "request": facts.titles.get(match.request_id),
        "distance_m": match.distance_m,
        "reasons": [reason.text.model_dump() for reason in match.reasons],
    }
    told = _both(match, facts, "match_requester", "match_owner", params)
    return [
        each._replace(gathers=match.request_id)
        if each.code == "match_requester"
        else each._replace(mailed=False)  # nothing to do for an owner until somebody places a hold
        for each in told
    ]


_BOOKING_TEXTS: dict[type[p.BookingEvent], str] = {
    p.BookingHeld: "booking_held",
    p.BookingConfirmed: "booking_confirmed",
    p.BookingCancelled: "booking_cancelled",
    p.BookingExpired: "booking_expired",
}


def _booking(event: p.BookingEvent, facts: Facts) -> list[Told]:
    booking, code = event.booking, _BOOKING_TEXTS[type(event)]
    params = _sided(booking, facts)
    if isinstance(event, p.BookingHeld) and booking.expires_at:
        params["expires_at"] = _utc(booking.expires_at)
    if booking.cancelled_by:
        params["by"] = booking.cancelled_by.value
    return _both(booking, facts, f"{code}_requester", f"{code}_owner", params)


def _both(sided: SidedState, facts: Facts, requester: str, owner: str, params: dict[str, Any]) -> list[Told]:
    return [Told(each, requester, params) for each in _people(facts, sided.requester_organisation_id)] + [
        Told(each, owner, params) for each in _people(facts, sided.owner_organisation_id)
    ]


def _sided(sided: SidedState, facts: Facts) -> dict[str, Any]:
    return {
        "resource": facts.titles.get(sided.resource_id),
        "owner": _name(facts, sided.owner_organisation_id),
        "requester": _name(facts, sided.requester_organisation_id),
        "price_cents": sided.price_cents,
        **_period(sided.period),
    }


def _period(period: Period) -> dict[str, str]:
    return {"start": _utc(period.start), "end": _utc(period.end)}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
