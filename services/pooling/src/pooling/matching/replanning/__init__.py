"""A plan kept up to date: what an arrival, cancellation, breakdown or changed offer touches is made anew.

`standing` is the plan and what may happen to it, `records` what is known of lines and resources, `around` which
requests are looked at again, `small` the small problem that these are, and its best plan.
"""

from pooling.matching.replanning.records import Change, Move
from pooling.matching.replanning.standing import Known, StandingPlan, Unknown

__all__ = ["Change", "Known", "Move", "StandingPlan", "Unknown"]
