"""Why a run fails: a plan that breaks a rule, a bound that a plan refutes, a gap that became worse. Never time.

Tests hold ours against what was recorded, in one process and without the peers (`alone`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.matching.cases import OURS, Case
from benchmarks.matching.runs import Found, own_gap
from pooling.matching.checking import check
from pooling.matching.problem import Budget
from pooling.matching.solver import solve
from pooling.matching.writing import certificate_json, plan_json

FILE = Path(__file__).parent / "gate.json"
"""What `--quick --json` recorded."""

MARGIN = 0.001
"""Our gap may be so much above the recorded one: a tenth of a percent of the bound."""

Record = dict[tuple[Any, ...], float | None]


def recorded(file: Path) -> Record:
    """Our gaps as they were recorded, by case; none without the file."""
    cases = json.loads(file.read_text())["cases"] if file.exists() else []
    return {_key(each): each["own_gap"] for each in cases}


def faults(results: Sequence[list[Found]], before: Record) -> Iterator[str]:
    """A line for each; gaps are compared where the budget was in rounds, since there they don't hang on the machine."""
    for found in results:
        title = found[0].case.title
        for each in found:
            yield from (f"{title}, {each.method}: {wrong}" for wrong in each.wrong[:3])
        yield from (f"{title}, {each}" for each in _refuted(found))
        was = before.get(_key(asdict(found[0].case)))
        if found[0].case.rounds and was is not None:
            now = own_gap(found)
            if now is None or now > was + MARGIN:
                yield f"{title}: our gap is {'none' if now is None else f'{now:.3%}'}, and was {was:.3%} when recorded"


def alone(case: Case) -> Found:
    """Ours here and now, without its peers, and its plan and bound verified; no seconds are taken."""
    problem = case.problem()
    plan = solve(problem, Budget(rounds=case.rounds), case.seed)
    files = (plan_json(plan, problem), certificate_json(plan.prices))
    wrong = check(problem, *(json.dumps(file).encode() for file in files))
    return Found(case, OURS, plan.value, plan.bound, 0.0, 0.0, 0.0, wrong, plan.rounds)


def _refuted(found: list[Found]) -> Iterator[str]:
    """Bounds below a plan that keeps the rules."""
    most = max((each.value for each in found if each.value is not None and not each.wrong), default=None)
    for each in found:
        if each.bound is not None and most is not None and each.bound < most:
            yield f"{each.method}: the bound {each.bound} is below a plan of {most}"


def _key(case: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(case.get(name) for name in ("family", "lines", "seed", "rounds"))
