"""What the prices of a certificate prove is computed anew: exactly, and never from the solver's word."""

import json
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pooling.matching.checking import TooManyStates, check, proved_bound
from pooling.matching.checking.schedule import Choice, best_of_disjoint, best_of_shared, best_set
from pooling.matching.checking.times import Left, left, starts_within
from pooling.matching.problem import Budget, Busy, Current, Limit, Line, Plan, Prices, Problem, Request, Resource
from pooling.matching.reading import BadProblem, read_certificate
from pooling.matching.solver import solve
from pooling.matching.writing import certificate_json, encoded, plan_json

FREE = ((0, 1000),)


def van(id_: str = "van", units: int = 1, opening: int = 0) -> Resource:
    return Resource(id_, "vehicle", ("niort",), units=units, opening=opening, free=FREE)


def line(id_: str, value: int, *starts: int, minutes: int = 10, units: int = 1, current: Current | None = None) -> Line:
    """At these starts, of which there are one or two."""
    window, step = (starts[0], starts[-1]), max(1, starts[-1] - starts[0])
    return Line(id_, "vehicle", value, minutes, window, step, units=units, current=current)


def asked(*lines: Line, together: bool = False, same_start: bool = False) -> Request:
    return Request(f"request of {lines[0].id}", "niort", lines, together, same_start)


A, B = line("a", 100, 0), line("b", 70, 5)


def test_without_prices_each_resource_takes_its_best_and_may_take_what_another_takes() -> None:
    one = Problem((van(),), (asked(A), asked(B)))
    two = Problem((van("1"), van("2")), (asked(A), asked(B)))
    assert proved_bound(one, Prices()) == 100
    assert proved_bound(two, Prices()) == 200
    assert proved_bound(two, Prices({"a": 30_000})) == 30 + 70 + 70


def test_a_resource_takes_a_line_at_several_starts_until_its_price_forbids_it() -> None:
    of = Problem((van(),), (asked(line("a", 100, 0, 20)),))
    assert proved_bound(of, Prices()) == 200
    assert proved_bound(of, Prices({"a": 100_000})) == 100
    assert proved_bound(of, Prices({"a": {0: 100_000}})) == 100 + 0 + 100
    assert proved_bound(of, Prices({"a": {0: 60_000, 20: 50_000}})) == 60 + 40 + 50
    assert proved_bound(of, Prices({"a": {0: -60_000, 20: -50_000}})) == 160 + 150


def test_lines_that_go_together_may_pay_for_each_other() -> None:
    rich, poor = line("rich", 100, 0), line("poor", 10, 0)
    apart = Problem((van("1"), van("2")), (asked(rich, poor),))
    together = Problem((van("1"), van("2")), (asked(rich, poor, together=True),))
    prices = Prices({"rich": 90_000, "poor": -90_000})
    assert proved_bound(together, prices) == 0 + 100 + 100
    assert proved_bound(apart, prices) == 90 + 100 + 100
    assert proved_bound(together, Prices({"rich": -2_000, "poor": 1_000})) == 0 + 102 + 102


def test_lines_that_start_together_pay_for_the_same_start() -> None:
    p, q = line("p", 100, 0, 20), line("q", 100, 0, 20)
    of = Problem((), (asked(p, q, together=True, same_start=True),))
    freely = Problem((), (asked(p, q, together=True),))
    prices = Prices({"p": {0: 50_000, 20: -10_000}, "q": {0: -20_000, 20: 60_000}})
    assert proved_bound(of, prices) == max(50 - 20, -10 + 60)
    assert proved_bound(freely, prices) == 50 + 60
    costly = Prices({"p": {0: -50_000}, "q": 30_000})
    assert proved_bound(freely, costly) == 0 + 30
    assert proved_bound(freely, Prices({"p": {0: -50_000, 20: -10_000}, "q": 30_000})) == -10 + 30
    never = Problem((), (asked(p, line("q", 100, 10, 30), together=True, same_start=True),))
    assert proved_bound(never, Prices({"p": 5_000, "q": 5_000})) == 0


def test_limits_are_paid_by_their_lines_and_sold_at_their_size() -> None:
    of = Problem((van(),), (asked(A), asked(line("c", 70, 50))), limits=(Limit(("a", "c"), 1),))
    assert proved_bound(of, Prices()) == 170
    assert proved_bound(of, Prices(limits=(70_000,))) == 70 + 30
    assert proved_bound(of, Prices(limits=(100_000,))) == 100
    three = Problem(of.resources, of.requests, limits=(Limit(("a", "c"), 3),))
    assert proved_bound(three, Prices(limits=(10_000,))) == 3 * 10 + 90 + 60


def test_opening_is_paid_by_what_is_best_or_nothing_is_taken() -> None:
    of = Problem((van(opening=30),), (asked(A),))
    assert proved_bound(of, Prices()) == 70
    assert proved_bound(of, Prices({"a": 71_000})) == 71


