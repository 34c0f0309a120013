"""Files that break their format get one line with the place and the rule, whatever they hold."""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pooling.matching.problem import Busy, Current, Limit, Line, Price, Problem, Request, Resource
from pooling.matching.reading import BadProblem, merged, read_certificate, read_plan, read_problem
from pooling.matching.writing import encoded, problem_json
from tests.matching.example import EXAMPLE, Path, changed

Document = dict[str, Any]


def refusal(raw: bytes) -> str:
    with pytest.raises(BadProblem) as refused:
        read_problem(raw)
    said = str(refused.value)
    assert said.isprintable()
    assert len(said) < 300
    return said


def test_the_example_of_the_documentation_is_read() -> None:
    van = Resource(
        id="van-1",
        kind="vehicle",
        poles=("niort",),
        at=(46.32, -0.46),
        features=frozenset({"ramp"}),
        measures={"seats": 9},
        free=((0, 5760), (7200, 10080)),
        buffer=(15, 30),
        price=Price(500, 300),
    )
    outing = Line(
        id="outing-van",
        kind="vehicle",
        value=20000,
        minutes=180,
        start=(480, 600),
        at=(46.33, -0.40),
        max_km=25,
        features=frozenset({"ramp"}),
        at_least={"seats": 7},
        prefers={"electric": 300},
        max_price=4000,
        current=Current("van-1", 480),
    )
    errand = Line(id="errand-van", kind="vehicle", value=3000, minutes=60, start=(540, 540))
    assert read_problem(json.dumps(EXAMPLE).encode()) == Problem(
        resources=(van,),
        requests=(
            Request("outing", "niort", (outing,), together=True, same_start=True),
            Request("errand", "niort", (errand,)),
        ),
        km_cost=45,
        stability=500,
        busy=(Busy("van-1", 780, 900),),
        limits=(Limit(("outing-van", "errand-van"), 2),),
    )


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "the file: is empty"),
        (b" \n", "the file: is empty"),
        (b"{", "the file: is not JSON: "),
        (b"\xff\xfe{", "the file: is not UTF-8"),
        (b"\xef\xbb\xbf{}", "the file: is not JSON: "),
        (b'{"format": "\\ud800"}', "the file: has half of a surrogate pair"),
        (b"[" * 200_000, "the file: is nested too deeply"),
        (b'{"a":' * 200_000, "the file: is nested too deeply"),
        (b"[]", "the file: must be an object"),
        (b"null", "the file: must be an object"),
        (b"{}", "format: is missing"),
        (b'{"format": 1, "format": 2}', "format: is there twice"),
        (b'{"\\u001b[31m": 1}', '"\\u001b[31m": is an unknown field'),
    ],
)
def test_what_is_no_problem_at_all_is_refused(raw: bytes, says: str) -> None:
    assert refusal(raw).startswith(says)


