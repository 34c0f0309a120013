"""Why a match is good, and what a near miss misses: codes that stay, and sentences for people.

A sentence never tells who booked or who asks: a taken slot is just taken.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pooling.domain import wording
from pooling.domain.offers import Asker, Offer
from pooling.domain.periods import clipped, first_fit
from schemas.event import Period, Text
from schemas.pooling import Kind, Line, Reason, Ring

NAMED_UNASKED = {Kind.VEHICLE: "seats", Kind.PREMISES: "capacity"}
"""The measure that tells most about a kind: told even when nobody asked for it."""


def good(
    line: Line, offer: Offer, asker: Asker, period: Period, metres: int, price: int, cheapest_of: int
) -> list[Reason]:
    """Why this offer fits: near, fitting, cheap, from whom, when. `cheapest_of` is 0 unless it is the cheapest."""
    return [
        _distance(line, offer, metres),
        fit(line, offer),
        _price(price, period, cheapest_of),
        _circle(offer, asker),
        Reason(code="period", text=wording.when(period)),
    ]


def _distance(line: Line, offer: Offer, metres: int) -> Reason:
    if offer.place.commune == line.place.commune:
        return reason("distance", "Dans la même commune", "In the same commune")
    return distance(metres)


def distance(metres: int) -> Reason:
    """« À 12 km », "12 km away"."""
    if metres < 1000:
        return reason("distance", f"À moins de 1{wording.NBSP}km", "Less than 1 km away")
    far = wording.kilometres(metres)
    return reason("distance", f"À {far.fr}", f"{far.en} away")


def fit(line: Line, offer: Offer) -> Reason:
    """« 9 places, rampe pour fauteuil »: what the offer has of what was asked for, or of what tells most about it."""
    told = dict.fromkeys(line.at_least) or dict.fromkeys(
        [NAMED_UNASKED[line.kind]] if line.kind in NAMED_UNASKED else []
    )
    parts = [wording.measure(name, offer.measures.get(name, 0)) for name in told]
    wanted = line.features or (offer.features if line.kind is Kind.STAFF else ())
    parts += [Text(fr=wording.FEATURES[name].fr, en=wording.FEATURES[name].en) for name in wanted]
    fr, en = ", ".join(part.fr for part in parts), ", ".join(part.en for part in parts)
    return reason("fit", fr[:1].upper() + fr[1:], en[:1].upper() + en[1:])


def _price(price: int, period: Period, cheapest_of: int) -> Reason:
    told = cost(price, period.end - period.start)
    if price == 0 or cheapest_of < 2:
        return told
    fr, en = told.text.fr, told.text.en
    return reason("price", f"{fr}, le tarif le plus bas des {cheapest_of}", f"{en}, the lowest price of {cheapest_of}")


def cost(price: int, length: timedelta) -> Reason:
    """« 12,50 € pour 2 h », "€12.50 for 2 h"; cents that a time costs."""
    if price == 0:
        return reason("price", "Gratuit", "Free of charge")
    amount, time = wording.money(price), wording.length(length)
    return reason("price", f"{amount.fr} pour {time.fr}", f"{amount.en} for {time.en}")


def _circle(offer: Offer, asker: Asker) -> Reason:
    if offer.organisation_id == asker.organisation_id:
        return reason("circle", "De votre propre structure", "Your own organisation’s")
    if offer.pole_id == asker.pole_id:
        return reason("circle", "Dans votre pôle", "In your pole")
    if offer.ring is Ring.PARTNER_POLES:
        return reason("circle", "Dans un pôle partenaire", "In a partner pole")
    return reason("circle", "Dans un autre pôle, qui partage avec tous", "In another pole, which shares with all")


def too_far(metres: int, max_km: int) -> Reason:
    """By how much: told to the next tenth of a kilometre, so that it never reads zero."""
    excess = -(-(metres - max_km * 1000) // 100) * 100
    far, over = wording.kilometres(max_km * 1000 + excess, exact=True), wording.kilometres(excess, exact=True)
    return reason("too_far", f"À {far.fr}, soit {over.fr} de trop", f"{far.en} away, {over.en} too far")


def too_dear(price: int, most: int) -> Reason:
    """By how much."""
    asked, over = wording.money(price), wording.money(price - most)
    return reason("too_dear", f"{asked.fr}, soit {over.fr} de trop", f"{asked.en}, {over.en} over your limit")


def too_little(name: str, has: int, needed: int) -> Reason:
    """« 8 places au lieu de 9 »."""
    have, need = wording.measure(name, has), f"{needed:,}"
    fr_need = need.replace(",", wording.NARROW)
    return reason(f"too_little.{name}", f"{_capital(have.fr)} au lieu de {fr_need}", f"{have.en} instead of {need}")


def missing(name: str) -> Reason:
    """« Pas de rampe pour fauteuil »."""
    word = wording.FEATURES[name]
    return reason(f"missing.{name}", word.fr_missing, word.en_missing)


def not_free(
    window: Period, length: timedelta, free: Sequence[Period], offered: Sequence[Period], now: datetime
) -> Reason:
    """When it is free instead, or that it is too late, or that it is taken, or that it never was to be had then.

    `free` and `offered` lie inside the window. What has passed is no free time: it is left out.
    """
    start = max(window.start, now)
    if first_fit([window], window, length, now) is None:
        return reason("too_late", "Trop tard pour le créneau demandé", "Too late for the time asked for")
    left = clipped(free, Period(start=start, end=window.end))
    if not left:
        days = wording.days(window)
        if first_fit(offered, window, length, now):
            return reason("taken", f"Plus de créneau libre {days.fr}", f"Taken {days.en}")
        return reason("not_offered", f"Aucun créneau proposé {days.fr}", f"Not offered {days.en}")
    longest = max(left, key=lambda each: (each.end - each.start, start - each.start))
    if longest.end == window.end:
        since = wording.moment(longest.start)
        return reason("free_from", f"Libre seulement à partir du {since.fr}", f"Free only from {since.en}")
    if longest.start == start:
        until = wording.ending(longest.end)
        return reason("free_until", f"Libre seulement jusqu’au {until.fr}", f"Free only until {until.en}")
    when = wording.when(longest)
    return reason("free_between", f"Libre seulement {_small(when.fr)}", f"Free only {_small(when.en)}")


def planned_for_another(period: Period) -> Reason:
    """Why a proposal is withdrawn when the plan of the territory gives its time to another line."""
    when = wording.when(period)
    fr = f"{when.fr}, cette ressource est désormais prévue pour une autre demande"
    return reason("planned_for_another", fr, f"{when.en}, this resource is now planned for another request")


def instead(difference: int, period: Period) -> Reason:
    """What another place of a planned line comes to; `difference` is by how many cents it changes the plan's value."""
    when, amount = wording.when(period), wording.money(abs(difference))
    if difference == 0:
        return reason("instead", f"{when.fr}, tout aussi bien", f"{when.en}, just as good")
    fr, more_fr = ("mais", "moins") if difference < 0 else ("et", "plus")
    en, more_en = ("but", "less") if difference < 0 else ("and", "more")
    return reason(
        "instead",
        f"{when.fr}, {fr} le plan du territoire vaudrait {amount.fr} de {more_fr}",
        f"{when.en}, {en} the plan of the territory would be worth {amount.en} {more_en}",
    )


def late() -> Reason:
    """Why the plan of the territory has no place for a line that can no longer begin in its window."""
    return reason("late", "Trop tard pour le créneau demandé", "Too late for the time asked for")


def reason(code: str, fr: str, en: str) -> Reason:
    """A sentence in both languages, with a code that stays."""
    return Reason(code=code, text=Text(fr=fr, en=en))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