def test_stability_is_paid_by_whoever_is_not_where_he_was() -> None:
    stays = line("a", 100, 0, 20, current=Current("van", 20))
    of = Problem((van(),), (asked(stays),), stability=30)
    assert proved_bound(of, Prices({"a": 100_000})) == -30 + 100 + 30
    gone = Problem((), (asked(stays),), stability=30)
    assert proved_bound(gone, Prices()) == -30


def test_moments_sell_what_is_left_of_several_units() -> None:
    lines = [asked(line(id_, 100, 0, units=units)) for id_, units in (("a", 2), ("b", 2), ("c", 1))]
    of = Problem((van(units=3),), tuple(lines))
    assert proved_bound(of, Prices()) == 200
    assert proved_bound(of, Prices(moments={"van": ()})) == 300
    assert proved_bound(of, Prices(moments={"van": ((9, 50_000),)})) == 3 * 50 + 50
    assert proved_bound(of, Prices(moments={"van": ((10, 50_000),)})) == 3 * 50 + 300
    taken = Problem((van(units=3),), tuple(lines), busy=(Busy("van", 0, 5, 2),))
    assert proved_bound(taken, Prices(moments={"van": ((2, 60_000),)})) == 60 + 40


def test_a_buffer_blocks_moments_before_and_after() -> None:
    buffered = Resource("van", "vehicle", ("niort",), units=2, buffer=(3, 7), free=FREE)
    of = Problem((buffered,), (asked(line("a", 100, 100)),), busy=(Busy("van", 200, 210, 1),))
    left_over = {96: (2, 100), 97: (2, 10), 116: (2, 10), 117: (2, 100), 196: (2, 100), 197: (1, 100), 217: (2, 100)}
    for minute, (units, earned) in left_over.items():
        assert proved_bound(of, Prices(moments={"van": ((minute, 90_000),)})) == units * 90 + earned


@given(st.integers(-30, 30), st.integers(0, 8), st.integers(1, 9), st.lists(st.integers(-40, 60), max_size=8))
def test_starts_are_those_from_which_the_line_lasts_in_a_period(
    earliest: int, steps: int, step: int, ends: list[int]
) -> None:
    window = (earliest, earliest + steps * step)
    ends = sorted(set(ends))
    periods = list(zip(ends[::2], ends[1::2], strict=False))
    found = list(starts_within(Line("a", "vehicle", 1, 7, window, step), periods))
    assert found == [
        start
        for start in range(window[0], window[1] + 1, step)
        if any(opens <= start and start + 7 <= closes for opens, closes in periods)
    ]


def test_fractions_of_a_cent_are_dropped_at_the_end_only() -> None:
    of = Problem((van(),), (asked(A), asked(line("c", 70, 50))), limits=(Limit(("a",), 1), Limit(("c",), 1)))
    assert proved_bound(of, Prices({"a": 100_999})) == 170
    assert proved_bound(of, Prices({"a": 100_500, "c": 70_500})) == 171
    assert proved_bound(Problem((), of.requests, stability=1), Prices({"a": -1})) == 0


def certified(of: Problem, bound: int, certificate: dict[str, Any]) -> list[str]:
    plan = encoded(plan_json(Plan(0, bound, ()), of))
    return check(of, plan, json.dumps({"format": "polepool.certificate/1"} | certificate).encode())


def test_a_changed_price_and_a_bound_lowered_by_one_are_caught() -> None:
    of = Problem((van("1"), van("2")), (asked(A), asked(B)), limits=(Limit(("a", "b"), 2),))
    prices = {"lines": {"a": 30_000, "b": {"5": 0}}, "limits": [0], "moments": {}}
    assert certified(of, 170, prices) == []
    assert certified(of, 169, prices) == ["bound: the certificate proves 170, not 169"]
    assert certified(of, 171, prices) == ["bound: the certificate proves 170, not 171"]
    for change in (
        {"lines": {"a": 31_000, "b": {"5": 0}}},
        {"lines": {"a": 30_000, "b": {"5": -1_000}}},
        {"limits": [71_000]},
        {"moments": {"1": [[7, 1_000]]}},
    ):
        (said,) = certified(of, 170, prices | change)
        assert said.startswith("bound: the certificate proves ")


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ({"lines": {"x": 1}}, "certificate: lines: the problem has no line 'x'"),
        ({"lines": {"a": {"1": 5}}}, "certificate: lines: 'a' can't start at 1"),
        ({"lines": {"a": {"00": 5}}}, "certificate: lines.a.00: must be a minute"),
        ({"lines": {"a": 1.5}}, "certificate: lines.a: must be an integer"),
        ({"lines": {"a": 10**19}}, "certificate: lines.a: must be an integer from"),
        ({"limits": [-1]}, "certificate: limits[0]: must be an integer from 0 to"),
        ({"limits": [1, 2]}, "certificate: limits: has 2 prices for 1 limits"),
        ({"moments": {"x": []}}, "certificate: moments: the problem has no resource 'x'"),
        ({"moments": {"van": [[0, -1]]}}, "certificate: moments.van[0][1]: must be an integer from 0 to"),
        ({"moments": {"van": [[0]]}}, "certificate: moments.van[0]: must be a list of two"),
        ({"format": "polepool.plan/1"}, 'certificate: format: must be "polepool.certificate/1"'),
        ({"prices": {}}, "certificate: prices: is an unknown field"),
    ],
)
def test_prices_of_nothing_and_prices_that_prove_nothing_are_refused(certificate: dict[str, Any], says: str) -> None:
    (said,) = certified(Problem((van(),), (asked(A),), limits=(Limit(("a",), 1),)), 100, certificate)
    assert said.startswith(says)


