"""Which offers fit a line, how well, and what the others miss. The conditions are those of the matching engine."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pooling.domain import reasons
from pooling.domain.offers import Asker, Offer
from pooling.domain.periods import first_fit
from pooling.domain.places import distance_m, price_cents
from schemas.event import Period
from schemas.pooling import Line, Reason

WEIGHTS = {"distance": 450, "fit": 300, "price": 250}
"""What each part adds at best to a score of 1000."""
HALF_AT_M = 20_000
"""The distance, in metres, at which a match has half of the points for distance."""
HALF_AT_CENTS = 5_000
"""The price, in cents, at which a match has half of the points for price."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that fits, for its earliest possible period."""

    offer: Offer
    period: Period
    distance_m: int
    price_cents: int
    score: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An offer that would fit but for what it misses."""

    offer: Offer
    distance_m: int
    price_cents: int
    misses: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An offer looked at for a line."""

    offer: Offer
    period: Period | None
    metres: int
    price: int
    misses: tuple[Reason, ...]


def rank(line: Line, offers: Iterable[Offer], asker: Asker, now: datetime, most: int | None = None) -> list[Candidate]:
    """The offers that fit, best first, `most` of them at most: only these are given reasons, which take longest."""
    fitting = [each for offer in offers if (each := _fit(line, offer, now)) is not None]
    cheapest = sorted(each.price_cents for each in fitting)[:2]
    alone = cheapest[0] if cheapest and cheapest != cheapest[:1] * 2 else None
    best = sorted(fitting, key=order)[:most]
    return [_told(line, each, asker, len(fitting) if each.price_cents == alone else 0) for each in best]


def _fit(line: Line, offer: Offer, now: datetime) -> Candidate | None:
    period = first_fit(offer.free, line.window, timedelta(minutes=line.minutes), now)
    if period is None or (what := worth(line, offer)) is None:
        return None
    return Candidate(offer, period, *what, ())


def order(candidate: Candidate) -> tuple[int, int, int, datetime, UUID]:
    """The best first; equal scores by price, distance, start and id, so that the order never varies."""
    return -candidate.score, candidate.price_cents, candidate.distance_m, candidate.period.start, candidate.offer.id


def _told(line: Line, candidate: Candidate, asker: Asker, cheapest_of: int) -> Candidate:
    metres, price = candidate.distance_m, candidate.price_cents
    why = reasons.good(line, candidate.offer, asker, candidate.period, metres, price, cheapest_of)
    return replace(candidate, reasons=tuple(why))


def near_misses(line: Line, offers: Iterable[Offer], now: datetime, limit: int = 5) -> list[NearMiss]:
    """Of the offers that don't fit, those that miss the fewest conditions, nearest and cheapest first."""
    missing = [seen for seen in (_look(line, offer, now) for offer in offers) if seen.misses]
    fewest = min((len(seen.misses) for seen in missing), default=0)
    closest = [seen for seen in missing if len(seen.misses) == fewest]
    closest.sort(key=lambda seen: (seen.metres, seen.price, seen.offer.id))
    return [NearMiss(seen.offer, seen.metres, seen.price, seen.misses) for seen in closest[:limit]]


def worth(line: Line, offer: Offer) -> tuple[int, int, int] | None:
    """The metres, cents and score of an offer for a line, whenever it is free; None if it misses something."""
    metres, price = _measured(line, offer)
    return None if _misses(line, offer, metres, price) else (metres, price, score(line, offer, metres, price))


def score(line: Line, offer: Offer, metres: int, price: int) -> int:
    """0 to 1000: points for distance and price halve at HALF_AT_M and HALF_AT_CENTS; a tight fit keeps its own.

    Exact, in whole numbers: the sum of three fractions is rounded half up once.
    """
    used, of = _tightness(line, offer)
    near, cheap = HALF_AT_M + metres, HALF_AT_CENTS + price
    points = WEIGHTS["distance"] * HALF_AT_M * cheap * of + WEIGHTS["price"] * HALF_AT_CENTS * near * of
    points += WEIGHTS["fit"] * used * near * cheap
    whole = near * cheap * of
    return (2 * points + whole) // (2 * whole)


def _tightness(line: Line, offer: Offer) -> tuple[int, int]:
    """The mean of needed ÷ there over the measures asked for, as numerator and denominator; 1 if there is none."""
    used, of, count = 0, 1, 0
    for name, needed in line.at_least.items():
        if needed > 0:
            there = offer.measures[name]
            used, of, count = used * there + needed * of, of * there, count + 1
    return (used, of * count) if count else (1, 1)


def _look(line: Line, offer: Offer, now: datetime) -> _Seen:
    length = timedelta(minutes=line.minutes)
    metres, price = _measured(line, offer)
    misses = _misses(line, offer, metres, price)
    period = first_fit(offer.free, line.window, length, now)
    if period is None:
        misses.append(reasons.not_free(line.window, length, offer.free, offer.offered, now))
    return _Seen(offer, period, metres, price, tuple(misses))


def _measured(line: Line, offer: Offer) -> tuple[int, int]:
    return distance_m(line.place, offer.place), price_cents(offer.price, timedelta(minutes=line.minutes))


def _misses(line: Line, offer: Offer, metres: int, price: int) -> list[Reason]:
    misses = [reasons.missing(name) for name in line.features if name not in offer.features]
    for name, needed in line.at_least.items():
        if offer.measures.get(name, 0) < needed:
            misses.append(reasons.too_little(name, offer.measures.get(name, 0), needed))
    if line.max_km is not None and metres > line.max_km * 1000:
        misses.append(reasons.too_far(metres, line.max_km))
    if line.max_price_cents is not None and price > line.max_price_cents:
        misses.append(reasons.too_dear(price, line.max_price_cents))
    return misses
