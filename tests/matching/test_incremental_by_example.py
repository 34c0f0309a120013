"""What a standing plan does about an arrival, a cancellation, a breakdown, a changed offer and an acceptance."""

from dataclasses import replace

import pytest

from pooling.matching.checking import broken_rules
from pooling.matching.problem import Busy, Limit, Line, Placed, Price, Problem, Request, Resource
from pooling.matching.replanning import Known, Move, StandingPlan, Unknown

DAY = ((0, 1440),)
SMALL = Resource("small", "vehicle", ("niort",), units=1, free=DAY)
LARGE = replace(SMALL, id="large", features=frozenset({"ramp"}))


def asks(name: str, value: int, start: int, *, ramp: bool = False) -> Request:
    """An hour at a fixed time, in a vehicle, with a ramp or not."""
    features = frozenset({"ramp"}) if ramp else frozenset()
    return Request(name, "niort", (Line(name, "vehicle", value, 60, (start, start), features=features),))


def plan_of(*requests: Request, stability: int = 100, placed: tuple[Placed, ...] = ()) -> StandingPlan:
    return StandingPlan(Problem((SMALL, LARGE), requests, stability=stability), placed)


ERRAND = asks("errand", 1000, 480)
CLUB = asks("club", 700, 480)
OUTING = asks("outing", 2000, 480, ramp=True)
OUTING_WITHOUT_RAMP = asks("outing", 2000, 480)
ON_LARGE = Placed("errand", "large", 480)


def test_an_arrival_moves_another_to_where_it_fits_as_well() -> None:
    plan = plan_of(ERRAND, placed=(ON_LARGE,))
    change = plan.arrive(OUTING)
    assert set(change.moves) == {
        Move("outing", None, Placed("outing", "large", 480)),
        Move("errand", ON_LARGE, Placed("errand", "small", 480)),
    }
    assert (change.gain, plan.value) == (2000, 3000)


@pytest.mark.parametrize(("stability", "moves"), [(1999, 2), (2000, 0)])
def test_it_does_so_only_for_more_than_the_stability(stability: int, moves: int) -> None:
    plan = plan_of(ERRAND, stability=stability, placed=(ON_LARGE,))
    assert len(plan.arrive(OUTING).moves) == moves


def test_an_arrival_takes_the_place_of_what_is_worth_less() -> None:
    plan = plan_of(ERRAND, CLUB, placed=(ON_LARGE, Placed("club", "small", 480)))
    change = plan.arrive(OUTING)
    assert change.gain == 2000 - 700
    assert Move("club", Placed("club", "small", 480), None) in change.moves


def test_a_cancellation_makes_room_for_who_was_waiting() -> None:
    plan = plan_of(ERRAND, CLUB, OUTING, placed=(Placed("errand", "small", 480), Placed("outing", "large", 480)))
    change = plan.cancel("errand")
    assert change.moves == (Move("club", None, Placed("club", "small", 480)),)
    assert plan.value == 2700


def test_a_breakdown_brings_the_line_elsewhere_and_lets_go_what_is_worth_least() -> None:
    plan = plan_of(ERRAND, CLUB, placed=(ON_LARGE, Placed("club", "small", 480)))
    change = plan.break_down("large", 500, 510)
    assert set(plan.placed) == {Placed("errand", "small", 480)}
    assert change.gain == -700


def test_a_breakdown_at_another_time_moves_nothing() -> None:
    plan = plan_of(ERRAND, placed=(ON_LARGE,))
    assert plan.break_down("large", 540, 600).moves == ()
    assert plan.break_down("large", 0, 480).moves == ()


def test_an_offer_with_more_serves_more() -> None:
    plan = plan_of(ERRAND, CLUB, OUTING, placed=(Placed("errand", "small", 480), Placed("outing", "large", 480)))
    change = plan.change_offer(replace(SMALL, units=2))
    assert change.moves == (Move("club", None, Placed("club", "small", 480)),)
    change = plan.change_offer(replace(SMALL, id="third"))
    assert change.moves == ()


def test_a_new_resource_serves_who_was_waiting() -> None:
    plan = plan_of(ERRAND, CLUB, OUTING, placed=(Placed("errand", "small", 480), Placed("outing", "large", 480)))
    assert plan.change_offer(replace(SMALL, id="third")).moves == (Move("club", None, Placed("club", "third", 480)),)


def test_a_line_that_no_resource_may_serve_is_not_brought_to_a_new_one() -> None:
    nowhere = Request("nowhere", "niort", (replace(ERRAND.lines[0], id="nowhere", only=frozenset()),))
    assert plan_of(nowhere).change_offer(replace(SMALL, id="third")).moves == ()


