"""Seeded problems of every family and size: the same seed gives the same problem on every machine."""

from benchmarks.matching import needs, offers
from benchmarks.matching.chance import Chance
from benchmarks.matching.families import FAMILIES
from benchmarks.matching.touches import everything
from pooling.matching.problem import Problem

KM_COST = 45


def problem_of(family: str, lines: int, seed: int) -> Problem:
    """The problem of a family in `FAMILIES` with that many lines."""
    kind, chance = FAMILIES[family], Chance(seed)
    problem = Problem(offers.resources(kind, lines, chance), needs.requests(kind, lines, chance), KM_COST)
    return everything(problem, chance) if kind.everything else problem
