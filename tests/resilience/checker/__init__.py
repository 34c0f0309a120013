"""The checker: judges the evidence of a run. It knows nothing of which faults there were, or which bug is planted.

Each rule says how many things it looked at: a rule that looked at nothing has shown nothing.
"""

from tests.resilience.checker import answers, bookings, consumption, events, plans, reading, telling
from tests.resilience.evidence import Evidence
from tests.resilience.verdict import Verdict

__all__ = ["Verdict", "judge"]

RULES = (
    *answers.RULES,
    *events.RULES,
    *bookings.RULES,
    *plans.RULES,
    *consumption.RULES,
    *telling.RULES,
    *reading.RULES,
)


def judge(evidence: Evidence) -> list[Verdict]:
    """What each rule says of the evidence."""
    return [rule(evidence) for rule in RULES]
