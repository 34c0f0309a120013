"""A wheel holds everything its package reads at run time, also what stands outside src behind a symbolic link."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.architecture.tree import PACKAGES, ROOT, SERVICES, files

DATA = {
    "schemas": {"schemas/topics.yaml", "schemas/py.typed"},
    "chassis": {"chassis/data/communes.csv.gz", "chassis/data/SOURCES.md", "chassis/py.typed"},
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_is_complete(package: str, tmp_path: Path) -> None:
    home = PACKAGES[package].parent
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        held = {name: archive.getinfo(name).file_size for name in archive.namelist()}
    for name in expected(package):
        assert name in held, f"{name} is not in the wheel"
        assert held[name] > 0 or name.endswith(("py.typed", "__init__.py")), f"{name} is empty in the wheel"


def expected(package: str) -> set[str]:
    """Every file of the package's source folder, the folders behind its links, and its data."""
    source = PACKAGES[package]
    names = {str(path.relative_to(source)) for path in files() if path.is_relative_to(source)}
    for link in (path for path in source.rglob("*") if path.is_symlink() and path.is_dir()):
        names |= {str((link / path.name).relative_to(source)) for path in link.iterdir() if path.is_file()}
    return names | DATA.get(package, set())


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_stand_beside_the_source_and_are_linked_into_it(service: str) -> None:
    link = PACKAGES[service] / service / "migrations"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "services" / service / "migrations"
    assert list(link.glob("*.sql"))
