"""What could be booked instead of what was refused: only what the requester may see."""

from datetime import datetime, timedelta

from chassis.access import Scope
from chassis.db import Tx, new_id
from pooling.domain.matches import stands
from pooling.domain.needs import features, measures
from pooling.domain.offers import Asker
from pooling.domain.ranking import Candidate, rank
from pooling.domain.reasons import NAMED_UNASKED
from pooling.handlers.answers import Alternative, alternative
from pooling.store import matches, requests, search
from schemas.event import Period
from schemas.pooling import Energy, Line, Match, Resource

MOST = 3
DAY = timedelta(days=1)


async def of_match(tx: Tx, scope: Scope, match: Match, now: datetime) -> list[Alternative]:
    """The next best for the match's line, at any time in its window."""
    line = await requests.get_line(tx, scope, match.line_id)
    asker = Asker(match.requester_pole_id, match.requester_organisation_id)
    proposed = {each.resource_id: each for each in await matches.proposed_of_line(tx, line.id)}
    best = rank(line, await search.fitting(tx, asker, line), asker, now, MOST)
    return [alternative(each, _standing(proposed.get(each.offer.id), each)) for each in best]


def _standing(match: Match | None, candidate: Candidate) -> Match | None:
    return match if match is not None and stands(match, candidate) else None


async def of_period(tx: Tx, asker: Asker, resource: Resource, period: Period, now: datetime) -> list[Alternative]:
    """Resources like this one and as big, free for the very period; else within a day of it."""
    near = _like(resource, Period(start=period.start - DAY, end=period.end + DAY), period)
    offers = await search.fitting(tx, asker, near)
    for line in (near.model_copy(update={"window": period}), near):
        if best := rank(line, offers, asker, now, MOST):
            return [alternative(each, None) for each in best]
    return []


def _like(resource: Resource, window: Period, period: Period) -> Line:
    """What would serve as this resource does, as long as the period, within the window."""
    has, most_telling = features(resource.characteristics), NAMED_UNASKED.get(resource.characteristics.kind)
    size = {name: value for name, value in measures(resource.characteristics).items() if name == most_telling}
    return Line(
        id=new_id(),
        kind=resource.characteristics.kind,
        window=window,
        minutes=max(15, -((period.start - period.end) // timedelta(minutes=1))),
        features=tuple(name for name in has if name not in set(Energy)),
        at_least=size,
        place=resource.place,
    )
