"""The check of a plan's explanations agrees with what is right, and notices each thing that isn't."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pooling.matching.checking import check
from pooling.matching.explaining import explain
from pooling.matching.problem import Placed, Plan, Problem
from pooling.matching.writing import encoded, plan_json
from tests.matching import brute
from tests.matching.example import Path, changed
from tests.matching.example import problem as example
from tests.matching.test_explaining import plans
from tests.matching.test_explaining_reasons import CASES, NEAR


def explained(problem: Problem, *placed: Placed) -> dict[str, Any]:
    """The document of a plan with its explanations."""
    value = brute.objective(problem, placed)
    plan = Plan(value, value + 1, placed)
    document: dict[str, Any] = json.loads(encoded(plan_json(plan, problem, explain(problem, plan))))
    return document


def faults(problem: Problem, document: dict[str, Any]) -> list[str]:
    return check(problem, json.dumps(document).encode())


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_what_the_engine_explains_passes(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    assert faults(problem, explained(problem, *plan.placed)) == []


@pytest.mark.parametrize("name", [*CASES, *NEAR])
def test_every_reason_and_near_miss_passes(name: str) -> None:
    problem = CASES[name][0] if name in CASES else NEAR[name][0]
    placed = CASES[name][1] if name in CASES else ()
    assert faults(problem, explained(problem, *placed)) == []


WRONG: list[tuple[Path, object, str]] = [
    (["placed", 0, "score", "price"], 1401, "'outing-van': score: is "),
    (["placed", 0, "score", "bonuses"], {"ramp": 1}, "'outing-van': score: is "),
    (["placed", 0, "alternatives", 0, "difference"], -499, "'outing-van': alternatives: is "),
    (["placed", 0, "alternatives"], [], "'outing-van': alternatives: is "),
    (["placed", 0, "because"], "time", "'outing-van': because: is no field of this line"),
    (["unplaced", 0, "because"], "time", "'errand-van': because: is 'taken', not 'time'"),
    (["unplaced", 0, "funnel", 9, 1], 1, "'errand-van': funnel: is "),
    (["unplaced", 0, "near_misses", 0, "start"], 374, "'errand-van': near_misses: is "),
    (["unplaced", 0, "near_misses", 0, "change", "start"], [360, 375], "'errand-van': near_misses: is "),
    (["unplaced", 0, "near_misses"], [], "'errand-van': near_misses: is "),
    (["unplaced", 0, "near_misses"], None, "'errand-van': near_misses: is "),
    (["unplaced", 0, "score"], {}, "'errand-van': score: is no field of this line"),
]


@pytest.mark.parametrize(("path", "value", "fault"), WRONG)
def test_an_explanation_that_is_wrong_is_one_line(path: Path, value: object, fault: str) -> None:
    right = explained(example(), Placed("outing-van", "van-1", 480))
    assert faults(example(), right) == []
    (found,) = faults(example(), changed(right, path, value))
    assert found.startswith(fault)


def test_explanations_are_checked_once_the_plan_keeps_the_rules() -> None:
    document = explained(example(), Placed("outing-van", "van-1", 480))
    late = changed(document, ["placed", 0, "start"], 601)
    assert all("rule" in fault or "window" in fault or "value" in fault for fault in faults(example(), late))


def test_a_plan_may_explain_some_of_its_lines() -> None:
    document = explained(example(), Placed("outing-van", "van-1", 480))
    del document["placed"][0]["score"], document["unplaced"][0]["because"]
    assert faults(example(), document) == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("said", ["taken", "bundle", "limit", "not worth it", "time", 7])
def test_only_the_right_reason_passes(name: str, said: object) -> None:
    problem, placed, because, _ = CASES[name]
    document = explained(problem, *placed)
    at = next(at for at, each in enumerate(document["unplaced"]) if each["line"] == "trip")
    found = faults(problem, changed(document, ["unplaced", at, "because"], said))
    assert found == ([] if said == because else [f"'trip': because: is {str(because)!r}, not {said!r}"])
