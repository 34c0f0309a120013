"""A part of the plan that is hard to solve is given up after so much work, and the plan stays as it was."""

import numpy as np
import pytest

from benchmarks.matching import instances
from pooling.matching import repair
from pooling.matching.compiled import Floats
from pooling.matching.model import Model
from pooling.matching.problem import Budget
from pooling.matching.solver import solve
from tests.matching.models import modelled


def hard() -> Model:
    """Ten rows of units over sixty columns: what the relaxed model leaves open takes many steps."""
    chance = np.random.default_rng(1)
    gains = chance.integers(50, 100, 60).astype(float).tolist()
    return modelled(gains, [(range(60), chance.integers(1, 20, 60).tolist(), 150) for _ in range(10)])


def test_branch_and_bound_ends_at_the_work_that_a_part_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MOST_NODES", 1_000)
    nothing, unknown = np.zeros(60), np.full(60, -1.0)
    monkeypatch.setattr(repair, "MOST_WORK", 120)
    soon = repair.exactly(hard(), nothing, unknown, None)
    monkeypatch.setattr(repair, "MOST_WORK", 1_800)
    later = repair.exactly(hard(), nothing, unknown, None)
    again = repair.exactly(hard(), nothing, unknown, None)
    assert not soon.ended
    assert soon.iterations < later.iterations
    assert later.iterations == again.iterations
    assert (later.columns == again.columns).all()


def test_what_was_dived_for_is_kept_when_branch_and_bound_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MOST_WORK", 500)
    exactly, given_up = repair.exactly, []

    def watched(model: Model, start: Floats, known: Floats, seconds: float | None) -> repair.Solved:
        found = exactly(model, start, known, seconds)
        if not found.ended:
            given_up.append(model.worth(found.columns) - model.worth(start))
        return found

    monkeypatch.setattr(repair, "exactly", watched)
    solve(instances.problem_of("flexible", 300, 2), Budget(rounds=20), 2)
    assert given_up
    assert min(given_up) >= 0
