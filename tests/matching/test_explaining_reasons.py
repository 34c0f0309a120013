"""Every reason for having no place, and every near miss, on problems that a reader can follow."""

from dataclasses import replace

import pytest

from pooling.matching.checking import broken_rules
from pooling.matching.explaining import Because, Change, UnplacedLine, explain
from pooling.matching.problem import Busy, Current, Limit, Line, Placed, Plan, Price, Problem, Request, Resource

VAN = Resource("van", "vehicle", ("niort",), at=(46.32, -0.46), features=frozenset({"ramp"}), free=((0, 600),))
TRIP = Line("trip", "vehicle", 1000, 60, (100, 120), step=10)
OTHER = replace(TRIP, id="other")
FAR = (46.33, -0.40)


def problem_of(*lines: Line, vans: tuple[Resource, ...] = (VAN,), together: bool = False, **rest: object) -> Problem:
    """One request of these lines, or one for each."""
    requests = (
        (Request("all", "niort", lines, together=True),)
        if together
        else tuple(Request(f"for-{line.id}", "niort", (line,)) for line in lines)
    )
    return replace(Problem(vans, requests), **rest)  # type: ignore[arg-type]  # fields of a problem


def unplaced(problem: Problem, *placed: Placed, line: str = "trip") -> UnplacedLine:
    """Why the line isn't placed beside these."""
    assert broken_rules(problem, placed) == []
    return explain(problem, Plan(0, 0, placed), [line]).unplaced[line]


def placed(line: Line, start: int, van: Resource = VAN) -> Placed:
    return Placed(line.id, van.id, start)


