"""Shift minimisation, in the form of the public instances: all tasks are done by the fewest workers, with a proof."""

import json
from random import Random

import pytest

from benchmarks.matching.shift_minimisation import Instance, parse, problem_of, workers_of
from pooling.matching.checking import check
from pooling.matching.problem import Budget, Plan
from pooling.matching.solver import solve
from pooling.matching.writing import certificate_json, plan_json

NOON, DAY = 720, 1440
WORKERS, SPARE = 20, 6
SKILLED = 0.66
ROUNDS = 80


def planted(seed: int) -> Instance:
    """A day that WORKERS can do, without a pause at noon; some more know some of the tasks, and all know others too."""
    chance = Random(seed)  # noqa: S311 - the same on every machine
    tasks: list[tuple[int, int]] = []
    own: list[set[int]] = []
    for _ in range(WORKERS):
        cuts = sorted(chance.sample([*range(120, NOON, 60), *range(NOON + 60, DAY - 120, 60)], 4))
        shift = list(zip([0, *cuts], [*cuts, DAY], strict=True))
        own.append(set(range(len(tasks), len(tasks) + len(shift))))
        tasks += [(start + chance.randrange(60) * (start > 0), end) for start, end in shift]
    own += [set() for _ in range(SPARE)]
    known = [sorted(mine | {task for task in range(len(tasks)) if chance.random() < SKILLED}) for mine in own]
    told = ["# planted", "Type = 1", f"Jobs = {len(tasks)}", *(f"{start} {end}" for start, end in tasks)]
    told += [f"Qualifications = {len(known)}", *(f"{len(each)}: {' '.join(map(str, each))}" for each in known)]
    return parse("planted", "\n".join(told))


def solved(instance: Instance, rounds: int) -> Plan:
    """Our plan, which the checker has found right, and its bound proved by its certificate."""
    problem = problem_of(instance, 1)
    plan = solve(problem, Budget(rounds=rounds), 1)
    files = (plan_json(plan, problem), certificate_json(plan.prices))
    assert check(problem, *(json.dumps(file).encode() for file in files)) == []
    return plan


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_task_is_done_by_as_few_workers_as_one_moment_needs_and_that_is_proved(seed: int) -> None:
    instance = planted(seed)
    plan = solved(instance, ROUNDS)
    assert len(plan.placed) == len(instance.tasks)
    assert len({placed.resource for placed in plan.placed}) == instance.least == WORKERS
    assert plan.value == plan.bound


def test_the_bound_is_there_at_once_and_the_first_plan_is_not_the_best() -> None:
    instance = planted(1)
    plan = solved(instance, 0)
    assert workers_of(len(instance.tasks), plan.bound) == instance.least
    assert plan.value < plan.bound
