"""Why each line is where it is, what else it could have, and what would help those that have nothing.

`explain` answers with plain values; `sentences` (which needs the service's words) tells them to people.
"""

from pooling.matching.explaining.plan import explain
from pooling.matching.explanations import (
    CONDITIONS,
    Alternative,
    Because,
    Change,
    Explanations,
    NearMiss,
    PlacedLine,
    Score,
    UnplacedLine,
)

__all__ = [
    "CONDITIONS",
    "Alternative",
    "Because",
    "Change",
    "Explanations",
    "NearMiss",
    "PlacedLine",
    "Score",
    "UnplacedLine",
    "explain",
]
