"""The demonstration: what a newcomer sees after one command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from polepool_local.demo.load import Keys
from polepool_local.demo.stage import Stage, perform
from polepool_local.home import Home
from polepool_local.ports import free_ports
from polepool_local.running import supervisor_of

NOWHERE = "http://127.0.0.1"


def play_once(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "polepool_local.demo", "--once", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own


@pytest.mark.timeout(300)
def test_the_story_holds_on_a_new_machine_and_again_on_what_it_left(tmp_path: Path) -> None:
    first, second = play_once(tmp_path / "state"), play_once(tmp_path / "state")
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    for said in (first.stdout, second.stdout):
        assert "The story held" in said
        assert re.search(r"booking_confirmed\.v1\s+id [0-9a-f-]{36}", said)
        assert "409 slot_taken" in said
    assert supervisor_of(Home(tmp_path / "state")) is None


async def test_a_story_that_breaks_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_ports(1)[0]
    away = f"{NOWHERE}:{port}"
    stage = Stage(
        services=dict.fromkeys(("membership", "pooling", "notifications"), away),
        kafka=f"127.0.0.1:{port}",
        mails=away,
        mails_by_mailpit=False,
        hooks=away,
        hooks_from_services=away,
        keys=Keys("nobody@polepool-demo.example", "no password of anybody"),
    )
    assert not await perform(stage, Console())
    assert "The story broke at «loading the territory»" in " ".join(capsys.readouterr().out.split())
