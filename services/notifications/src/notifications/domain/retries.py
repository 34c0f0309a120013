"""When a webhook is tried again, and when its subscription ends."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple


class Retries(NamedTuple):
    """How webhooks are retried: seconds after each failed attempt, and after how many in a row all of them pause."""

    schedule: tuple[float, ...]
    breaker: int


Fate = Literal["delivered", "postponed", "failed", "gone"]
LONGEST_PAUSE = timedelta(hours=1)
"""A subscription that fails again and again is tried at least this often."""


def fate(status: int | None, attempts: int, retries: Retries) -> Fate:
    """What becomes of a delivery after its `attempts`-th attempt got this HTTP status (None: no answer)."""
    if status is not None and 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "failed" if attempts > len(retries.schedule) else "postponed"


def delay(attempts: int, retries: Retries, luck: float) -> timedelta:
    """How long to wait after the `attempts`-th attempt: what the schedule says, plus `luck` (0 to 1) fifths."""
    planned = retries.schedule[min(attempts, len(retries.schedule)) - 1]
    return timedelta(seconds=planned * (1 + luck / 5))


def why_disable(fate: Fate, failing_since: datetime, retries: Retries, now: datetime) -> str | None:
    """Whether a failing subscription ends: at once on 410 Gone, or once nothing got through for a whole schedule.

    A delivery that is given up must say so: where events are rare, the first attempt at one may fail long after the
    last attempt at another.
    """
    if fate == "gone":
        return "gone"
    whole = (now - failing_since).total_seconds() >= sum(retries.schedule)
    return "failing" if fate == "failed" and whole else None
