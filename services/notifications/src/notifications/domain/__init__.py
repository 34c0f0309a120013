"""What concerns whom, when it is told, and how long webhooks are tried. Pure: no I/O, the clock is an argument."""

from notifications.domain.facts import Facts, Needs, Organisation, Pole, missing, needs
from notifications.domain.known import Known, Newer, newer, proposed, tenants, title
from notifications.domain.patience import HISTORY, PATIENCE, SECOND_LOOK, Verdict, decide
from notifications.domain.retries import LONGEST_PAUSE, Fate, Retries, delay, fate, why_disable
from notifications.domain.telling import GATHERING, Told, concerned, tell

__all__ = [
    "GATHERING", "HISTORY", "LONGEST_PAUSE", "PATIENCE", "SECOND_LOOK", "Facts", "Fate", "Known", "Needs", "Newer",
    "Organisation", "Pole", "Retries", "Told", "Verdict", "concerned", "decide", "delay", "fate", "missing", "needs",
    "newer", "proposed", "tell", "tenants", "title", "why_disable",
]  # fmt: skip
