"""The small models of a standing plan are solved to their best."""

from itertools import product
from random import Random

import numpy as np
import pytest

from pooling.matching.model import NO_END, Model
from pooling.matching.replanning.branching import best_choice


def odd_cycles(chance: Random, columns: int) -> Model:
    """Columns of which at most one of each of many pairs can be taken: what the relaxed model takes by halves."""
    model = Model([float(chance.randint(90, 110)) for _ in range(columns)])
    for _ in range(2 * columns):
        model.row(-NO_END, 1.0, chance.sample(range(columns), 2))
    return model


def allowed(model: Model, values: tuple[float, ...]) -> bool:
    return all(values[columns].sum() <= high for values in [np.array(values)] for _, high, columns, _ in model.rows)


@pytest.mark.parametrize("seed", range(20))
def test_a_small_model_is_solved_to_its_best(seed: int) -> None:
    model = odd_cycles(Random(seed), 9)  # noqa: S311 - the same every time
    best = max(model.worth(np.array(each)) for each in product((0.0, 1.0), repeat=9) if allowed(model, each))
    found = best_choice(model, np.zeros(9))
    assert allowed(model, tuple(found))
    assert model.worth(found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_as_good_as_the_best_stays(seed: int) -> None:
    model = odd_cycles(Random(seed), 9)  # noqa: S311 - the same every time
    best = best_choice(model, np.zeros(9))
    assert best_choice(model, best) is best


def test_a_large_model_gets_a_choice_that_is_allowed_and_no_worse_within_the_work_that_it_may_take() -> None:
    model = odd_cycles(Random(1), 120)  # noqa: S311 - the same every time
    start = np.zeros(120)
    found = best_choice(model, start)
    assert allowed(model, tuple(found))
    assert model.worth(found) > 0
