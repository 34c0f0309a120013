"""The small models of a standing plan are solved to their best."""

from itertools import product
from random import Random

import numpy as np
import pytest

from pooling.matching.model import Model
from pooling.matching.replanning.branching import best_choice
from tests.matching.models import allowed, excluding


def odd_cycles(chance: Random, columns: int) -> Model:
    """Columns of which at most one of each of many pairs can be taken: what the relaxed model takes by halves."""
    gains = [float(chance.randint(90, 110)) for _ in range(columns)]
    return excluding(gains, [chance.sample(range(columns), 2) for _ in range(2 * columns)])


@pytest.mark.parametrize("seed", range(20))
def test_a_small_model_is_solved_to_its_best(seed: int) -> None:
    model = odd_cycles(Random(seed), 9)  # noqa: S311 - the same every time
    choices = map(np.array, product((0.0, 1.0), repeat=9))
    best = max(model.worth(each) for each in choices if allowed(model, each))
    found = best_choice(model, np.zeros(9))
    assert allowed(model, found)
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
    assert allowed(model, found)
    assert model.worth(found) > 0
