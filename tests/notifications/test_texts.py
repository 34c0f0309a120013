"""Words: every text exists in both languages, reads as French and English do, and no one else's text breaks it."""

import re
from typing import Any

import pytest

from notifications.texts import LANGUAGES, Language, _texts, codes, mail_words, one_line, render
from notifications.texts.formats import distance, moment, money, period

PARAMS: dict[str, Any] = {
    "resource": "Minibus", "request": "Sortie du jeudi", "owner": "Les Ateliers", "requester": "La Ferme",
    "organisation": "La Ferme", "pole": "Pôle de Niort", "lead": "Roue Libre", "title": "Ateliers mobiles",
    "url": "https://erp.example.org/in", "reason": "gone", "by": "owner", "price_cents": 1250, "distance_m": 12_400,
    "start": "2026-11-26T08:00:00+00:00", "end": "2026-11-26T11:30:00+00:00",
    "expires_at": "2026-11-25T17:00:00+00:00", "reasons": [{"fr": "Neuf places", "en": "Nine seats"}],
}  # fmt: skip
PARAMS["matches"] = [dict(PARAMS), {**PARAMS, "resource": None, "owner": None}]


def test_both_languages_have_the_same_texts() -> None:
    french, english = _texts("fr"), _texts("en")
    assert {code: set(text) for code, text in french.items()} == {code: set(text) for code, text in english.items()}
    assert len(codes()) >= 16


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(codes()))
@pytest.mark.parametrize("known", [True, False])
def test_every_text_can_be_rendered_with_names_or_without(code: str, language: Language, known: bool) -> None:
    unknown = dict.fromkeys(("resource", "request", "owner", "requester", "organisation", "pole", "lead"))
    words = render(code, PARAMS | ({} if known else unknown), language)
    for text in (words.subject, words.body):
        assert text
        assert "None" not in text
        assert "{" not in text
        assert "\n\n\n" not in text
        assert not re.search(r"  | \.|\( | \)", text)
        assert not re.search(r" [:;!?»]|« ", text), "a line must not break there"
        assert not any(re.match(r"[a-zà-ÿ]", paragraph) for paragraph in text.split("\n\n"))
    assert "\n" not in words.subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(code for code in codes() if "{{ pole }}" in _texts("fr")[code]["body"]))
@pytest.mark.parametrize("name", ["Pôle de Niort", "PTCE Val de Saône", "Val de Saône", None])
def test_a_poles_name_that_says_that_it_is_one_is_not_told_so_again(
    code: str, language: Language, name: str | None
) -> None:
    words = render(code, PARAMS | {"pole": name}, language)
    for text in (words.subject, words.body):
        assert len(re.findall(r"\b(?:pôle|pole|ptce)\b", text.partition("\n\n")[0], re.IGNORECASE)) == 1


def test_poles_are_named_as_people_name_them() -> None:
    assert welcome("fr", "Pôle de Niort") == "Bienvenue dans le Pôle de Niort"
    assert welcome("fr", "Val de Saône") == "Bienvenue dans le pôle Val de Saône"
    assert welcome("fr", None) == "Bienvenue dans le pôle"
    assert welcome("en", "Pôle de Niort") == "Welcome to Pôle de Niort"
    assert welcome("en", "Val de Saône") == "Welcome to the Val de Saône pole"
    assert welcome("en", None) == "Welcome to the pole"
    assert render("member_refused", PARAMS | {"pole": "Sud"}, "en").body.startswith("The Sud pole has declined")


def welcome(language: Language, pole: str | None) -> str:
    """The subject of the text that greets a new member."""
    return render("member_joined", PARAMS | {"pole": pole}, language).subject


@pytest.mark.parametrize("code", ["member_left", "member_left_pole"])
def test_whoever_was_put_out_is_not_said_to_have_left(code: str) -> None:
    assert render(code, PARAMS, "fr").subject == "La Ferme ne fait plus partie du Pôle de Niort"
    assert render(code, PARAMS, "en").subject == "La Ferme is no longer in Pôle de Niort"
    for language in LANGUAGES:
        told = render("booking_cancelled_owner", PARAMS | {"by": "member_left"}, language).body
        assert not re.search("a quitté|has left", told)


def test_a_text_fits_titles_of_any_gender() -> None:
    told = render("match_requester", PARAMS | {"resource": "Salle de répétition", "owner": "Le Théâtre"}, "fr").body
    assert told.startswith("Le Théâtre propose «\xa0Salle de répétition\xa0», qui correspond à votre demande")


