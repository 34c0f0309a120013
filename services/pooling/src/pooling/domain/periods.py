"""Periods: what is left of them, and where something fits."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from chassis.errors import Invalid
from schemas.event import Period

STEP = timedelta(minutes=15)
"""Starts are looked for at these steps from the beginning of a window."""
MAX_PERIODS = 200
HORIZON = timedelta(days=731)
"""How far from now an availability may reach, both ways."""
MIN_BOOKING, MAX_BOOKING = timedelta(minutes=15), timedelta(days=31)


def normalised(periods: Iterable[Period], now: datetime) -> tuple[Period, ...]:
    """An availability in UTC, in order, touching periods joined.

    Raises Invalid when there are too many, two overlap, or one is beyond the horizon.
    """
    ordered = sorted((utc(each) for each in periods), key=lambda each: each.start)
    if not 1 <= len(ordered) <= MAX_PERIODS:
        raise Invalid(field="availability", rule=f"must have 1 to {MAX_PERIODS} periods")
    if ordered[0].start < now - HORIZON or max(each.end for each in ordered) > now + HORIZON:
        raise Invalid(field="availability", rule=f"must lie within {HORIZON.days} days of now")
    joined: list[Period] = []
    for period in ordered:
        if joined and period.start < joined[-1].end:
            raise Invalid(field="availability", rule=f"periods must not overlap (at {period.start.isoformat()})")
        if joined and period.start == joined[-1].end:
            joined[-1] = Period(start=joined[-1].start, end=period.end)
        else:
            joined.append(period)
    return tuple(joined)


def utc(period: Period) -> Period:
    """The same period, told in UTC."""
    return Period(start=period.start.astimezone(UTC), end=period.end.astimezone(UTC))


def clipped(spans: Iterable[Period], window: Period) -> list[Period]:
    """The parts of `spans` that lie inside `window`."""
    parts = ((max(each.start, window.start), min(each.end, window.end)) for each in spans)
    return [Period(start=start, end=end) for start, end in parts if start < end]


def first_fit(spans: Iterable[Period], window: Period, length: timedelta, now: datetime) -> Period | None:
    """The earliest period of `length` in a span and the window, at a step from the window's start, not in the past."""
    earliest = max(window.start, now)
    for span in sorted(spans, key=lambda each: each.start):
        late = max(span.start, earliest) - window.start
        start = window.start + -(-late // STEP) * STEP
        if start + length <= min(span.end, window.end):
            return Period(start=start, end=start + length)
    return None
