"""Distances, prices and lengths of time, rounded the same way on every machine."""

from datetime import timedelta
from math import asin, cos, floor, radians, sin, sqrt

from schemas.event import Place
from schemas.pooling import Price

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG), in metres."""


def distance_m(a: Place, b: Place) -> int:
    """Great-circle distance (haversine), rounded half up to whole metres."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    half = sin((lat_b - lat_a) / 2) ** 2
    half += cos(lat_a) * cos(lat_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return floor(2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half))) + 0.5)


def price_cents(price: Price, length: timedelta) -> int:
    """The fixed part plus the hourly part for `length`, rounded half up to whole cents."""
    seconds = length // timedelta(seconds=1)
    return price.fixed_cents + (2 * price.hour_cents * seconds + 3600) // 7200
