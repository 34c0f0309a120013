"""What a newcomer's first `make` does, on a Python that can't do it all."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path("deploy/local/install.py")
# Only what it starts, such as the Python that is to install pip, can't run.
WITHOUT_PIP = "import os, runpy; os.environ['PYTHONIOENCODING'] = 'none'; runpy.run_path({!r}, run_name='__main__')"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a folder where there is nothing to install."""
    made = tmp_path / INSTALL
    made.parent.mkdir(parents=True)
    shutil.copyfile(Path(__file__).parents[2] / INSTALL, made)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "local.txt").touch()
    return made


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)  # noqa: S603 - our own


def test_without_the_module_that_brings_pip_it_says_what_to_install_and_the_next_run_heals(script: Path) -> None:
    first = run("-c", WITHOUT_PIP.format(str(script)))
    assert (first.returncode, "install python3-venv" in first.stdout, first.stderr) == (1, True, "")
    run(str(script))
    pip = script.parents[2] / ".venv" / "bin" / "pip"
    assert subprocess.run([pip, "--version"], check=False).returncode == 0  # noqa: S603 - made just now