def test_a_certificate_written_and_read_is_the_same() -> None:
    prices = Prices({"b": {5: 3, 10: -4}, "a": 7}, (0, 12), {"van": ((600, 250), (610, 0))})
    assert read_certificate(encoded(certificate_json(prices))) == prices
    nothing = Prices({"a": 0, "b": {5: 0}})
    assert read_certificate(encoded(certificate_json(nothing))) == Prices()


def test_a_price_that_is_no_number_is_refused_when_read() -> None:
    with pytest.raises(BadProblem, match="limits"):
        read_certificate(b'{"format": "polepool.certificate/1", "limits": [NaN]}')


def test_too_many_open_blocks_need_moments() -> None:
    lines = [asked(line(f"l{index}", 100, index, minutes=50)) for index in range(80)]
    of = Problem((van(units=100),), tuple(lines))
    with pytest.raises(TooManyStates):
        proved_bound(of, Prices())
    (said,) = certified(of, 8000, {})
    assert said.startswith("certificate: 'van' needs moments: more than 100000 sets of blocks are open at minute ")
    assert certified(of, 8000, {"moments": {"van": []}}) == []


def hall_of(*lines: Line, units: int = 8, busy: tuple[Busy, ...] = ()) -> Problem:
    hall = Resource("van", "vehicle", ("niort",), units=units, free=((0, 1440),))
    return Problem((hall,), tuple(map(asked, lines)), busy=busy)


LENGTHS = [line(f"l{n}", 1000 + n, 480, minutes=60 + n) for n in range(24)]
TWICE = [line(f"l{n}", 1000 + n, 480, 600, minutes=60) for n in range(24)]
BEST_EIGHT = sum(range(1016, 1024))
SHARED = {
    "ends when nothing begins": (hall_of(*LENGTHS), BEST_EIGHT),
    "lines that can come again later": (hall_of(*TWICE), 2 * BEST_EIGHT),
    "bookings that end when nothing begins": (
        hall_of(*LENGTHS, units=31, busy=tuple(Busy("van", 400, 540 + n) for n in range(23))),
        BEST_EIGHT,
    ),
}


@pytest.mark.parametrize(("of", "earns"), SHARED.values(), ids=SHARED)
def test_few_sets_of_blocks_matter_where_few_end_at_minutes_that_anything_asks_about(of: Problem, earns: int) -> None:
    assert proved_bound(of, Prices()) == earns
    plan = solve(of, Budget(rounds=3), 1)
    assert plan.prices.moments == {}
    assert proved_bound(of, plan.prices) == plan.bound


choices = st.builds(
    lambda line, start, length, units, net: Choice(line, start, start + length, units, net),
    st.sampled_from(["a", "b", "c", "d"]),
    st.integers(0, 20),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(-3, 30),
)
busy_periods = st.builds(
    lambda start, length, units: Busy("van", start, start + length, units),
    st.integers(0, 20),
    st.integers(0, 9),
    st.integers(1, 3),
)


def allowed(chosen: Iterable[Choice], units: int, busy: Iterable[Busy]) -> bool:
    """Minute by minute."""
    chosen = list(chosen)
    return all(
        sum(each.units for each in chosen if each.start <= minute < each.end)
        <= max(0, units - sum(each.units for each in busy if each.start <= minute < each.end))
        and len(at_work := [each.line for each in chosen if each.start <= minute < each.end]) == len(set(at_work))
        for minute in range(40)
    )


def best_by_trying(of: list[Choice], units: int, busy: list[Busy]) -> int:
    sets = (some for size in range(len(of) + 1) for some in combinations(of, size))
    return max(sum(each.net for each in some) for some in sets if allowed(some, units, busy))


@given(st.lists(choices, max_size=7, unique=True), st.integers(1, 4), st.lists(busy_periods, max_size=2))
def test_the_best_of_a_resource_is_that_of_all_its_sets(of: list[Choice], units: int, busy: list[Busy]) -> None:
    fitting = [each for each in of if allowed([each], units, busy)]
    remaining = left(van(units=units), busy)
    assert best_set(fitting, units, remaining) == best_by_trying(fitting, units, busy)


@given(st.lists(choices, max_size=12))
def test_both_recursions_agree_on_one_unit(of: list[Choice]) -> None:
    singles = sorted((Choice(c.line, c.start, c.end, 1, abs(c.net) + 1) for c in of), key=lambda each: each.start)
    assert best_of_disjoint(singles) == best_of_shared(singles, Left([], [1]))
