"""A plan that breaks a rule by one minute, one unit, one cent or one metre is caught, and the line names the rule."""

import json
from typing import Any

import pytest

from pooling.matching.checking import check, value_of
from pooling.matching.problem import Placed, Plan, Problem
from pooling.matching.writing import encoded, plan_json
from tests.matching.example import EXAMPLE, Path, problem

Change = tuple[Path, object]

VAN: Path = ["resources", 0]
OUTING: Path = ["requests", 0, "lines", 0]
ERRAND: Path = ["requests", 1, "lines", 0]
OUTING_VAN = {"outing-van": 480}
BOTH = {"outing-van": 480, "errand-van": 540}
PAIR = {"outing-van": 480, "outing-guide": 480}


def on_van_1(starts: dict[str, int]) -> tuple[Placed, ...]:
    return tuple(Placed(line, "van-1", start) for line, start in starts.items())


def right(of: Problem, placed: tuple[Placed, ...]) -> dict[str, Any]:
    """A plan document that is right in everything but its placements, perhaps."""
    value = value_of(of, placed)
    return plan_json(Plan(value, value + 43, placed), of)


def broken(starts: dict[str, int], *changes: Change) -> list[str]:
    of = problem(*changes)
    return check(of, encoded(right(of, on_van_1(starts))))


def guide(**fields: object) -> Change:
    """A second line for the outing."""
    line: dict[str, object] = {"id": "outing-guide", "kind": "vehicle", "value": 9, "minutes": 60, "start": [480, 510]}
    return ["requests", 0, "lines", 1], line | fields


def test_the_plan_of_the_documentation_is_right() -> None:
    of = problem()
    assert value_of(of, on_van_1(OUTING_VAN)) == 18387
    assert broken(OUTING_VAN) == []
    assert broken({}) == []


KEPT_AND_BROKEN: list[tuple[str, dict[str, int], list[Change], Change]] = [
    ("rule 1: kind 'room', not 'vehicle'", OUTING_VAN, [], ([*VAN, "kind"], "room")),
    ("rule 1: not a resource of the pole 'niort'", OUTING_VAN, [], ([*VAN, "poles"], ["saintes"])),
    ("rule 1: not one of `only`", OUTING_VAN, [([*OUTING, "only"], ["van-1"])], ([*OUTING, "only"], [])),
    ("rule 2: has no feature 'lift'", OUTING_VAN, [], ([*OUTING, "features"], ["ramp", "lift"])),
    ("rule 2: has no measure 'seats'", OUTING_VAN, [], ([*VAN, "measures"], {})),
    (
        "rule 2: 'seats' is 9, below 9.5",
        OUTING_VAN,
        [([*OUTING, "at_least"], {"seats": 9})],
        ([*OUTING, "at_least"], {"seats": 9.5}),
    ),
    (
        "rule 2: has 2 units, and 3 are needed",
        OUTING_VAN,
        [([*VAN, "units"], 2), ([*OUTING, "units"], 2)],
        ([*OUTING, "units"], 3),
    ),
    (
        "rule 3: is 4740 m away, beyond 4.739 km",
        OUTING_VAN,
        [([*OUTING, "max_km"], 4.740)],
        ([*OUTING, "max_km"], 4.739),
    ),
    (
        "rule 4: costs 1400 cents, above 1399",
        OUTING_VAN,
        [([*OUTING, "max_price"], 1400)],
        ([*OUTING, "max_price"], 1399),
    ),
    (
        "rule 5: not free from 480 to 660",
        OUTING_VAN,
        [([*VAN, "free"], [[480, 660]])],
        ([*VAN, "free"], [[480, 659]]),
    ),
    (
        "rule 5: not free from 480 to 660",
        OUTING_VAN,
        [([*VAN, "free"], [[480, 500], [500, 660]])],
        ([*VAN, "free"], [[481, 660]]),
    ),
    (
        "rule 5: not free from 480 to 660",
        OUTING_VAN,
        [([*VAN, "free"], [[400, 600], [500, 700]])],
        ([*VAN, "free"], [[400, 600], [601, 700]]),
    ),
    (
        "rule 6: 1 units are placed, and 0 are left",
        OUTING_VAN,
        [(["busy", 0, "start"], 705)],
        (["busy", 0, "start"], 704),
    ),
    (
        "rule 6: 1 units are placed, and 0 are left",
        OUTING_VAN,
        [(["busy", 0], {"resource": "van-1", "start": 0, "end": 435})],
        (["busy", 0], {"resource": "van-1", "start": 0, "end": 436}),
    ),
    (
        "rule 6: 2 units are placed, and 1 are left",
        {"outing-van": 480, "errand-van": 705},
        [(["busy"], []), ([*ERRAND, "start"], [705, 705])],
        ([*VAN, "buffer"], [16, 30]),
    ),
    (
        "rule 6: 2 units are placed, and 1 are left",
        BOTH,
        [([*VAN, "units"], 2), (["busy", 0], {"resource": "van-1", "start": 0, "end": 495})],
        (["busy", 0, "end"], 496),
    ),
    ("rule 6: 3 units are placed, and 2 are left", BOTH, [([*VAN, "units"], 2)], ([*ERRAND, "units"], 2)),
    ("rule 7: 1 of its 2 lines are placed", OUTING_VAN, [], guide()),
    (
        "rule 7: its lines don't start at the same minute",
        PAIR | {"outing-guide": 495},
        [([*VAN, "units"], 2), guide(), (["requests", 0, "same_start"], False)],
        (["requests", 0, "same_start"], True),
    ),
    (
        "rule 8: 2 of its lines are placed, and 1 are the most",
        BOTH,
        [([*VAN, "units"], 2)],
        (["limits", 0, "at_most"], 1),
    ),
    (
        "window: the start is not within 465 to 465",
        OUTING_VAN,
        [([*OUTING, "start"], [465, 480])],
        ([*OUTING, "start"], [465, 465]),
    ),
    (
        "window: the start is not within 495 to 600",
        OUTING_VAN,
        [],
        ([*OUTING, "start"], [495, 600]),
    ),
    (
        "window: the start is not within 481 to 600",
        OUTING_VAN,
        [([*OUTING, "step"], 1)],
        ([*OUTING, "start"], [481, 600]),
    ),
    ("window: the start is not a multiple of 15 after 479", OUTING_VAN, [], ([*OUTING, "start"], [479, 599])),
]