def test_a_text_without_names_begins_with_a_capital() -> None:
    unknown = PARAMS | dict.fromkeys(("requester", "lead"))
    assert render("booking_held_owner", unknown, "fr").body.startswith("Une structure souhaite réserver «\xa0Minibus")
    assert render("project_launched", unknown, "en").body.startswith("An organisation is launching a project")


def test_what_costs_nothing_is_said_to_be_free() -> None:
    free = PARAMS | {"price_cents": 0}
    assert render("booking_confirmed_owner", free, "fr").body.endswith("12\xa0h\xa030, gratuitement.")
    assert render("booking_confirmed_owner", free, "en").body.endswith("12:30, free of charge.")
    assert "Prix\xa0: gratuit." in render("match_requester", free, "fr").body
    assert render("booking_confirmed_owner", PARAMS, "fr").body.endswith("12\xa0h\xa030, pour 12,50\xa0€.")


def test_french_punctuation_never_begins_a_line() -> None:
    words = render("webhook_disabled", PARAMS | {"reason": "failing"}, "fr")
    assert words.subject == "Webhook désactivé"
    assert render("booking_expired_requester", PARAMS, "fr").body.endswith(
        "Le créneau est de nouveau libre\u202f; vous pouvez en poser une autre, ou choisir un autre moyen."
    )
    assert "répondre\xa0: personne" in mail_words("fr", "Zoé", "")["footer"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cancellation_says_who_and_why_to_each_side(language: Language) -> None:
    for code in ("booking_cancelled_owner", "booking_cancelled_requester"):
        bodies = {
            render(code, PARAMS | {"by": by}, language).body
            for by in ("owner", "requester", "member_left", "resource_withdrawn")
        }
        assert len(bodies) == 4


def test_times_are_those_of_france_in_summer_and_winter() -> None:
    assert moment("2026-11-25T17:00:00+00:00", "fr") == "mercredi 25 novembre 2026 à 18\xa0h"
    assert moment("2026-07-01T17:05:00+00:00", "en") == "Wednesday 1 July 2026 at 19:05"
    assert period("2026-11-26T08:00:00+00:00", "2026-11-26T11:30:00+00:00", "fr") == (
        "le jeudi 26 novembre 2026 de 9\xa0h à 12\xa0h\xa030"
    )
    assert moment("2026-12-31T23:00:00+00:00", "fr") == "vendredi 1er janvier 2027 à 0\xa0h"
    assert moment("2026-12-31T23:00:00+00:00", "en") == "Friday 1 January 2027 at 00:00"
    assert period("2026-11-26T22:00:00+00:00", "2026-11-27T01:00:00+00:00", "en") == (
        "from Thursday 26 November 2026 at 23:00 to Friday 27 November 2026 at 02:00"
    )


def test_money_and_distances_read_as_people_write_them() -> None:
    assert money(1250, "fr").replace("\u202f", "\xa0") == "12,50\xa0€"
    assert money(123456, "en") == "€1,234.56"
    assert money(0, "fr") == "gratuit"
    assert distance(12_400, "fr") == "12\xa0km"
    assert distance(300, "en") == "less than a kilometre"


def test_foreign_text_stays_on_one_line_and_is_shortened() -> None:
    assert one_line("Minibus\r\nBcc: all@example.org\x00\u202e\u200b") == "Minibus Bcc: all@example.org"
    assert one_line("à 12\xa0km, 1\u202f000\xa0€") == "à 12\xa0km, 1\u202f000\xa0€"
    assert len(one_line("x" * 500)) == 160
    words = render("booking_held_owner", PARAMS | {"resource": "Minibus\r\nBcc: x", "requester": "{{ 7*7 }}"}, "fr")
    assert "\n" not in words.subject
    assert "{{ 7*7 }} souhaite" in words.body


def test_a_person_without_a_name_is_greeted_all_the_same() -> None:
    assert mail_words("fr", " \n ", "")["greeting"] == "Bonjour,"
    assert mail_words("en", "Zoé", "")["greeting"] == "Hello Zoé,"


def test_each_language_has_its_own_colon_before_a_link() -> None:
    link = "https://polepool.example/"
    assert mail_words("fr", "Zoé", link)["link_line"] == f"Voir dans Polepool\xa0: {link}"
    assert mail_words("en", "Zoé", link)["link_line"] == f"Open Polepool: {link}"
