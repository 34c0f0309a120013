"""The demonstration: what a newcomer sees after one command."""

import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from rich.console import Console

from chassis.testing import Parts, fresh_topics, produce_events
from chassis.topics import apply, wanted
from polepool_local.addresses import Addresses
from polepool_local.demo.load import Cast, Keys
from polepool_local.demo.narrator import Narrator
from polepool_local.demo.scene import Scene
from polepool_local.demo.sinks import Sinks, local_mails
from polepool_local.demo.stage import Stage, perform
from polepool_local.demo.story import poles_exist
from polepool_local.demo.tap import open_tap
from polepool_local.home import Home
from polepool_local.ports import free_ports
from polepool_local.running import supervisor_of
from schemas import golden
from schemas.catalogue import topics
from schemas.membership import PoleChanged

NOWHERE = "http://127.0.0.1"


def play_once(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "polepool_local.demo", "--once", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=420)  # noqa: S603 - our own


@pytest.mark.timeout(900)  # the first time, the matching engine is compiled
def test_the_story_holds_on_a_new_machine_and_again_on_what_it_left(tmp_path: Path) -> None:
    first, second = play_once(tmp_path / "state"), play_once(tmp_path / "state")
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    for said in (first.stdout, second.stdout):
        assert re.search(r"Everything runs, after \d+\.\d s", said)
        assert re.search(r"The story held in \d+\.\d s", said)
        assert re.search(r"booking_confirmed\.v1\s+id [0-9a-f-]{36}", said)
        assert "409 slot_taken" in said
        told = " ".join(said.split())
        assert "the second request would stay unserved" in told
        assert re.search(r"Planned for the theatre: [^✓]*: both are served", told)
    assert supervisor_of(Home(tmp_path / "state")) is None


async def test_a_pole_that_was_changed_since_it_opened_still_exists(parts: Parts) -> None:
    await fresh_topics(parts, *topics())
    await apply(wanted(topics().values()), parts.kafka_bootstrap)
    changed = golden.event(PoleChanged.TYPE)
    await produce_events(parts, [changed])  # and what opened it is gone: the topic is compacted
    async with open_tap(parts.kafka_bootstrap) as tap, aiohttp.ClientSession() as http:
        cast = Cast({"niort": changed.aggregate.id}, {}, {})
        sinks = Sinks(http, local_mails(http, NOWHERE), NOWHERE, NOWHERE)
        await poles_exist(Scene(cast, Keys("", ""), tap, sinks, Narrator(Console())))


@pytest.mark.parametrize(("up", "ended"), [(True, []), (False, ["compose down --timeout 10"])])
def test_containers_are_ended_only_by_who_began_them_and_what_they_made_stays(
    tmp_path: Path, up: bool, ended: list[str]
) -> None:
    docker = tmp_path / "docker"
    said = "echo 0123456789ab" if up else ":"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ncase "$2" in ps) {said};; up) exit 1;; esac\n')
    docker.chmod(0o755)
    played = play_composed(str(tmp_path))
    assert (played.returncode, "docker compose up failed" in played.stdout) == (1, True), played.stdout
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [each for each in asked if each.startswith("compose down")] == ended


def test_without_docker_it_says_so(tmp_path: Path) -> None:
    played = play_composed(str(tmp_path))
    assert (played.returncode, played.stdout) == (1, "docker is not installed\n")


def play_composed(path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "polepool_local.demo", "--once", "--compose"]
    return subprocess.run(  # noqa: S603 - our own
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": path},
        text=True,
        check=False,
        timeout=60,
    )


async def test_a_story_that_breaks_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_ports(1)[0]
    away = f"{NOWHERE}:{port}"
    addresses = Addresses(away, away, away, kafka=f"127.0.0.1:{port}", mails=away, webhooks=away)
    keys = Keys("nobody@polepool-demo.example", "no password of anybody")
    stage = Stage(addresses, mails_by_mailpit=False, hooks_from_services=away, keys=keys)
    assert not await perform(stage, Console())
    assert "The story broke at «loading the territory»" in " ".join(capsys.readouterr().out.split())
