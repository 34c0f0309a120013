"""What of it runs with every test: thirty kills, and what the folder says of itself."""

import re
from pathlib import Path

import pytest

from tests.resilience.attack import attack, new_folder, random_kills
from tests.resilience.failpoints import FAILPOINTS
from tests.resilience.plants import PLANTS

SHIPPED = ("schemas", "chassis", "services")
README = Path(__file__).parent / "README.md"


@pytest.mark.timeout(400)
async def test_thirty_kills_of_anything_lose_double_and_invent_nothing(tmp_path: Path) -> None:
    report = await attack(new_folder(tmp_path, "run"), 20260101, random_kills(30))

    assert report.holds, report
    assert report.faults.total() == 30


def test_the_readme_lists_every_failpoint_and_every_planted_bug() -> None:
    text = README.read_text()

    assert [name for name in (*FAILPOINTS, *PLANTS) if f"`{name}`" not in text] == []
    assert len(FAILPOINTS) >= 20
    assert len(PLANTS) == 10


def test_what_is_shipped_knows_of_no_failpoint() -> None:
    shipped = [path for where in SHIPPED for path in Path(where).rglob("*.py")]
    copied = [line.split()[1:-1] for line in Path("deploy/Dockerfile").read_text().splitlines() if line[:5] == "COPY "]

    assert len(shipped) > 100
    assert [path for path in shipped if re.search("failpoint|resilience", path.read_text(), re.IGNORECASE)] == []
    named = [name for names in copied for name in names if not name.startswith("--")]
    assert {name.split("/")[0] for name in named} - {""} == {
        "locks",
        "schemas",
        "chassis",
        "services",
    }
