"""Times, money, distances and names as people write them, in French and in British English, in France's time."""

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

PARIS = ZoneInfo("Europe/Paris")
LOCALES = {"fr": "fr_FR", "en": "en_GB"}
FREE = {"fr": "gratuit", "en": "free of charge"}
SAYS_POLE = re.compile(r"(pôle|pole|ptce)\b", re.IGNORECASE)
"""Names that say themselves what they name."""


def moment(iso: str, language: str) -> str:
    """`jeudi 1er octobre 2026 à 9 h 30`, `Thursday 1 October 2026 at 09:30`; `iso` has an offset."""
    local = _local(iso)
    return f"{_day(local, language)} {'à' if language == 'fr' else 'at'} {_time(local, language)}"


def period(start: str, end: str, language: str) -> str:
    """`le jeudi 26 novembre 2026 de 9 h à 12 h 30`, or `du … au …` over several days."""
    first, last = _local(start), _local(end)
    if first.date() != last.date():
        begins, ends = moment(start, language), moment(end, language)
        return f"du {begins} au {ends}" if language == "fr" else f"from {begins} to {ends}"
    day, begins, ends = _day(first, language), _time(first, language), _time(last, language)
    return f"le {day} de {begins} à {ends}" if language == "fr" else f"on {day} from {begins} to {ends}"


def money(cents: int, language: str) -> str:
    """`12,50 €`, `€12.50`, or that it is free of charge."""
    return format_currency(Decimal(cents) / 100, "EUR", locale=LOCALES[language]) if cents else FREE[language]


def price_asked(cents: int, language: str) -> str:
    """`pour 12,50 €`, `for €12.50`, or that it is free, after a sentence's comma."""
    if not cents:
        return "gratuitement" if language == "fr" else FREE[language]
    return f"{'pour' if language == 'fr' else 'for'} {money(cents, language)}"


def pole(name: str, language: str) -> str:
    """What follows `le` in French, `pôle Sud` or `Pôle de Niort`; in English `the Sud pole` or `Pôle de Niort`."""
    if SAYS_POLE.match(name):
        return name
    return f"pôle {name}" if language == "fr" else f"the {name} pole"


def distance(metres: int, language: str) -> str:
    """`12 km`, or that it is less than one."""
    if metres < 1000:
        return "moins d’un kilomètre" if language == "fr" else "less than a kilometre"
    return format_decimal(round(metres / 1000), locale=LOCALES[language]) + "\N{NO-BREAK SPACE}km"


def typeset(text: str, language: str) -> str:
    """The text with the spaces that French ties to its punctuation: lines never begin with a colon."""
    if language != "fr":
        return text
    tied = re.sub(r" (?=[:»])|(?<=«) ", "\N{NO-BREAK SPACE}", text)
    return re.sub(r" (?=[;!?])", "\N{NARROW NO-BREAK SPACE}", tied)


def _local(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(PARIS)


def _day(local: datetime, language: str) -> str:
    first = language == "fr" and local.day == 1
    return format_date(local.date(), "EEEE d'er' MMMM y" if first else "EEEE d MMMM y", locale=LOCALES[language])


def _time(local: datetime, language: str) -> str:
    if language == "en":
        return format_time(local, "HH:mm", tzinfo=PARIS, locale=LOCALES[language])
    return f"{local.hour}\N{NO-BREAK SPACE}h" + (f"\N{NO-BREAK SPACE}{local.minute:02d}" if local.minute else "")
