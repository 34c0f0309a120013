"""Times, money and distances as people write them, in French and in British English, in France's time."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

PARIS = ZoneInfo("Europe/Paris")
LOCALES = {"fr": "fr_FR", "en": "en_GB"}
FREE = {"fr": "0 € (gratuit)", "en": "€0 (free of charge)"}


def moment(iso: str, language: str) -> str:
    """`jeudi 26 novembre 2026 à 9 h 30`, `Thursday 26 November 2026 at 09:30`; `iso` has an offset."""
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
    """`12,50 €`, `€12.50`, or that it is free."""
    return format_currency(Decimal(cents) / 100, "EUR", locale=LOCALES[language]) if cents else FREE[language]


def distance(metres: int, language: str) -> str:
    """`12 km`, or that it is less than one."""
    if metres < 1000:
        return "moins d’un kilomètre" if language == "fr" else "less than a kilometre"
    return format_decimal(round(metres / 1000), locale=LOCALES[language]) + "\N{NO-BREAK SPACE}km"


def _local(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(PARIS)


def _day(local: datetime, language: str) -> str:
    return format_date(local.date(), "EEEE d MMMM y", locale=LOCALES[language])


def _time(local: datetime, language: str) -> str:
    if language == "en":
        return format_time(local, "HH:mm", tzinfo=PARIS, locale=LOCALES[language])
    return f"{local.hour}\N{NO-BREAK SPACE}h" + (f"\N{NO-BREAK SPACE}{local.minute:02d}" if local.minute else "")
