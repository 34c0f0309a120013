"""From a code and what fills it to words, in French and English.

What others wrote (names, titles) is put on one line, without control characters, and only ever into plain text;
the mail's HTML escapes that plain text as a whole.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined, Template

from notifications.texts.formats import distance, moment, money, period, pole, price_asked, typeset

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")
LONGEST = 160
"""Characters of a name or title that a text shows."""
QUOTES: Mapping[Language, tuple[str, str]] = {"fr": ("« ", " »"), "en": ("“", "”")}
TITLES = frozenset({"resource", "request", "title"})

# Plain text: what is escaped is escaped once, by the mail's HTML layout.
_PLAIN = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701


@dataclass(frozen=True, slots=True)
class Words:
    """A rendered text: one line, and paragraphs separated by empty lines."""

    subject: str
    body: str


def one_line(text: str) -> str:
    """The text on one line, shortened, without control, direction or invisible characters; tied spaces stay tied."""
    spaced = re.sub(r"[^\S\u00a0\u202f]+", " ", text)
    visible = "".join(each for each in spaced if unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    short = visible.strip()
    return short if len(short) <= LONGEST else short[: LONGEST - 1].rstrip() + "…"


@cache
def _texts(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads((files("notifications.texts") / f"{language}.toml").read_text("utf-8"))


@cache
def _template(text: str) -> Template:
    """Compiled once: the texts are the files' own, so that there are few."""
    return _PLAIN.from_string(text)


def codes() -> set[str]:
    """The codes of all texts."""
    return set(_texts("fr")) - {"words", "mail"}


def render(code: str, params: Mapping[str, Any], language: Language) -> Words:
    """The words of a notification. Raises KeyError on an unknown code."""
    text, values = _texts(language)[code], _values(params, language)
    subject = one_line(_template(text["subject"]).render(values))
    body = _template(text["body"].strip()).render(values)
    return Words(_written(subject, language), _written(re.sub(r"\n{3,}", "\n\n", body).strip(), language))


def render_together(told: Sequence[tuple[str, Mapping[str, Any]]], language: Language) -> Words:
    """The words of one notification, or of several matches of a request. Raises KeyError on an unknown code."""
    if len(told) == 1:
        return render(*told[0], language)
    matches = [params for _, params in told]
    return render("matches_requester", {"request": matches[-1]["request"], "matches": matches}, language)


def _written(text: str, language: Language) -> str:
    """As people write: paragraphs begin with a capital, also those that begin with what stands for a name."""
    return typeset(re.sub(r"(?:\A|\n\n)\w", lambda first: first[0].upper(), text), language)


def mail_words(language: Language, name: str, link: str) -> dict[str, str]:
    """What a mail says around the text: greeting, link (on a line of its own: `link_line`), footer."""
    words, visible = _texts(language)["mail"], one_line(name)
    shown = words | {"greeting": words["greeting" if visible else "greeting_unnamed"], "link": link}
    return {key: typeset(_template(text).render(name=visible, link=link), language) for key, text in shown.items()}


def _values(params: Mapping[str, Any], language: Language) -> dict[str, Any]:
    values: dict[str, Any] = dict(_texts(language)["words"]) | {"by": None, "expires": None, "reasons": []}
    values |= {key: _shown(key, value, language) for key, value in params.items() if value is not None}
    if "start" in params:
        values["period"] = period(params["start"], params["end"], language)
    if "price_cents" in params:
        values["price"] = money(params["price_cents"], language)
        values["for_price"] = price_asked(params["price_cents"], language)
    if "distance_m" in params:
        values["distance"] = distance(params["distance_m"], language)
    if params.get("expires_at"):
        values["expires"] = moment(params["expires_at"], language)
    return values


def _shown(key: str, value: Any, language: Language) -> Any:
    if key == "matches":
        return [_values(match, language) for match in value]
    if key == "reasons":
        return [one_line(reason[language]) for reason in value]
    if not isinstance(value, str):
        return value
    if key == "pole":
        return pole(one_line(value), language)
    opening, closing = QUOTES[language] if key in TITLES else ("", "")
    return f"{opening}{one_line(value)}{closing}"