HOSTILE: list[tuple[Path, Any, str]] = [
    (["format"], "polepool.matching/2", 'format: must be "polepool.matching/1"'),
    (["colour"], 1, "colour: is an unknown field"),
    (["resources"], None, "resources: must be a list"),
    (["resources", 0], 7, "resources[0]: must be an object"),
    (["resources", 0, "id"], 1, "resources[0].id: must be a string"),
    (["resources", 0, "poles"], "niort", "resources[0].poles: must be a list"),
    (["resources", 0, "poles", 0], None, "resources[0].poles[0]: must be a string"),
    (["resources", 0, "at"], [91, 0], "resources[0].at[0]: must be a number from -90 to 90"),
    (["resources", 0, "at"], [0, -180.5], "resources[0].at[1]: must be a number from -180 to 180"),
    (["resources", 0, "at"], [0], "resources[0].at: must be a list of two"),
    (["resources", 0, "at"], [0, float("nan")], "resources[0].at[1]: must be a number from"),
    (["resources", 0, "units"], 0, "resources[0].units: must be an integer from 1 to"),
    (["resources", 0, "units"], True, "resources[0].units: must be an integer"),
    (["resources", 0, "units"], 1.0, "resources[0].units: must be an integer"),
    (["resources", 0, "measures", "seats"], float("inf"), "resources[0].measures.seats: must be a number from"),
    (["resources", 0, "measures", "seats"], "9", "resources[0].measures.seats: must be a number"),
    (["resources", 0, "measures", "seats"], False, "resources[0].measures.seats: must be a number"),
    (["resources", 0, "free", 1], [10, 9], "resources[0].free[1]: the end is before the start"),
    (["resources", 0, "free", 1], [10, 10**12 + 1], "resources[0].free[1][1]: must be an integer from"),
    (["resources", 0, "buffer"], [0, -1], "resources[0].buffer[1]: must be an integer from 0 to"),
    (["resources", 0, "price", "hour"], -1, "resources[0].price.hour: must be an integer from 0 to"),
    (["resources", 0, "price", "day"], 1, "resources[0].price.day: is an unknown field"),
    (["resources", 0, "opening"], 10**12 + 1, "resources[0].opening: must be an integer from 0 to 1000000000000"),
    (["busy", 0, "resource"], "van-2", "busy[0].resource: there is no resource van-2"),
    (["busy", 0, "end"], 779, "busy[0].end: the end is before the start"),
    (["busy", 0, "units"], 0, "busy[0].units: must be an integer from 1 to"),
    (["requests", 0, "together"], 1, "requests[0].together: must be true or false"),
    (["requests", 0, "together"], False, "requests[0].same_start: needs together"),
    (["requests", 1, "same_start"], True, "requests[1].same_start: needs together"),
    (["requests", 1, "id"], "outing", "requests[1].id: outing is the id of requests[0] already"),
    (["requests", 1, "lines", 0, "id"], "outing-van", "requests[1].lines[0].id: outing-van is the id of requests[0]."),
    (["requests", 0, "lines", 0, "id"], "van-1", "requests[0].lines[0].id: van-1 is the id of resources[0] already"),
    (["requests", 0, "lines", 0, "value"], -1, "requests[0].lines[0].value: must be an integer from 0 to"),
    (["requests", 0, "lines", 0, "value"], 2e4, "requests[0].lines[0].value: must be an integer"),
    (["requests", 0, "lines", 0, "minutes"], 0, "requests[0].lines[0].minutes: must be an integer from 1 to"),
    (["requests", 0, "lines", 0, "step"], 0, "requests[0].lines[0].step: must be an integer from 1 to"),
    (
        ["requests", 0, "lines", 0, "start"],
        [600, 480],
        "requests[0].lines[0].start: the latest start is before the earliest",
    ),
    (
        ["requests", 0, "lines", 0, "start"],
        [480, 601],
        "requests[0].lines[0].start: the latest start is not a multiple",
    ),
    (["requests", 0, "lines", 0, "start"], 480, "requests[0].lines[0].start: must be a list of two"),
    (["requests", 0, "lines", 0, "start"], [0, 15 * 10**6], "requests[0].lines[0].start: has 1000001 starts, and"),
    (["requests", 0, "lines", 0, "max_km"], -0.5, "requests[0].lines[0].max_km: must be a number from 0 to"),
    (["requests", 0, "lines", 0, "max_price"], 1.5, "requests[0].lines[0].max_price: must be an integer"),
    (["requests", 0, "lines", 0, "at_least"], [], "requests[0].lines[0].at_least: must be an object"),
    (["requests", 0, "lines", 0, "prefers", "electric"], 0.5, "requests[0].lines[0].prefers.electric: must be an int"),
    (["requests", 0, "lines", 0, "features", 0], 3, "requests[0].lines[0].features[0]: must be a string"),
    (["requests", 0, "lines", 0, "only"], ["van-9"], "requests[0].lines[0].only[0]: there is no resource van-9"),
    (["requests", 0, "lines", 0, "only"], ["van-1", "van-1"], "requests[0].lines[0].only[1]: van-1 is there twice"),
    (["requests", 0, "lines", 0, "only"], "van-1", "requests[0].lines[0].only: must be a list"),
    (
        ["requests", 0, "lines", 0, "current", "resource"],
        "x",
        "requests[0].lines[0].current.resource: there is no resource x",
    ),
    (["requests", 0, "lines", 0, "note"], "", "requests[0].lines[0].note: is an unknown field"),
    (["limits", 0, "lines", 1], "errand", "limits[0].lines[1]: there is no line errand"),
    (["limits", 0, "lines", 1], "outing-van", "limits[0].lines[1]: outing-van is there twice"),
    (["limits", 0, "at_most"], -1, "limits[0].at_most: must be an integer from 0 to"),
    (["km_cost"], 10**12, "the file: values and costs of all lines together can exceed"),
    (["stability"], None, "stability: must be an integer"),
    (
        ["requests", 1, "lines", 0],
        {"id": "errand-van", "kind": "vehicle", "value": 10**12, "minutes": 1, "step": 1, "start": [0, 1_000]},
        "the file: values and costs of all lines together can exceed",
    ),
]


@pytest.mark.parametrize(("path", "value", "says"), HOSTILE, ids=[says for _, _, says in HOSTILE])
def test_one_wrong_value_is_refused_by_its_place_and_rule(path: Path, value: Any, says: str) -> None:
    assert refusal(json.dumps(changed(EXAMPLE, path, value)).encode()).startswith(says)