@pytest.mark.parametrize(
    ("rule", "starts", "kept", "breaking"), KEPT_AND_BROKEN, ids=[str(case[0]) for case in KEPT_AND_BROKEN]
)
def test_a_rule_that_is_broken_by_one_is_named_and_one_less_is_right(
    rule: str, starts: dict[str, int], kept: list[Change], breaking: Change
) -> None:
    assert broken(starts, *kept) == []
    said = broken(starts, *kept, breaking)
    assert rule in said[0]
    assert len(said) == 1 or all("rule 6" in more for more in said[1:])


def test_busy_periods_that_overload_a_resource_only_make_it_full() -> None:
    twice = [*EXAMPLE["busy"], *EXAMPLE["busy"]]
    assert broken(OUTING_VAN, (["busy"], twice)) == []
    assert len(broken(OUTING_VAN, (["busy"], twice), (["busy", 1, "start"], 650))) == 1


def test_a_busy_period_of_no_length_still_keeps_its_buffers() -> None:
    assert broken(OUTING_VAN, (["busy", 0], {"resource": "van-1", "start": 705, "end": 705})) == []
    assert len(broken(OUTING_VAN, (["busy", 0], {"resource": "van-1", "start": 704, "end": 704}))) == 1


@pytest.mark.parametrize("field", ["value", "bound", "gap"])
def test_a_number_that_is_off_by_the_least_is_caught(field: str) -> None:
    of = problem()
    plan = right(of, on_van_1(OUTING_VAN))
    plan[field] += 1e-12 if field == "gap" else 1
    said = check(of, encoded(plan))
    assert [line.partition(":")[0] for line in said] == {"value": ["value", "gap"]}.get(field, ["gap"])


def test_a_bound_below_the_value_is_caught() -> None:
    of = problem()
    placed = on_van_1(OUTING_VAN)
    assert check(of, encoded(plan_json(Plan(18387, 18387, placed), of))) == []
    assert check(of, encoded(plan_json(Plan(18387, 18386, placed), of))) == [
        "bound: 18386 is below the value 18387",
    ]


MONEY: list[tuple[int, list[Change]]] = [
    (18387, []),
    (18388, [([*OUTING, "value"], 20001)]),
    (18386, [([*VAN, "price", "fixed"], 501)]),
    (18387 + 900 - 298, [([*OUTING, "minutes"], 10), ([*VAN, "price", "hour"], 1785)]),
    (18387 + 900 - 297, [([*OUTING, "minutes"], 10), ([*VAN, "price", "hour"], 1784)]),
    (18387 + 213 - 4740, [(["km_cost"], 1000)]),
    (18387 + 213 - 237, [(["km_cost"], 50)]),
    (18387 + 213 - 119, [(["km_cost"], 25)]),
    (18387 + 300, [([*VAN, "features"], ["ramp", "electric"])]),
    (18387 - 500, [([*OUTING, "current", "start"], 495)]),
    (18387 - 77, [([*VAN, "opening"], 77)]),
    (18387 - 500, [([*ERRAND, "current"], {"resource": "van-1", "start": 540})]),
]


