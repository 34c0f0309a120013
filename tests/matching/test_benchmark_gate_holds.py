"""The solver is no worse than when its gaps were recorded, in rounds: whatever the machine and whoever uses it."""

import pytest

from benchmarks.matching.cases import QUICK, Case, quick
from benchmarks.matching.gate import FILE, alone, faults, recorded


@pytest.mark.parametrize("case", quick(list(QUICK), 1), ids=lambda case: case.family)
def test_our_gap_is_no_wider_than_recorded_and_every_plan_and_bound_is_right(case: Case) -> None:
    before = recorded(FILE)
    assert (case.family, case.lines, case.seed, case.rounds) in before
    assert list(faults([[alone(case)]], before)) == []
