"""Words: every text exists in both languages, reads as French and English do, and no one else's text breaks it."""

import re

import pytest

from notifications.texts import LANGUAGES, Language, _texts, codes, mail_words, one_line, render
from notifications.texts.formats import distance, moment, money, period

PARAMS = {
    "resource": "Minibus", "request": "Sortie du jeudi", "owner": "Les Ateliers", "requester": "La Ferme",
    "organisation": "La Ferme", "pole": "Val de Saône", "lead": "Roue Libre", "title": "Ateliers mobiles",
    "url": "https://erp.example.org/in", "reason": "gone", "by": "owner", "price_cents": 1250, "distance_m": 12_400,
    "start": "2026-11-26T08:00:00+00:00", "end": "2026-11-26T11:30:00+00:00",
    "expires_at": "2026-11-25T17:00:00+00:00", "reasons": [{"fr": "Neuf places", "en": "Nine seats"}],
}  # fmt: skip


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
    assert "\n" not in words.subject


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
    assert period("2026-11-26T22:00:00+00:00", "2026-11-27T01:00:00+00:00", "en") == (
        "from Thursday 26 November 2026 at 23:00 to Friday 27 November 2026 at 02:00"
    )


def test_money_and_distances_read_as_people_write_them() -> None:
    assert money(1250, "fr").replace("\u202f", "\xa0") == "12,50\xa0€"
    assert money(123456, "en") == "€1,234.56"
    assert money(0, "fr") == "0 € (gratuit)"
    assert distance(12_400, "fr") == "12\xa0km"
    assert distance(300, "en") == "less than a kilometre"


def test_foreign_text_stays_on_one_line_and_is_shortened() -> None:
    assert one_line("Minibus\r\nBcc: all@example.org\x00\u202e\u200b") == "Minibus Bcc: all@example.org"
    assert len(one_line("x" * 500)) == 160
    words = render("booking_held_owner", PARAMS | {"resource": "Minibus\r\nBcc: x", "requester": "{{ 7*7 }}"}, "fr")
    assert "\n" not in words.subject
    assert "{{ 7*7 }} souhaite" in words.body


def test_a_person_without_a_name_is_greeted_all_the_same() -> None:
    assert mail_words("fr", " \n ")["greeting"] == "Bonjour,"
    assert mail_words("en", "Zoé")["greeting"] == "Hello Zoé,"