@pytest.mark.parametrize(("value", "changes"), MONEY)
def test_the_value_is_recomputed_to_the_cent(value: int, changes: list[Change]) -> None:
    of = problem(*changes)
    placed = on_van_1(OUTING_VAN)
    assert check(of, encoded(plan_json(Plan(value, value, placed), of))) == []
    assert check(of, encoded(plan_json(Plan(value + 1, value + 1, placed), of))) == [
        f"value: is {value}, not {value + 1}"
    ]


def test_opening_is_paid_once_for_a_resource_and_units_cost_nothing_more() -> None:
    of = problem(([*VAN, "opening"], 77), ([*VAN, "units"], 5), ([*OUTING, "units"], 4))
    assert value_of(of, on_van_1(BOTH)) == 18387 - 77 + 3000 - 800


def test_a_metre_is_a_metre() -> None:
    """One degree of latitude, by the mean radius: 111,195.08 m; half a metre more rounds up."""
    north = problem(([*VAN, "at"], [0, 0]), ([*OUTING, "at"], [1, 0]), (["km_cost"], 1000))
    assert 20000 - 1400 - value_of(north, on_van_1(OUTING_VAN)) == 111195
    further = problem(([*VAN, "at"], [0, 0]), ([*OUTING, "at"], [1 + 4e-6, 0]), (["km_cost"], 1000))
    assert 20000 - 1400 - value_of(further, on_van_1(OUTING_VAN)) == 111196
    nowhere = problem(([*VAN, "at"], None), (["km_cost"], 1000))
    assert 20000 - 1400 - value_of(nowhere, on_van_1(OUTING_VAN)) == 0


def test_lines_and_resources_are_known_and_placed_once() -> None:
    of = problem()
    plan = right(of, on_van_1(OUTING_VAN))
    (first,) = plan["placed"]
    assert check(of, encoded(plan | {"placed": [first | {"line": "x"}]})) == [
        "'x': the problem has no such line",
        "unplaced: 'outing-van' is neither placed nor listed",
    ]
    assert check(of, encoded(plan | {"placed": [first | {"resource": "van-2"}]})) == [
        "'outing-van' on 'van-2': the problem has no such resource"
    ]
    said = check(of, encoded(plan | {"placed": [first, first]}))
    assert "'outing-van': is placed more than once" in said


def test_unplaced_are_exactly_the_lines_that_are_not_placed() -> None:
    of = problem()
    plan = right(of, on_van_1(OUTING_VAN))
    errand = {"line": "errand-van"}
    for told, said in (
        ([], "unplaced: 'errand-van' is neither placed nor listed"),
        ([errand, errand], "unplaced: 'errand-van' is listed more than once"),
        ([errand, {"line": "outing-van"}], "unplaced: 'outing-van' is placed"),
        ([errand, {"line": "x"}], "unplaced: the problem has no line 'x'"),
    ):
        assert check(of, encoded(plan | {"unplaced": told})) == [said]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("format", "polepool.plan/2", 'plan: format: must be "polepool.plan/1"'),
        ("value", 1.0, "plan: value: must be an integer"),
        ("bound", None, "plan: bound: must be an integer"),
        ("gap", "0", "plan: gap: must be a number"),
        ("gap", float("nan"), "plan: gap: must be a number from"),
        ("placed", {}, "plan: placed: must be a list"),
        ("placed", [{"line": "outing-van", "resource": "van-1"}], "plan: placed[0].start: is missing"),
        ("placed", [{"line": "outing-van", "resource": "van-1", "start": True}], "plan: placed[0].start: must be an"),
        ("unplaced", [[]], "plan: unplaced[0]: must be an object"),
    ],
)
def test_a_plan_that_breaks_its_format_gets_one_line(field: str, value: object, says: str) -> None:
    of = problem()
    (said,) = check(of, json.dumps(right(of, ()) | {field: value}).encode())
    assert said.startswith(says)


def test_fields_of_other_programs_are_passed_over() -> None:
    of = problem()
    plan = right(of, on_van_1(OUTING_VAN)) | {"solver": "another"}
    plan["unplaced"][0]["cause"] = "taken"
    plan["placed"][0]["worth"] = {"value": 20000}
    del plan["seed"], plan["rounds"]
    assert check(of, encoded(plan)) == []


def test_two_broken_rules_are_two_lines() -> None:
    said = broken(BOTH, (["limits", 0, "at_most"], 0), ([*ERRAND, "max_price"], 0))
    assert [line.split(": ")[1] for line in said] == ["rule 4", "rule 6", "rule 8"]
