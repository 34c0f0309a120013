"""What of the upgrade runs with every test: the next release can still be made, and a process of it is really of it."""

from pathlib import Path

import pytest

from tests.resilience import release
from tests.resilience.release import Change, Outdated, next_release


@pytest.fixture
async def tree(tmp_path: Path) -> Path:
    """The next release."""
    return await next_release(Path.cwd(), tmp_path / "next")


async def test_the_next_release_is_made_and_runs_from_its_own_folder(tree: Path) -> None:
    code, said = await release.run(tree, "pooling", "--help")

    assert code == 0, said
    with pytest.raises(ImportError, match="not from"):
        release.check(tree, "pooling")  # this process is of the checkout


async def test_a_change_that_no_longer_fits_the_checkout_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Change("schemas/src/schemas/pooling/bookings.py", "a text that was moved", "")
    monkeypatch.setattr(release, "CHANGES", (gone,))

    with pytest.raises(Outdated, match="a text that was moved"):
        await next_release(Path.cwd(), tmp_path / "next")
