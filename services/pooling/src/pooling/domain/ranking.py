"""Which offers fit a line, how well, and what the others miss. The conditions are those of the matching engine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor

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


def rank(line: Line, offers: Iterable[Offer], asker: Asker, now: datetime) -> list[Candidate]:
    """The offers that fit, best first; equal scores by price, distance, start and id: the order never varies."""
    fitting = [seen for seen in (_look(line, offer, now) for offer in offers) if not seen.misses]
    prices = sorted(seen.price for seen in fitting)
    candidates = [_candidate(line, seen, asker, prices) for seen in fitting]
    return sorted(candidates, key=lambda c: (-c.score, c.price_cents, c.distance_m, c.period.start, c.offer.id))


def near_misses(line: Line, offers: Iterable[Offer], now: datetime, limit: int = 5) -> list[NearMiss]:
    """Of the offers that don't fit, those that miss the fewest conditions, nearest and cheapest first."""
    missing = [seen for seen in (_look(line, offer, now) for offer in offers) if seen.misses]
    fewest = min((len(seen.misses) for seen in missing), default=0)
    closest = [seen for seen in missing if len(seen.misses) == fewest]
    closest.sort(key=lambda seen: (seen.metres, seen.price, seen.offer.id))
    return [NearMiss(seen.offer, seen.metres, seen.price, seen.misses) for seen in closest[:limit]]


def score(line: Line, offer: Offer, metres: int, price: int) -> int:
    """0 to 1000: points for distance and price halve at HALF_AT_M and HALF_AT_CENTS; a tight fit keeps its own."""
    points = WEIGHTS["distance"] * Fraction(HALF_AT_M, HALF_AT_M + metres)
    points += WEIGHTS["price"] * Fraction(HALF_AT_CENTS, HALF_AT_CENTS + price)
    points += WEIGHTS["fit"] * _tightness(line, offer)
    return floor(points + Fraction(1, 2))


def _tightness(line: Line, offer: Offer) -> Fraction:
    used = [Fraction(needed, offer.measures[name]) for name, needed in line.at_least.items() if needed > 0]
    return sum(used, Fraction(0)) / len(used) if used else Fraction(1)


def _candidate(line: Line, seen: _Seen, asker: Asker, prices: Sequence[int]) -> Candidate:
    assert seen.period is not None  # noqa: S101 - what fits has a period
    alone = prices[0] == seen.price and (len(prices) == 1 or prices[1] > seen.price)
    why = reasons.good(line, seen.offer, asker, seen.period, seen.metres, seen.price, len(prices) if alone else 0)
    points = score(line, seen.offer, seen.metres, seen.price)
    return Candidate(seen.offer, seen.period, seen.metres, seen.price, points, tuple(why))


def _look(line: Line, offer: Offer, now: datetime) -> _Seen:
    length = timedelta(minutes=line.minutes)
    metres, price = distance_m(line.place, offer.place), price_cents(offer.price, length)
    period = first_fit(offer.free, line.window, length, now)
    misses = [reasons.missing(name) for name in line.features if name not in offer.features]
    for name, needed in line.at_least.items():
        if offer.measures.get(name, 0) < needed:
            misses.append(reasons.too_little(name, offer.measures.get(name, 0), needed))
    if line.max_km is not None and metres > line.max_km * 1000:
        misses.append(reasons.too_far(metres, line.max_km))
    if line.max_price_cents is not None and price > line.max_price_cents:
        misses.append(reasons.too_dear(price, line.max_price_cents))
    if period is None:
        offered = first_fit(offer.offered, line.window, length, now) is not None
        misses.append(reasons.not_free(line.window, offer.free, offered=offered))
    return _Seen(offer, period, metres, price, tuple(misses))