@pytest.mark.parametrize("path", [["resources", 0], ["busy", 0], ["requests", 0], ["requests", 1, "lines", 0], []])
def test_what_is_required_is_missed(path: Path) -> None:
    required = {
        0: ["format", "resources", "requests"],
        "resources": ["id", "kind", "poles"],
        "busy": ["resource", "start", "end"],
        "requests": ["id", "pole", "lines"],
        "lines": ["id", "kind", "value", "minutes", "start"],
    }
    names = [step for step in path if isinstance(step, str)]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    for name in required[names[-1] if names else 0]:
        said = refusal(json.dumps(changed(EXAMPLE, [*path, name], changed)).encode())
        assert said == f"{place}.{name}".lstrip(".") + ": is missing"


def test_a_field_that_is_there_twice_is_named_where_it_is() -> None:
    raw = json.dumps(EXAMPLE).replace('"minutes": 60', '"minutes": 60, "minutes": 61').encode()
    assert refusal(raw) == "requests[1].lines[0].minutes: is there twice"
    raw = json.dumps(EXAMPLE).replace('"seats": 9', '"seats": 9, "seats": 8').encode()
    assert refusal(raw) == "resources[0].measures.seats: is there twice"


def test_an_integer_of_thousands_of_digits_is_refused_where_it_is() -> None:
    raw = json.dumps(EXAMPLE).replace('"minutes": 60', '"minutes": ' + "9" * 10_000).encode()
    assert refusal(raw) == "requests[1].lines[0].minutes: must be an integer from 1 to 1000000000000"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e13", "-1e13"])
def test_a_number_that_is_none_is_refused_where_it_is(number: str) -> None:
    raw = json.dumps(EXAMPLE).replace('"max_km": 25', f'"max_km": {number}').encode()
    assert refusal(raw).startswith("requests[0].lines[0].max_km: must be a number from 0")


def test_null_is_as_good_as_absent_where_nothing_is_a_value() -> None:
    nothing: Document = EXAMPLE
    for name in ("only", "current", "max_km", "max_price", "at"):
        nothing = changed(nothing, ["requests", 0, "lines", 0, name], None)
    line = read_problem(json.dumps(nothing).encode()).requests[0].lines[0]
    assert (line.only, line.current, line.max_km, line.max_price, line.at) == (None,) * 5


def test_free_periods_are_sorted_and_merged() -> None:
    assert merged([(5, 7), (0, 2), (2, 3), (6, 9), (4, 4), (3, 3)]) == ((0, 3), (5, 9))
    free = changed(EXAMPLE, ["resources", 0, "free"], [[60, 90], [0, 60], [200, 200], [70, 80]])
    assert read_problem(json.dumps(free).encode()).resources[0].free == ((0, 90),)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple)))
def test_merged_periods_hold_the_same_minutes(periods: list[tuple[int, int]]) -> None:
    found = merged(periods)
    assert {m for start, end in periods for m in range(start, end)} == {m for a, b in found for m in range(a, b)}
    assert all(a[1] < b[0] for a, b in pairwise(found))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [path for path, _, _ in HOSTILE]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_anything_anywhere_is_read_or_refused_in_one_line(path: Path, value: object) -> None:
    raw = json.dumps(changed(EXAMPLE, path, value)).encode("utf-8", "replace")
    try:
        read_problem(raw)
    except BadProblem as error:
        said = str(error)
    else:
        said = ""
    assert said.isprintable()


@pytest.mark.parametrize("read", [read_problem, read_plan, read_certificate])
@given(raw=st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode("utf-8", "replace")))
def test_any_bytes_are_refused_in_one_line(read: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(BadProblem) as refused:
        read(raw)
    assert str(refused.value).isprintable()


def test_a_hundred_thousand_lines_are_read_in_seconds() -> None:
    resource = read_problem(json.dumps(EXAMPLE).encode()).resources[0]
    line = read_problem(json.dumps(EXAMPLE).encode()).requests[0].lines[0]
    fields = {name: getattr(line, name) for name in line.__slots__}
    lines = (Line(**{**fields, "id": f"l{at}", "current": None}) for at in range(100_000))
    offered = {name: getattr(resource, name) for name in resource.__slots__}
    raw = encoded(
        problem_json(
            Problem(
                tuple(Resource(**{**offered, "id": f"r{at}"}) for at in range(25_000)),
                tuple(Request(f"q{at}", "niort", (each,)) for at, each in enumerate(lines)),
            )
        )
    )
    before = time.process_time()
    assert len(read_problem(raw).requests) == 100_000
    assert time.process_time() - before < 20
