"""The communes table: who is in it, how well it is placed, how it is searched."""

import subprocess
import sys
import time
from math import hypot

import pytest

from chassis import communes
from chassis.errors import Invalid

PLACES = {
    "79191": ("Niort", "79", 46.32, -0.46),
    "01093": ("Châtillon-sur-Chalaronne", "01", 46.12, 4.96),
    "01427": ("Trévoux", "01", 45.94, 4.77),
    "01443": ("Villars-les-Dombes", "01", 46.00, 5.03),
    "01348": ("Saint-Didier-sur-Chalaronne", "01", 46.18, 4.82),
    "01420": ("Thoissey", "01", 46.17, 4.80),
    "69019": ("Belleville-en-Beaujolais", "69", 46.11, 4.75),
    "2A004": ("Ajaccio", "2A", 41.92, 8.74),
    "97411": ("Saint-Denis", "974", -20.88, 55.45),
    "69383": ("Lyon 3e Arrondissement", "69", 45.76, 4.85),
}


@pytest.mark.parametrize(("insee", "expected"), PLACES.items())
def test_a_commune_is_found_by_its_insee_code(insee: str, expected: tuple[str, str, float, float]) -> None:
    commune = communes.find(insee)
    assert (commune.name, commune.department) == expected[:2]
    assert hypot(commune.latitude - expected[2], commune.longitude - expected[3]) < 0.03
    assert commune.exact


@pytest.mark.parametrize("code", ["79000", "00000", "", "niort", "7919\x00", "01093 "])
def test_what_is_not_an_insee_code_is_refused_with_its_field(code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        communes.find(code, field="place.commune")
    assert "place.commune" in str(vars(refusal.value))


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("niort", "79191"),
        ("CHATILLON SUR CHAL", "01093"),
        ("châtillon-sur-chal", "01093"),
        ("st didier sur chalaronne", "01348"),
        ("Trévoux", "01427"),
        ("trevou", "01427"),
        ("villars les d", "01443"),
        ("l'abergement-clem", "01001"),
        ("abergement clem", "01001"),
        ("L’Abergement Clém", "01001"),
        ("thoiss", "01420"),
        ("belleville-en", "69019"),
        ("Œting", "57521"),
        ("oeting", "57521"),
    ],
)
def test_a_search_ignores_accents_case_hyphens_and_abbreviated_saints(typed: str, first: str) -> None:
    assert communes.search(typed, 5)[0].insee == first


def test_the_very_name_comes_first_then_the_most_populated() -> None:
    assert communes.search("y", 1)[0].name == "Y"
    lyons = communes.search("lyon", 20)
    assert lyons[0].insee == "69123"
    begin = [c.population for c in lyons[1:] if communes.fold(c.name).startswith("lyon")]
    assert begin == sorted(begin, reverse=True)


@pytest.mark.parametrize("typed", ["", "   ", "-", "\x00", "\ud800", "%", "x" * 10_000])
def test_a_search_for_nothing_finds_nothing(typed: str) -> None:
    assert communes.search(typed) == []


def test_the_limit_is_kept() -> None:
    assert len(communes.search("saint", 7)) == 7
    assert communes.search("saint", 0) == []


def test_every_commune_has_coordinates_in_france_and_most_inhabitants_an_exact_place() -> None:
    everything = list(communes._table().values())
    assert len(everything) == 35_002
    assert len({c.insee for c in everything}) == len(everything)
    metropolitan = [c for c in everything if not c.insee.startswith(("97", "98"))]
    assert all(41.3 < c.latitude < 51.1 and -5.2 < c.longitude < 9.6 for c in metropolitan)
    exact = sum(c.population for c in everything if c.exact) / sum(c.population for c in everything)
    assert exact > 0.9


def test_no_commune_lies_far_from_its_department() -> None:
    """A namesake's coordinates elsewhere in the region would."""
    places: dict[str, list[communes.Commune]] = {}
    for commune in communes._table().values():
        places.setdefault(commune.department, []).append(commune)
    for department in (d for d in places if len(d) == 2):
        latitudes = sorted(c.latitude for c in places[department])
        longitudes = sorted(c.longitude for c in places[department])
        middle = latitudes[len(latitudes) // 2], longitudes[len(longitudes) // 2]
        for commune in places[department]:
            assert hypot(commune.latitude - middle[0], (commune.longitude - middle[1]) * 0.7) < 1.3, commune


def test_importing_reads_nothing_and_a_search_is_quick() -> None:
    code = "import chassis.communes as c; assert c._table.cache_info().currsize == 0"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 our own code
    communes.search("warm up")
    start = time.process_time()
    for _ in range(20):
        communes.search("saint", 10)
    assert (time.process_time() - start) / 20 < 0.1
