"""The same seed and rounds give the same plan: in another process, and under another hash seed."""

import os
import subprocess
import sys

SCRIPT = """
import random
from pooling.matching.problem import *
from pooling.matching.solver import solve
chance = random.Random(5)
features = ["ramp", "quiet", "electric"]
resources = tuple(
    Resource(f"r{n}", "vehicle", ("p",), (46 + chance.random() / 5, chance.random() / 5), 1 + n % 3,
             frozenset(chance.sample(features, 2)), free=((0, 1440),), opening=100 * (n % 2))
    for n in range(12))
requests = tuple(
    Request(f"q{n}", "p", tuple(
        Line(f"l{n}.{m}", "vehicle", chance.randint(500, 5000), 15 * chance.randint(2, 12), (480, 480 + 15 * (n % 4)),
             at=(46 + chance.random() / 5, chance.random() / 5), prefers={f: 30 for f in chance.sample(features, 2)})
        for m in range(1 + n % 2)), n % 2 == 1, n % 4 == 3) for n in range(60))
plan = solve(Problem(resources, requests, 45), Budget(rounds=25), 7)
print(plan.value, plan.bound, plan.rounds, plan.placed, plan.prices)
"""


def printed(hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return run.stdout


def test_plans_are_the_same_in_processes_with_other_hash_seeds() -> None:
    first = printed("1")
    assert len(first) > 1000
    assert printed("2") == first
