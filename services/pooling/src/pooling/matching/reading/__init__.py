"""Files in: problems, plans and certificates, each refused with one line that names the place and the rule.

Plain functions, no models: a problem of 100,000 lines and 25,000 resources takes a few seconds.
"""

from pooling.matching.reading.fields import BadProblem
from pooling.matching.reading.periods import merged
from pooling.matching.reading.plans import PlanFile, read_certificate, read_plan
from pooling.matching.reading.problems import MOST_MONEY, MOST_STARTS, read_problem

__all__ = [
    "MOST_MONEY",
    "MOST_STARTS",
    "BadProblem",
    "PlanFile",
    "merged",
    "read_certificate",
    "read_plan",
    "read_problem",
]