def test_who_could_start_at_any_time_where_it_is_cheapest_goes_elsewhere_when_that_is_full() -> None:
    cheap = replace(SMALL, id="cheap", free=((0, 480),))
    dear = replace(cheap, id="dear", price=Price(100))
    hours = [Request(f"{n}", "niort", (Line(f"{n}", "vehicle", 1000, 60, (0, 420)),)) for n in range(9)]
    plan = StandingPlan(Problem((cheap, dear), ()), ())
    for each in hours:
        plan.arrive(each)
    assert plan.value == 8 * 1000 + 900


def test_what_is_accepted_stays_whatever_comes() -> None:
    plan = plan_of(ERRAND, placed=(ON_LARGE,))
    plan.book("errand")
    assert plan.problem().busy == (Busy("large", 480, 540),)
    assert plan.arrive(OUTING).moves == ()
    assert (plan.placed, plan.value) == ((), 0)


def test_what_is_accepted_still_counts_for_its_limit() -> None:
    problem = Problem((SMALL, LARGE), (ERRAND, CLUB), limits=(Limit(("errand", "club"), 1),))
    plan = StandingPlan(problem, (ON_LARGE,))
    plan.book("errand")
    assert plan.problem().limits == (Limit(("club",), 0),)
    assert plan.change_offer(replace(SMALL, id="third")).moves == ()


def test_a_limit_holds_with_what_is_placed_at_other_times() -> None:
    later = asks("later", 700, 900)
    problem = Problem((SMALL, LARGE), (ERRAND, later), limits=(Limit(("errand", "later"), 1),))
    plan = StandingPlan(problem, (ON_LARGE,))
    assert plan.change_offer(replace(SMALL, id="third")).moves == ()
    assert plan.cancel("errand").moves == ()
    assert len(plan.change_offer(replace(SMALL, id="third")).moves) == 1


def test_what_is_accepted_keeps_its_units() -> None:
    pair = Request("pair", "niort", (replace(ERRAND.lines[0], units=2),))
    waiting = Request("waiting", "niort", (replace(ERRAND.lines[0], id="waiting", units=2),))
    fleet = replace(SMALL, id="fleet", units=3)
    placed = (Placed("errand", "fleet", 480), Placed("club", "fleet", 480))
    plan = StandingPlan(Problem((fleet,), (pair, waiting, CLUB)), placed)
    plan.book("errand")
    assert plan.problem().busy == (Busy("fleet", 480, 540, 2),)
    assert plan.cancel("club").moves == ()
    assert len(plan.arrive(OUTING_WITHOUT_RAMP).moves) == 1


def test_one_unit_too_many_of_a_hundred_million_is_not_placed() -> None:
    hall, hour = replace(SMALL, id="hall", units=100_000_000), ERRAND.lines[0]
    halves = tuple(Request(name, "niort", (replace(hour, id=name, units=50_000_000),)) for name in "bc")
    plan = StandingPlan(Problem((hall,), halves), [Placed(name, "hall", 480) for name in "bc"])
    change = plan.arrive(Request("a", "niort", (replace(hour, id="a"),)))
    assert broken_rules(plan.problem(), plan.placed) == []
    assert (change.gain, plan.value) == (0, 2000)


def test_a_bundle_is_accepted_as_a_whole() -> None:
    lines = (replace(ERRAND.lines[0], id="van"), replace(ERRAND.lines[0], id="trailer"))
    bundle = Request("both", "niort", lines, together=True, same_start=True)
    plan = plan_of(bundle, placed=(Placed("van", "small", 480), Placed("trailer", "large", 480)))
    plan.book("van")
    assert set(plan.problem().busy) == {Busy("small", 480, 540), Busy("large", 480, 540)}
    assert plan.problem().requests == ()


def test_a_plan_begins_with_vehicles_that_are_each_in_a_place_of_their_own() -> None:
    vehicles = tuple(replace(SMALL, id=f"{at}", at=(46.0, at * 0.25)) for at in range(69))
    plan = StandingPlan(Problem(vehicles, ()), ())
    assert plan.arrive(ERRAND).gain == 1000


def test_what_the_plan_does_not_have_is_told() -> None:
    plan = plan_of(ERRAND)
    with pytest.raises(Unknown):
        plan.cancel("club")
    with pytest.raises(Unknown):
        plan.cancel_line("club")
    with pytest.raises(Unknown):
        plan.book("errand")
    with pytest.raises(Unknown):
        plan.break_down("bus", 0, 1)


@pytest.mark.parametrize("again", [replace(ERRAND, lines=()), replace(ERRAND, id="another")], ids=["request", "line"])
def test_what_the_plan_has_already_does_not_arrive_again(again: Request) -> None:
    plan = plan_of(ERRAND, placed=(ON_LARGE,))
    before = plan.problem(), plan.placed, plan.value
    with pytest.raises(Known):
        plan.arrive(again)
    assert (plan.problem(), plan.placed, plan.value) == before
