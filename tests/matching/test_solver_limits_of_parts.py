"""A part of the plan that is hard to solve is given up after so much work, and the plan stays as it was."""

import numpy as np
import pytest

from pooling.matching import repair
from pooling.matching.model import Model


def hard() -> Model:
    """Ten rows of units over sixty columns: what the relaxed model leaves open takes many steps."""
    chance = np.random.default_rng(1)
    model = Model(chance.integers(50, 100, 60).astype(float).tolist())
    for _ in range(10):
        model.row(0, 150, np.arange(60), chance.integers(1, 20, 60))
    return model


def test_branch_and_bound_ends_at_the_work_that_a_part_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MOST_NODES", 1_000)
    nothing, unknown = np.zeros(60), np.full(60, -1.0)
    monkeypatch.setattr(repair, "MOST_STAGES", 2)
    soon = repair.exactly(hard(), nothing, unknown, None)
    monkeypatch.setattr(repair, "MOST_STAGES", 30)
    later = repair.exactly(hard(), nothing, unknown, None)
    again = repair.exactly(hard(), nothing, unknown, None)
    assert not soon.ended
    assert soon.iterations < later.iterations
    assert later.iterations == again.iterations
    assert (later.columns == again.columns).all()
