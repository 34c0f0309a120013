"""The engine is compiled once, for all processes of an installation."""

import subprocess
import sys

import pytest


def told() -> str:
    """What the command that an installation runs says in the end."""
    command = [sys.executable, "-m", "pooling.planning.ready"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return done.stdout.splitlines()[-1]


@pytest.mark.timeout(600)  # what isn't compiled yet is compiled
def test_what_one_process_has_compiled_the_next_one_only_reads() -> None:
    told()
    assert "there already" in told()
