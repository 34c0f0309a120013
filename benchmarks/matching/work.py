"""`python -m benchmarks.matching.work (model | METHOD | check) CASE FOLDER`: one step, in a process of its own.

Files in the folder: `model.npz`, and for each method `METHOD.json` (what was found) and `METHOD.plan`. OR-Tools runs in
`peers/or_tools.py` instead.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.matching import greedy
from benchmarks.matching.cases import CERTIFIED, OURS, Case
from benchmarks.matching.model import Model, load, model_of, save
from benchmarks.matching.peers.answer import Answer
from pooling.matching.problem import Budget, Placed, Plan, Problem

WARM = Case("fixed", 20, 1, 1.0)
"""Solved once before the clock runs, so that compiled code is loaded; how long that took is told."""


def build(case: Case, folder: Path) -> None:
    """Make the model that the peers solve."""
    save(model_of(case.problem()), folder / "model.npz")


def ours(case: Case, folder: Path) -> None:
    """Solve with the engine, from the problem to the plan."""
    solve = import_module("pooling.matching.solver").solve
    warming = time.perf_counter()
    solve(WARM.problem(), Budget(rounds=1), 1)
    warm, problem = time.perf_counter() - warming, case.problem()
    firsts: list[float] = []
    budget = Budget(rounds=case.rounds) if case.rounds else Budget(seconds=case.seconds, clock=time.perf_counter)
    used, began = _cpu(), time.perf_counter()
    plan = solve(problem, budget, case.seed, lambda _value, _bound: firsts.append(time.perf_counter() - began))
    found = {
        "seconds": time.perf_counter() - began,
        "cpu": _cpu() - used,
        "warm": warm,
        "first": firsts[0] if firsts else None,
    }
    writing = import_module("pooling.matching.writing")
    (folder / f"{OURS}.plan").write_text(json.dumps(writing.plan_json(plan, problem)))
    (folder / f"{OURS}.certificate").write_text(json.dumps(writing.certificate_json(plan.prices)))
    _tell(folder, OURS, {**found, "value": plan.value, "bound": plan.bound, "rounds": plan.rounds})


def peer(method: str, case: Case, folder: Path) -> None:
    """Solve with a peer that runs here, from the model's arrays to its choice."""
    model, solve = load(folder / "model.npz"), _peer(method)
    used, began = _cpu(), time.perf_counter()
    answer = solve(model, case.seconds)
    found = {"seconds": time.perf_counter() - began, "cpu": _cpu() - used}
    _tell(folder, method, {**found, "chosen": answer.chosen, "bound": answer.bound})


def _peer(method: str) -> Callable[[Model, float], Answer]:
    """Only what is asked for is imported: the memory of a process is the method's."""
    if method == "first come":
        return lambda model, _seconds: Answer(greedy.first_come(model), None)
    if method == "best value":
        return lambda model, _seconds: Answer(greedy.best_value(model), None)
    highs = import_module("benchmarks.matching.peers.highs")
    return {"LP rounded": highs.rounded, "MIP": highs.mip}[method]  # type: ignore[no-any-return]


def check(case: Case, folder: Path) -> None:
    """Verify every plan by code that shares nothing with who made it, and compute what the peers' are worth."""
    problem, model = case.problem(), None if case.alone else load(folder / "model.npz")
    for file in sorted(folder.glob("*.json")):
        found = json.loads(file.read_text())
        certificate = None
        if file.stem == OURS:
            plan = (folder / f"{OURS}.plan").read_bytes()
            if case.lines <= CERTIFIED:
                certificate = (folder / f"{OURS}.certificate").read_bytes()
        elif model is None or found["chosen"] is None:
            _tell(folder, file.stem, {**found, "wrong": []})
            continue
        else:
            found["value"] = greedy.value_of(model, found.pop("chosen"))
            plan = _plan(problem, model, json.loads(file.read_text())["chosen"], found["value"])
        wrong = import_module("pooling.matching.checking").check(problem, plan, certificate)
        _tell(folder, file.stem, {**found, "wrong": wrong})


def _plan(problem: Problem, model: Model, chosen: list[int], value: int) -> bytes:
    """A peer's choice as a plan file; the checker looks at its placements and value."""
    lines = [line.id for request in problem.requests for line in request.lines]
    at = zip(model.line[chosen].tolist(), model.resource[chosen].tolist(), model.start[chosen].tolist(), strict=True)
    placed = tuple(Placed(lines[line], problem.resources[owner].id, start) for line, owner, start in at)
    written = import_module("pooling.matching.writing").plan_json(Plan(value, value, placed), problem)
    return json.dumps(written).encode()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _tell(folder: Path, method: str, found: dict[str, Any]) -> None:
    (folder / f"{method}.json").write_text(json.dumps(found))


def main(step: str, told: str, where: str) -> None:
    """Do one step for a case, which is told as JSON."""
    case, folder = Case(**json.loads(told)), Path(where)
    steps: dict[str, Callable[[Case, Path], None]] = {"model": build, OURS: ours, "check": check}
    if step in steps:
        steps[step](case, folder)
    else:
        peer(step, case, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
