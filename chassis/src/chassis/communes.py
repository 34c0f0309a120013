"""The communes of France: INSEE code, name, department, population and coordinates, and a search by name.

The table is made by deploy/data/make_communes.py; data/SOURCES.md says from what and under which licences.
It is read on first use (about 0.1 s), never on import.
"""

import csv
import gzip
import io
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from importlib.resources import files

from chassis.errors import Invalid

LETTERS = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "’": "'"})


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune, or an arrondissement of Paris, Lyon or Marseille; degrees are WGS 84.

    `exact` is False where the coordinates are those of its neighbourhood: the centre of the known communes of its
    postal code (median error 5 km) or, rarely, of a larger group.
    """

    insee: str
    name: str
    department: str
    population: int
    latitude: float
    longitude: float
    exact: bool


def find(insee: str, field: str = "commune") -> Commune:
    """The commune of an INSEE code (not a postal code); raises Invalid naming `field` when there is none."""
    found = _table().get(insee)
    if found is None:
        raise Invalid(field=field, rule="must be the INSEE code of a French commune")
    return found


def search(prefix: str, limit: int = 10) -> list[Commune]:
    """Communes of which a word begins what was typed, whatever its accents, case, hyphens and "St" for "Saint".

    First the very name, then names that begin so, then the others; the most populated first.
    """
    typed = fold(prefix)
    if not typed or limit < 1:
        return []
    hits = ((name, commune) for name, commune in _names() if f" {typed}" in name)
    return [commune for _, commune in nsmallest(limit, hits, key=lambda hit: _rank(typed, *hit))]


def fold(name: str) -> str:
    """A name as it is compared: plain lower-case letters, single spaces, "saint" in full."""
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS)).encode("ascii", "ignore").decode().lower()
    words = re.split(r"[^a-z0-9]+", plain)
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words if word)


def _rank(typed: str, name: str, commune: Commune) -> tuple[bool, bool, int, str]:
    return name != f" {typed}", not name.startswith(f" {typed}"), -commune.population, commune.insee


@cache
def _table() -> dict[str, Commune]:
    packed = (files("chassis") / "data" / "communes.csv.gz").read_bytes()
    rows = csv.reader(io.StringIO(gzip.decompress(packed).decode()))
    next(rows)
    return {
        insee: Commune(insee, name, department, int(population), float(lat), float(lon), precision == "commune")
        for insee, name, department, population, lat, lon, precision in rows
    }


@cache
def _names() -> list[tuple[str, Commune]]:
    return [(f" {fold(commune.name)}", commune) for commune in _table().values()]