CASES = {
    "another kind": (problem_of(replace(TRIP, kind="room")), (), Because.NO_SUCH_RESOURCE, "kind"),
    "another pole": (problem_of(TRIP, vans=(replace(VAN, poles=("saintes",)),)), (), Because.NO_SUCH_RESOURCE, "pole"),
    "none accepted": (problem_of(replace(TRIP, only=frozenset())), (), Because.NO_SUCH_RESOURCE, "only"),
    "a feature": (
        problem_of(replace(TRIP, features=frozenset({"electric"}))), (), Because.NO_SUCH_RESOURCE, "features",
    ),
    "a measure": (problem_of(replace(TRIP, at_least={"seats": 4.0})), (), Because.NO_SUCH_RESOURCE, "measures"),
    "units": (problem_of(replace(TRIP, units=2)), (), Because.NO_SUCH_RESOURCE, "units"),
    "too far": (problem_of(replace(TRIP, at=FAR, max_km=4.739)), (), Because.TOO_FAR, "distance"),
    "too dear": (
        problem_of(replace(TRIP, max_price=499), vans=(replace(VAN, price=Price(500)),)), (), Because.TOO_DEAR, "price",
    ),
    "not free": (problem_of(TRIP, vans=(replace(VAN, free=((0, 159), (161, 600))),)), (), Because.NOT_FREE, "free"),
    "booked": (problem_of(TRIP, busy=(Busy("van", 130, 140),)), (), Because.TAKEN, "available"),
    "taken": (problem_of(TRIP, OTHER), (placed(OTHER, 110),), Because.TAKEN, "available"),
    "a mate has none": (
        problem_of(TRIP, replace(OTHER, kind="room"), together=True), (), Because.BUNDLE, None,
    ),
    "not both at once": (problem_of(TRIP, OTHER, together=True), (), Because.BUNDLE, None),
    "the limit": (
        problem_of(TRIP, replace(OTHER, start=(300, 300)), limits=(Limit(("trip", "other"), 1),)),
        (placed(OTHER, 300),), Because.LIMIT, None,
    ),
    "the limit of a bundle": (
        problem_of(TRIP, replace(OTHER, start=(300, 300)), together=True, limits=(Limit(("trip", "other"), 1),)),
        (), Because.LIMIT, None,
    ),
    "dear": (problem_of(TRIP, vans=(replace(VAN, price=Price(1000)),)), (), Because.NOT_WORTH_IT, None),
    "opening": (problem_of(TRIP, vans=(replace(VAN, opening=1000),)), (), Because.NOT_WORTH_IT, None),
    "a dear mate": (
        problem_of(TRIP, replace(OTHER, start=(300, 300), value=0), together=True,
                   vans=(replace(VAN, price=Price(500)),)), (), Because.NOT_WORTH_IT, None,
    ),
    "the search ended": (problem_of(TRIP), (), Because.TIME, None),
    "one opening for two": (
        problem_of(TRIP, replace(OTHER, start=(300, 300)), together=True, vans=(replace(VAN, opening=1999),)),
        (), Because.TIME, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_line_without_a_place_is_told_why(
    case: tuple[Problem, tuple[Placed, ...], Because, str | None],
) -> None:
    problem, plan, because, condition = case
    found = unplaced(problem, *plan)
    assert found.because is because
    assert next((name for name, count in found.funnel if count == 0), None) == condition


def test_the_mates_that_have_no_place_are_named() -> None:
    problem = problem_of(TRIP, replace(OTHER, kind="room"), together=True)
    assert unplaced(problem).mates == ("other",)
    assert unplaced(problem, line="other").mates == ()


def test_being_where_it_is_proposed_can_be_what_makes_a_place_worth_it() -> None:
    dear = replace(VAN, price=Price(1100))
    staying = replace(TRIP, current=Current("van", 120))
    assert unplaced(problem_of(staying, vans=(dear,), stability=100)).because is Because.NOT_WORTH_IT
    assert unplaced(problem_of(staying, vans=(dear,), stability=101)).because is Because.TIME


def test_a_long_search_for_a_bundle_ends_undecided() -> None:
    lines = tuple(replace(TRIP, id=f"line-{at}", start=(0, 530)) for at in range(10))
    short = (replace(VAN, free=((0, 599),)),)
    assert unplaced(problem_of(*lines[:9], together=True, vans=short), line="line-3").because is Because.TIME
    assert unplaced(problem_of(*lines, together=True, vans=short), line="line-3").because is Because.TIME
    few = tuple(replace(line, step=530) for line in lines)
    assert unplaced(problem_of(*few, together=True, vans=short), line="line-3").because is Because.BUNDLE


NEAR = {
    "sooner": (problem_of(TRIP, busy=(Busy("van", 115, 400),)), Change.START, (50, 50), 50),
    "later": (problem_of(TRIP, busy=(Busy("van", 30, 140), Busy("van", 160, 165))), Change.START, (170, 170), 170),
    "sooner with buffers": (
        problem_of(TRIP, vans=(replace(VAN, buffer=(5, 12)),), busy=(Busy("van", 115, 400),)),
        Change.START, (30, 30), 30,
    ),
    "later with buffers": (
        problem_of(TRIP, vans=(replace(VAN, buffer=(17, 3)),), busy=(Busy("van", 30, 160),)),
        Change.START, (180, 180), 180,
    ),
    "when it is free": (
        problem_of(TRIP, vans=(replace(VAN, free=((0, 20), (203, 300))),)), Change.START, (210, 210), 210,
    ),
    "further": (problem_of(replace(TRIP, at=FAR, max_km=4.739)), Change.MAX_KM, 4.74, 100),
    "dearer": (
        problem_of(replace(TRIP, max_price=499), vans=(replace(VAN, price=Price(500)),)), Change.MAX_PRICE, 500, 100,
    ),
    "smaller": (
        problem_of(replace(TRIP, at_least={"seats": 4.0, "beds": 1.0}),
                   vans=(replace(VAN, measures={"seats": 5.0}), replace(VAN, id="bus", measures={"seats": 3.0}))),
        Change.AT_LEAST, {"seats": 4.0}, 100,
    ),
    "plainer": (problem_of(replace(TRIP, features=frozenset({"ramp", "hook"}))), Change.FEATURES, {"ramp"}, 100),
    "fewer": (problem_of(replace(TRIP, units=3), vans=(replace(VAN, units=2),)), Change.UNITS, 2, 100),
    "as many as are left": (
        problem_of(replace(TRIP, units=3), vans=(replace(VAN, units=3),), busy=(Busy("van", 0, 600, 2),)),
        Change.UNITS, 1, 100,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR.values(), ids=NEAR)
def test_the_smallest_change_that_would_help_is_offered(
    case: tuple[Problem, Change, object, int],
) -> None:
    problem, changed, value, start = case
    assert [
        (each.changed, getattr(each.line, each.changed), each.resource, each.start)
        for each in unplaced(problem).near_misses
    ] == [(changed, value, "van", start)]


@pytest.mark.parametrize("case", NEAR.values(), ids=NEAR)
def test_what_is_offered_is_possible_with_the_change_and_not_without(
    case: tuple[Problem, Change, object, int],
) -> None:
    problem = case[0]
    for each in unplaced(problem).near_misses:
        place = Placed("trip", each.resource, each.start)
        changed = replace(problem, requests=(Request("for-trip", "niort", (each.line,)),))
        assert broken_rules(problem, [place]) != []
        assert broken_rules(changed, [place]) == []


def test_nothing_is_offered_that_would_not_be_worth_it_or_that_a_limit_forbids() -> None:
    far = replace(TRIP, at=FAR, max_km=4.739)
    assert unplaced(problem_of(far, km_cost=211)).near_misses == ()  # 4,740 m cost 1,000 cents
    assert len(unplaced(problem_of(far, km_cost=210)).near_misses) == 1
    assert unplaced(problem_of(far, limits=(Limit(("trip",), 0),))).near_misses == ()


def test_of_equal_changes_the_first_resource_at_its_earliest_start_is_offered() -> None:
    vans = (replace(VAN, id="late", free=((110, 200),)), replace(VAN, id="early"))
    (found,) = unplaced(problem_of(replace(TRIP, features=frozenset({"hook"})), vans=vans)).near_misses
    assert (found.resource, found.start) == ("late", 110)
    many = tuple(replace(VAN, id=f"van-{at}") for at in range(100))
    (found,) = unplaced(problem_of(replace(TRIP, at=FAR, max_km=4.0), vans=many)).near_misses
    assert found.resource == "van-0"
