"""The benchmark's gate closes on a worse gap, a broken rule and a refuted bound, and on nothing that hangs on time."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.matching.__main__ import _measure
from benchmarks.matching.cases import Case
from benchmarks.matching.gate import faults, recorded
from benchmarks.matching.report import record
from benchmarks.matching.runs import Found

CASE = Case("fixed", 300, 1, 60.0, 3)
OURS = Found(CASE, "ours", 9_990, 10_000, 0.1, 0.1, 100.0, [], 3)
PEER = Found(CASE, "LP rounded", 9_980, 10_005, 0.1, 0.1, 60.0, [])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What was recorded: a gap of a thousandth."""
    path = tmp_path / "gate.json"
    record(path, [[OURS, PEER]], None, seed=1, others=0.0)
    return path


def test_what_was_recorded_passes(file: Path) -> None:
    assert list(faults([[OURS, PEER]], recorded(file))) == []


def test_a_gap_within_the_margin_passes_and_one_beyond_it_fails(file: Path) -> None:
    assert list(faults([[replace(OURS, value=9_980)]], recorded(file))) == []
    assert list(faults([[replace(OURS, value=9_979)]], recorded(file))) == [
        "fixed 300: our gap is 0.210%, and was 0.100% when recorded"
    ]


def test_no_answer_of_ours_fails(file: Path) -> None:
    assert list(faults([[PEER]], recorded(file))) == ["fixed 300: our gap is none, and was 0.100% when recorded"]


def test_a_gap_in_a_budget_of_seconds_is_not_compared(file: Path) -> None:
    told = json.loads(file.read_text())
    told["cases"][0]["rounds"] = None
    file.write_text(json.dumps(told))
    timed = replace(OURS, case=replace(CASE, rounds=None), value=1)
    assert list(faults([[timed]], recorded(file))) == []


def test_a_plan_that_breaks_a_rule_fails_whose_ever_it_is() -> None:
    wrong = replace(PEER, wrong=["rule 6: van-1 is taken twice"])
    assert list(faults([[OURS, wrong]], {})) == ["fixed 300, LP rounded: rule 6: van-1 is taken twice"]


def test_a_bound_below_another_plan_fails_unless_that_plan_is_wrong() -> None:
    better = replace(PEER, value=10_001)
    assert list(faults([[OURS, better]], {})) == ["fixed 300, ours: the bound 10000 is below a plan of 10001"]
    assert len(list(faults([[OURS, replace(better, wrong=["value: is 9, not 10001"])]], {}))) == 1


def test_nothing_recorded_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert list(faults([[OURS, PEER]], recorded(tmp_path / "none.json"))) == []


def test_a_case_that_fails_ends_only_itself() -> None:
    results, (failure,) = _measure([replace(CASE, family="unheard-of"), replace(CASE, lines=60, alone=True)])
    assert "unheard-of" in failure
    assert [[each.method for each in result] for result in results] == [["ours"]]
