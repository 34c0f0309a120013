"""Numbers, dates and characteristics as a French and an English reader expect them. Hours are those of Paris."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.event import Period, Text

remembered = lru_cache(maxsize=4096)
"""The same prices, lengths and moments are told again and again."""
PARIS = ZoneInfo("Europe/Paris")
NBSP = "\u00a0"
NARROW = "\u202f"
DAYS_FR = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS_FR = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Word(NamedTuple):
    """A characteristic: how it reads when it is there, and when it is missing."""

    fr: str
    en: str
    fr_missing: str
    en_missing: str


def _skill(fr: str, en: str) -> Word:
    return Word(fr, en, f"Compétence absente{NBSP}: {fr}", f"Missing skill: {en}")


def _energy(fr: str, en: str) -> Word:
    return Word(fr, en, f"Pas {fr}", f"Not {en}")


FEATURES: dict[str, Word] = {
    "ramp": Word("rampe pour fauteuil", "wheelchair ramp", "Pas de rampe pour fauteuil", "No wheelchair ramp"),
    "tow_bar": Word("attelage", "tow bar", "Pas d’attelage", "No tow bar"),
    "petrol": _energy("à essence", "petrol"),
    "diesel": _energy("diesel", "diesel"),
    "electric": _energy("électrique", "electric"),
    "hybrid": _energy("hybride", "hybrid"),
    "gas": _energy("au gaz", "gas"),
    "muscle": Word("sans moteur", "human-powered", "À moteur", "Not human-powered"),
    "accessible": Word("accessible en fauteuil", "step-free", "Pas accessible en fauteuil", "Not step-free"),
    "projector": Word("vidéoprojecteur", "projector", "Pas de vidéoprojecteur", "No projector"),
    "kitchen": Word("cuisine", "kitchen", "Pas de cuisine", "No kitchen"),
    "internet": Word("accès à internet", "internet access", "Pas d’accès à internet", "No internet access"),
    "accounting": _skill("comptabilité", "accounting"),
    "driving": _skill("conduite", "driving"),
    "communication": _skill("communication", "communication"),
    "it_support": _skill("assistance informatique", "IT support"),
    "human_resources": _skill("ressources humaines", "human resources"),
    "legal": _skill("droit", "law"),
    "training": _skill("formation", "training"),
    "maintenance": _skill("entretien", "maintenance"),
    "cooking": _skill("cuisine", "cooking"),
    "fundraising": _skill("recherche de financements", "fundraising"),
    "remote": Word("à distance", "remote work", "Pas de travail à distance", "No remote work"),
}
MEASURES: dict[str, tuple[str, str, str, str]] = {
    "seats": ("{} place", "{} places", "{} seat", "{} seats"),
    "child_seats": ("{} siège enfant", "{} sièges enfant", "{} child seat", "{} child seats"),
    "payload_kg": ("charge utile de {} kg", "charge utile de {} kg", "{} kg of payload", "{} kg of payload"),
    "capacity": ("{} personne", "{} personnes", "{} person", "{} people"),
    "area_m2": ("{} m²", "{} m²", "{} m²", "{} m²"),
}


@remembered
def measure(name: str, value: int) -> Text:
    """« 9 places », "9 seats". French is singular up to one, English for one only."""
    fr_one, fr_many, en_one, en_many = MEASURES[name]
    fr = (fr_one if value < 2 else fr_many).replace("{} ", "{}" + NBSP)
    return Text(fr=fr.format(_grouped(value, NARROW)), en=(en_one if value == 1 else en_many).format(f"{value:,}"))


@remembered
def money(cents: int) -> Text:
    """« 35,50 € », "€35.50"; no cents when there are none."""
    euros, rest = divmod(cents, 100)
    fr = _grouped(euros, NARROW) + (f",{rest:02}" if rest else "")
    return Text(fr=f"{fr}{NBSP}€", en=f"€{euros:,}" + (f".{rest:02}" if rest else ""))


@remembered
def length(time: timedelta) -> Text:
    """« 4 h », « 1 h 30 », « 2 jours »; "4 h", "1 h 30 min", "2 days"."""
    minutes = time // timedelta(minutes=1)
    days, hours, rest = minutes // 1440, minutes // 60, minutes % 60
    if minutes % 1440 == 0 and days:
        return Text(fr=f"{days}{NBSP}jour{'s' * (days > 1)}", en=f"{days} day{'s' * (days > 1)}")
    if not hours:
        return Text(fr=f"{rest}{NBSP}min", en=f"{rest} min")
    if not rest:
        return Text(fr=f"{hours}{NBSP}h", en=f"{hours} h")
    return Text(fr=f"{hours}{NBSP}h{NBSP}{rest:02}", en=f"{hours} h {rest} min")


@remembered
def kilometres(metres: int, *, exact: bool = False) -> Text:
    """« 12 km », "12 km"; with tenths when `exact`."""
    tenths = (metres + 50) // 100 if exact else (metres + 500) // 1000 * 10
    whole, tenth = divmod(tenths, 10)
    fr = _grouped(whole, NARROW) + (f",{tenth}" if tenth else "")
    return Text(fr=f"{fr}{NBSP}km", en=f"{whole:,}" + (f".{tenth}" if tenth else "") + " km")


@remembered
def hour(moment: datetime) -> Text:
    """« 14 h 30 », "14:30"."""
    local = moment.astimezone(PARIS)
    minutes = f"{NBSP}{local.minute:02}" if local.minute else ""
    return Text(fr=f"{local.hour}{NBSP}h{minutes}", en=f"{local.hour}:{local.minute:02}")


@remembered
def day(moment: datetime) -> Text:
    """« jeudi 26 novembre », "Thursday 26 November"."""
    local = moment.astimezone(PARIS)
    number = "1er" if local.day == 1 else str(local.day)
    return Text(
        fr=f"{DAYS_FR[local.weekday()]} {number}{NBSP}{MONTHS_FR[local.month - 1]}",
        en=f"{DAYS_EN[local.weekday()]} {local.day} {MONTHS_EN[local.month - 1]}",
    )


def days(period: Period) -> Text:
    """« le jeudi 26 novembre », « du jeudi 26 novembre au samedi 28 novembre »."""
    first, last = day(period.start), day(period.end - timedelta(microseconds=1))
    if first == last:
        return Text(fr=f"le {first.fr}", en=f"on {first.en}")
    return Text(fr=f"du {first.fr} au {last.fr}", en=f"from {first.en} to {last.en}")


def moment(at: datetime) -> Text:
    """« jeudi 26 novembre à 14 h », "Thursday 26 November at 14:00"."""
    date, time = day(at), hour(at)
    return Text(fr=f"{date.fr} à {time.fr}", en=f"{date.en} at {time.en}")


def ending(at: datetime) -> Text:
    """The same, but an end at 0 h is midnight of the day before."""
    date, time = _end(at)
    return Text(fr=f"{date.fr} à {time.fr}", en=f"{date.en} at {time.en}")


@remembered
def when(period: Period) -> Text:
    """« Le jeudi 26 novembre de 9 h à 13 h », « Du jeudi 26 novembre à 9 h au samedi 28 novembre à minuit »."""
    first, start = day(period.start), hour(period.start)
    last, end = _end(period.end)
    if first == last:
        return Text(fr=f"Le {first.fr} de {start.fr} à {end.fr}", en=f"On {first.en} from {start.en} to {end.en}")
    return Text(
        fr=f"Du {first.fr} à {start.fr} au {last.fr} à {end.fr}",
        en=f"From {first.en} at {start.en} to {last.en} at {end.en}",
    )


def _end(at: datetime) -> tuple[Text, Text]:
    """The day and the hour of an end."""
    local = at.astimezone(PARIS)
    if (local.hour, local.minute) == (0, 0):
        return day(at - timedelta(minutes=1)), Text(fr="minuit", en="midnight")
    return day(at), hour(at)


def _grouped(number: int, separator: str) -> str:
    return f"{number:,}".replace(",", separator)
