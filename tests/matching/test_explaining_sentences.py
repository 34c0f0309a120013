"""What people read of a plan, and what they don't."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from pooling.matching.explaining import explain
from pooling.matching.explaining.sentences import Language, Reader, reasons, sentences
from pooling.matching.problem import Busy, Current, Placed, Plan, Price, Problem
from tests.matching.test_explaining import plans
from tests.matching.test_explaining_reasons import CASES, FAR, NEAR, TRIP, VAN, placed, problem_of

ORIGIN = datetime(2026, 11, 26, 7, tzinfo=UTC)
"""8 in the morning in Paris, on a Thursday."""


def when(minute: int) -> datetime:
    return ORIGIN + timedelta(minutes=minute)


INSIDER, OUTSIDER = Reader(when, lambda resource: f"« {resource} »"), Reader(when, lambda _: None)


def said(
    problem: Problem, *plan: Placed, language: Language = "fr", reader: Reader = OUTSIDER, line: str = "trip"
) -> list[str]:
    """The sentences about a line, with plain spaces."""
    explained = explain(problem, Plan(0, 0, plan), [line])
    found = explained.placed[line] if line in explained.placed else explained.unplaced[line]
    return [text.replace("\u00a0", " ").replace("\u202f", " ") for text in sentences(found, language, reader)]


BINDING = {
    "another kind": ("Aucune ressource n’est proposée", "No resource is offered"),
    "another pole": ("Aucun véhicule n’est proposé à votre pôle", "No vehicle is offered to your pole"),
    "none accepted": (
        "Aucun des véhicules que vous acceptez n’est proposé à votre pôle",
        "None of the vehicles that you accept is offered to your pole",
    ),
    "a feature": (
        "Aucun véhicule n’a tout ce qui est demandé : électrique",
        "No vehicle has all that is asked for: electric",
    ),
    "a measure": (
        "Aucun véhicule n’a tout ce qui est demandé : 4 places",
        "No vehicle has all that is asked for: 4 seats",
    ),
    "units": ("Aucun véhicule n’a les 2 unités demandées", "No vehicle has the 2 units asked for"),
    "too far": (
        "Le seul véhicule qui convient est à plus de 4,7 km",
        "The only vehicle that fits is more than 4.7 km away",
    ),
    "too dear": (
        "Le seul véhicule qui convient coûte plus de 4,99 €",
        "The only vehicle that fits costs more than €4.99",
    ),
    "not free": (
        "Le seul véhicule qui convient n’est pas proposé à ce moment-là",
        "The only vehicle that fits is not offered at that time",
    ),
    "taken": (
        "Le seul véhicule qui convient est pris à ce moment-là",
        "The only vehicle that fits is taken at that time",
    ),
    "a mate has none": (
        "Possible, mais un autre besoin de la même demande ne l’est pas, et l’un ne va pas sans l’autre",
        "Possible, but another need of the same request is not, and they go together",
    ),
    "not both at once": (
        "Possible à part, mais pas avec le reste de la demande",
        "Possible by itself, but not with the rest of the request",
    ),
    "the limit": ("La limite fixée à ces demandes est atteinte", "The limit set for these requests is reached"),
    "dear": (
        "Possible, mais le coût dépasserait ce que la demande vaut",
        "Possible, but it would cost more than it is worth",
    ),
    "the search ended": (
        "Possible, mais le calcul du plan s’est arrêté avant",
        "Possible, but the search for the plan ended before",
    ),
}


@pytest.mark.parametrize("name", BINDING)
def test_what_stands_in_the_way_is_one_sentence(name: str) -> None:
    problem, plan, *_ = CASES[name]
    assert (said(problem, *plan)[0], said(problem, *plan, language="en")[0]) == BINDING[name]


OFFERS = {
    "sooner": ("à 8 h 50, et non entre 9 h 40 et 10 h", "at 8:50 instead of between 9:40 and 10:00"),
    "further": ("à 4,8 km au lieu de 4,7 km", "as far as 4.8 km away instead of 4.7 km"),
    "dearer": ("pour 5 € au lieu de 4,99 €", "for €5 instead of €4.99"),
    "smaller": ("sans exiger beds 1", "without asking for beds 1"),
    "plainer": ("sans exiger : hook", "without asking for: hook"),
    "fewer": ("pour 2 unités au lieu de 3", "for 2 units instead of 3"),
    "as many as are left": ("pour 1 unité au lieu de 3", "for 1 unit instead of 3"),
}


@pytest.mark.parametrize("name", OFFERS)
def test_a_near_miss_is_an_offer_of_what_to_change(name: str) -> None:
    problem = NEAR[name][0]
    fr, en = OFFERS[name]
    assert said(problem)[1:] == [f"Possible {fr}"]
    assert said(problem, language="en", reader=INSIDER)[1:] == [f"Possible {en} (« van »)"]


@pytest.mark.parametrize(
    ("window", "fr", "en"),
    [
        ((60, 60), "Possible à 10 h 15 au lieu de 9 h", "Possible at 10:15 instead of 9:00"),
        (
            (1500, 1500),
            "Possible le jeudi 26 novembre à 10 h 15 au lieu du vendredi 27 novembre à 9 h",
            "Possible on Thursday 26 November at 10:15 instead of Friday 27 November at 9:00",
        ),
        (
            (870, 900),
            "Possible à 10 h 15, et non entre 22 h 30 et 23 h",
            "Possible at 10:15 instead of between 22:30 and 23:00",
        ),
    ],
)
def test_times_are_told_by_the_hour_or_with_the_day(window: tuple[int, int], fr: str, en: str) -> None:
    problem = problem_of(replace(TRIP, start=window, step=15), vans=(replace(VAN, free=((135, 195),)),))
    assert said(problem)[1] == fr
    assert said(problem, language="en")[1] == en


def test_three_that_are_taken_are_counted_and_none_is_named() -> None:
    vans = tuple(replace(VAN, id=f"secret-{at}") for at in range(3))
    busy = tuple(Busy(van.id, 0, 600) for van in vans)
    assert said(problem_of(TRIP, vans=vans, busy=busy)) == [
        "Les 3 véhicules qui conviennent sont tous pris à ce moment-là"
    ]
    people = tuple(replace(van, kind="staff") for van in vans)
    asked = replace(TRIP, kind="staff")
    assert said(problem_of(asked, vans=people, busy=busy)) == [
        "Les 3 personnes qui conviennent sont toutes prises à ce moment-là"
    ]
    assert said(problem_of(asked, vans=people, busy=busy), language="en") == [
        "All 3 people that fit are taken at that time"
    ]


def test_a_placed_line_is_told_why_it_is_there() -> None:
    near = replace(VAN, price=Price(hour=300))
    far = replace(VAN, id="far", at=FAR)
    trip = replace(TRIP, start=(100, 100), at=VAN.at, prefers={"ramp": 400}, current=Current("far", 100))
    of = problem_of(trip, vans=(near, far), km_cost=45, stability=50)
    assert said(of, placed(trip, 100)) == [
        "Un autre choix vaudrait 1,37 € de plus",
        "3 € pour 1 h",
        "Répond à une préférence : rampe pour fauteuil",
        "Différent de la dernière proposition",
    ]
    assert said(of, Placed("trip", "far", 100), language="en") == [
        "The best choice: the next one is worth €1.37 less",
        "5 km away",
        "Free of charge",
        "As preferred: wheelchair ramp",
        "Unchanged since it was last proposed",
    ]


def test_a_place_without_an_alternative_or_with_one_as_good_is_told_so() -> None:
    one = problem_of(replace(TRIP, start=(100, 100)))
    assert said(one, placed(TRIP, 100))[0] == "Seule place possible"
    assert said(problem_of(TRIP), placed(TRIP, 100), language="en")[0] == "As good as the best other choice"


def test_codes_stay_the_same_in_both_languages() -> None:
    problem = NEAR["further"][0]
    explained = explain(problem, Plan(0, 0, ())).unplaced["trip"]
    assert [reason.code for reason in reasons(explained, OUTSIDER)] == ["too_far", "possible.max_km"]


def test_only_resources_that_a_reader_may_see_are_named() -> None:
    vans = (replace(VAN, id="ours", at=FAR), replace(VAN, id="theirs", features=frozenset()))
    asked = replace(TRIP, at=VAN.at, features=frozenset({"ramp"}), max_km=1.0)
    reader = Reader(when, lambda resource: "Kangoo" if resource == "ours" else None)
    assert said(problem_of(asked, vans=vans), reader=reader) == [
        "Le seul véhicule qui convient est à plus de 1 km",
        "Possible à 4,8 km au lieu de 1 km (Kangoo)",
        "Possible sans exiger : rampe pour fauteuil",
    ]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_nothing_hidden_is_ever_told(given_: tuple[Problem, Plan]) -> None:
    problem, plan = given_
    explained = explain(problem, plan)
    for each in (*explained.placed.values(), *explained.unplaced.values()):
        for language in ("fr", "en"):
            told = sentences(each, language, OUTSIDER)  # type: ignore[arg-type]  # one of the two
            assert told
            assert not any(re.search(r"(resource|line|request)-\d", text) for text in told)
