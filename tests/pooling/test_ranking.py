"""The pure rules: what fits, how well, and in which words."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from pooling.domain import needs, reasons, wording
from pooling.domain.offers import Asker, Offer
from pooling.domain.periods import first_fit, normalised
from pooling.domain.places import distance_m, price_cents
from pooling.domain.ranking import near_misses, rank
from schemas.event import Period, Place
from schemas.pooling import Energy, Kind, Line, Price, Ring, Skill, Staff, Vehicle

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 26, tzinfo=UTC)
NIORT = Place(commune="79191", name="Niort", latitude=46.32, longitude=-0.46)
LA_CRECHE = Place(commune="79048", name="La Crèche", latitude=46.36, longitude=-0.30)
POLE, ASKER = uuid4(), uuid4()


def hours(start: float, end: float) -> Period:
    return Period(start=THURSDAY + timedelta(hours=start), end=THURSDAY + timedelta(hours=end))


WINDOW = hours(7, 12)
"""8 h to 13 h in Paris."""


def line(max_km: int | None = None, max_price_cents: int | None = None, seats: int = 9) -> Line:
    return Line(
        id=uuid4(),
        kind=Kind.VEHICLE,
        window=WINDOW,
        minutes=240,
        features=("ramp",),
        at_least={"seats": seats},
        place=NIORT,
        max_km=max_km,
        max_price_cents=max_price_cents,
    )


def offer(
    price: int = 3500,
    *,
    seats: int = 9,
    ramp: bool = True,
    place: Place = LA_CRECHE,
    free: tuple[Period, ...] = (WINDOW,),
    offered: tuple[Period, ...] = (WINDOW,),
    id_: UUID | None = None,
) -> Offer:
    return Offer(
        id=id_ or uuid4(),
        version=1,
        pole_id=POLE,
        organisation_id=uuid4(),
        title="Minibus",
        place=place,
        ring=Ring.POLE,
        price=Price(fixed_cents=price),
        features=("ramp", "diesel") if ramp else ("diesel",),
        measures={"seats": seats, "child_seats": 0, "payload_kg": 0},
        free=free,
        offered=offered,
    )


def french(*offers: Offer, wanted: Line | None = None) -> dict[str, str]:
    """Why the best of them is good."""
    best = rank(wanted or line(), offers, Asker(POLE, ASKER), NOW)[0]
    return {reason.code: reason.text.fr.replace(wording.NBSP, " ") for reason in best.reasons}


def misses(*offers: Offer, wanted: Line | None = None, now: datetime = NOW) -> list[tuple[str, str]]:
    """What the first near miss misses."""
    found = near_misses(wanted or line(), offers, now)
    return [(reason.code, reason.text.fr.replace(wording.NBSP, " ")) for reason in found[0].misses] if found else []


def test_a_match_says_why_in_french_as_a_french_person_would() -> None:
    assert french(offer(), offer(4000), offer(5000)) == {
        "distance": "À 13 km",
        "fit": "9 places, rampe pour fauteuil",
        "price": "35 € pour 4 h, le tarif le plus bas des 3",
        "circle": "Dans votre pôle",
        "period": "Le jeudi 26 novembre de 8 h à 12 h",
    }


def test_a_match_says_why_in_english() -> None:
    best = rank(line(), [offer(3550)], Asker(uuid4(), ASKER), NOW)[0]
    assert [reason.text.en for reason in best.reasons] == [
        "13 km away",
        "9 seats, wheelchair ramp",
        "€35.50 for 4 h",
        "In another pole, which shares with all",
        "On Thursday 26 November from 8:00 to 12:00",
    ]


def test_only_the_very_cheapest_is_called_so() -> None:
    assert french(offer(3500), offer(3500))["price"] == "35 € pour 4 h"
    assert french(offer(0))["price"] == "Gratuit"


@pytest.mark.parametrize(
    ("missing", "wanted", "expected"),
    [
        (offer(seats=8), line(), ("too_little.seats", "8 places au lieu de 9")),
        (offer(ramp=False), line(), ("missing.ramp", "Pas de rampe pour fauteuil")),
        (offer(), line(max_km=12), ("too_far", "À 13,1 km, soit 1,1 km de trop")),
        (offer(6000), line(max_price_cents=4500), ("too_dear", "60 €, soit 15 € de trop")),
        (offer(free=()), line(), ("taken", "Plus de créneau libre le jeudi 26 novembre")),
        (offer(free=(), offered=()), line(), ("not_offered", "Aucun créneau proposé le jeudi 26 novembre")),
        (offer(free=(hours(11, 12),)), line(), ("free_from", "Libre seulement à partir du jeudi 26 novembre à 12 h")),
        (offer(free=(hours(7, 9),)), line(), ("free_until", "Libre seulement jusqu’au jeudi 26 novembre à 10 h")),
        (
            offer(free=(hours(8, 9.5),)),
            line(),
            ("free_between", "Libre seulement le jeudi 26 novembre de 9 h à 10 h 30"),
        ),
    ],
)
def test_a_near_miss_tells_what_it_misses(missing: Offer, wanted: Line, expected: tuple[str, str]) -> None:
    assert rank(wanted, [missing], Asker(POLE, ASKER), NOW) == []
    assert misses(missing, wanted=wanted) == [expected]


DAYS = Period(start=THURSDAY + timedelta(hours=7), end=THURSDAY + timedelta(days=5))


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (-1, 81, "Libre seulement jusqu’au dimanche 29 novembre à 10 h"),
        (-1, 71, "Libre seulement jusqu’au samedi 28 novembre à minuit"),
        (9, 81, "Libre seulement du jeudi 26 novembre à 10 h au dimanche 29 novembre à 10 h"),
        (9, 23, "Libre seulement le jeudi 26 novembre de 10 h à minuit"),
        (47, 200, "Libre seulement à partir du samedi 28 novembre à 0 h"),
    ],
)
def test_what_is_free_on_other_days_is_told_with_the_days_of_its_start_and_its_end(
    start: float, end: float, said: str
) -> None:
    week = line().model_copy(update={"window": DAYS, "minutes": 60 * 24 * 4})
    free = hours(max(7, start), min(24 * 5, end))
    ((_, told),) = misses(offer(free=(free,), offered=(DAYS,)), wanted=week)
    assert told == said


def test_time_that_has_passed_is_not_told_as_free() -> None:
    wanted = line()
    later = THURSDAY + timedelta(hours=7.5)
    assert misses(offer(free=(hours(7, 9),)), wanted=wanted, now=later) == [
        ("free_until", "Libre seulement jusqu’au jeudi 26 novembre à 10 h")
    ]
    assert misses(offer(free=(hours(7, 7.5),)), wanted=wanted, now=later)[0][0] == "taken"
    for too_late in (THURSDAY + timedelta(hours=8.1), THURSDAY + timedelta(hours=13)):
        assert misses(offer(), wanted=wanted, now=too_late) == [("too_late", "Trop tard pour le créneau demandé")]


def test_reasons_are_worded_without_the_gender_of_what_is_offered() -> None:
    def plain(text: str) -> str:
        return text.replace(wording.NBSP, " ")

    assert plain(reasons.too_dear(6000, 4500).text.en) == "€60, €15 over your limit"
    assert plain(reasons.missing("muscle").text.fr) == "À moteur"
    assert plain(reasons.missing("electric").text.fr) == "Pas électrique"
    assert plain(reasons.missing("electric").text.en) == "Not electric"


def test_near_misses_are_those_that_miss_the_fewest_conditions() -> None:
    two = offer(seats=8, ramp=False)
    one = offer(seats=8)
    assert [each.offer.id for each in near_misses(line(), [two, one, offer()], NOW)] == [one.id]


def test_nearer_tighter_and_cheaper_is_better_and_ties_are_broken_by_id() -> None:
    first, second = sorted([uuid4(), uuid4()])
    here, tight = offer(place=NIORT), offer()
    wide, dear = offer(seats=20), offer(9000)
    twins = [offer(id_=second), offer(id_=first)]
    order = [each.offer.id for each in rank(line(), [dear, wide, tight, here], Asker(POLE, ASKER), NOW)]
    assert order[0] == here.id
    assert order[1] == tight.id
    assert {*order[2:]} == {wide.id, dear.id}
    assert [each.offer.id for each in rank(line(), twins, Asker(POLE, ASKER), NOW)] == [first, second]


def test_scores_lie_between_nothing_and_a_thousand() -> None:
    best = rank(line(), [offer(0, place=NIORT)], Asker(POLE, ASKER), NOW)[0]
    assert best.score == 1000


def test_distances_and_prices_are_rounded_half_up() -> None:
    assert distance_m(NIORT, NIORT) == 0
    equator = [Place(commune="79191", name="", latitude=0, longitude=degrees) for degrees in (0.0, 1.0)]
    assert distance_m(*equator) == 111_195
    assert price_cents(Price(fixed_cents=500, hour_cents=301), timedelta(minutes=90)) == 952
    assert price_cents(Price(hour_cents=1), timedelta(minutes=29)) == 0
    assert price_cents(Price(hour_cents=1), timedelta(minutes=30)) == 1


def test_a_booking_starts_at_the_earliest_quarter_that_is_free_and_still_to_come() -> None:
    free = [hours(7, 8), hours(8.1, 12)]
    assert first_fit(free, WINDOW, timedelta(hours=2), NOW) == hours(8.25, 10.25)
    assert first_fit(free, WINDOW, timedelta(hours=2), THURSDAY + timedelta(hours=9.6)) == hours(9.75, 11.75)
    assert first_fit(free, WINDOW, timedelta(hours=4), NOW) is None


quarters = st.integers(0, 19)


@given(st.lists(st.tuples(quarters, quarters), max_size=5), st.integers(1, 20), quarters)
def test_the_first_fit_is_the_one_that_trying_every_quarter_finds(
    spans: list[tuple[int, int]], length: int, now: int
) -> None:
    free = [hours(7 + a / 4, 7 + b / 4) for a, b in spans if a < b]
    moment, long = THURSDAY + timedelta(hours=7 + now / 4), timedelta(minutes=15 * length)
    tried = [hours(7 + start / 4, 7 + start / 4 + length / 4) for start in range(20)]
    fitting = [
        each
        for each in tried
        if each.start >= moment and each.end <= WINDOW.end
        if any(span.start <= each.start and each.end <= span.end for span in free)
    ]
    assert first_fit(free, WINDOW, long, moment) == next(iter(fitting), None)


def test_an_availability_is_put_in_order_and_touching_periods_are_joined() -> None:
    assert normalised([hours(9, 10), hours(7, 9), hours(11, 12)], NOW) == (hours(7, 10), hours(11, 12))


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [hours(7, 9), hours(8, 10)],
        [hours(7, 12), hours(8, 9)],
        [hours(0, 24 * 800)],
        [hours(-24 * 800, 1)],
        [hours(each, each + 0.5) for each in range(201)],
    ],
)
def test_an_availability_that_overlaps_or_goes_on_for_ever_is_refused(periods: list[Period]) -> None:
    with pytest.raises(Invalid) as refused:
        normalised(periods, NOW)
    assert refused.value.field == "availability"


def test_what_a_resource_has_is_told_in_the_words_of_needs() -> None:
    van = Vehicle(seats=9, energy=Energy.ELECTRIC, ramp=True, payload_kg=800)
    assert needs.features(van) == ("ramp", "electric")
    assert needs.measures(van) == {"seats": 9, "child_seats": 0, "payload_kg": 800}
    clerk = Staff(skills=(Skill.LEGAL, Skill.ACCOUNTING), remote=True)
    assert needs.features(clerk) == ("accounting", "legal", "remote")
    assert needs.measures(clerk) == {}


@pytest.mark.parametrize(
    ("kind", "features", "at_least", "field", "allowed"),
    [
        (Kind.VEHICLE, ["wings"], {}, "lines.0.features", "ramp"),
        (Kind.STAFF, ["ramp"], {}, "lines.0.features", "accounting"),
        (Kind.PREMISES, [], {"seats": 9}, "lines.0.at_least", "capacity"),
        (Kind.STAFF, [], {"seats": 9}, "lines.0.at_least", "nothing"),
    ],
)
def test_words_that_the_kind_does_not_know_are_refused_with_those_that_it_does(
    kind: Kind, features: list[str], at_least: dict[str, int], field: str, allowed: str
) -> None:
    with pytest.raises(Invalid) as refused:
        needs.check(kind, features, at_least, "lines.0")
    assert refused.value.field == field
    assert allowed in refused.value.rule


def test_every_word_of_every_kind_can_be_told_in_both_languages() -> None:
    for vocabulary in needs.VOCABULARY.values():
        assert all(name in wording.FEATURES for name in vocabulary.features)
        assert all(name in wording.MEASURES for name in vocabulary.measures)


def test_numbers_and_lengths_read_as_people_write_them() -> None:
    def plain(text: str) -> str:
        return text.replace(wording.NBSP, " ").replace(wording.NARROW, "_")

    assert plain(wording.money(125_050).fr) == "1_250,50 €"
    assert plain(wording.length(timedelta(minutes=90)).fr) == "1 h 30"
    assert plain(wording.length(timedelta(days=2)).fr) == "2 jours"
    assert plain(wording.measure("child_seats", 1).fr) == "1 siège enfant"
    assert wording.day(datetime(2026, 12, 1, 12, tzinfo=UTC)).fr.endswith("1er\u00a0décembre")
