"""Is this plan what it says it is? Verified by code that shares nothing with the solver, slowly and plainly.

`rules` has the eight rules of a placement, `score` the money, `bound` what the prices of a certificate prove, `files` a
plan's file against its problem. Only `problem` and `reading` are imported from the rest of the engine.
"""

from pooling.matching.checking.bound import proved_bound
from pooling.matching.checking.files import check
from pooling.matching.checking.rules import broken_rules
from pooling.matching.checking.schedule import MOST_STATES, TooManyStates
from pooling.matching.checking.score import value_of

__all__ = ["MOST_STATES", "TooManyStates", "broken_rules", "check", "proved_bound", "value_of"]
