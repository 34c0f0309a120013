"""When an event is told: now, later, or never because it is history. What is missing is waited for, within bounds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.domain.facts import Facts, missing
from notifications.domain.telling import Told, tell
from schemas import membership as m
from schemas.event import Event

HISTORY = timedelta(days=7)
"""An event older than this when it arrives is history, not news: projections learn from it and nobody is told."""
PATIENCE = timedelta(minutes=10)
"""How long a text waits for a name or title that is not known yet; after that a general word stands for it."""
SECOND_LOOK = timedelta(seconds=60)
"""A launched project is told to whoever is known, and once more after this to those whose joining arrived late."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an event now: tell these, and come back at `again` (None: it is settled)."""

    told: tuple[Told, ...]
    again: datetime | None
    settled: str | None = None


def decide(event: Event, facts: Facts, received_at: datetime, now: datetime) -> Verdict:
    """Tell the event now, or later: what waits and for how long is at the top of this file."""
    lacking, age = missing(event, facts), now - received_at
    if any(lacking) and age < PATIENCE:
        return Verdict((), now + _pause(age))
    told = tuple(tell(event, facts))
    if lacking.poles or lacking.organisations:
        if age < HISTORY:
            return Verdict(told, now + _pause(age))
        return Verdict(told, None, "given_up")
    if isinstance(event, m.ProjectLaunched) and age < SECOND_LOOK:
        return Verdict(told, received_at + SECOND_LOOK)
    return Verdict(told, None, "told" if told else "nobody")


def _pause(age: timedelta) -> timedelta:
    """How long to wait for missing facts before looking again: a tenth of the waiting so far, 0.25 s to 10 min."""
    return min(max(age / 10, timedelta(seconds=0.25)), timedelta(minutes=10))
