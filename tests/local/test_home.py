"""What is kept in the one folder: secrets made once, ports kept while they are free."""

import asyncio
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from polepool_local import ports, running
from polepool_local.home import LISTENERS, Home
from polepool_local.processes import NotStarted, Process
from polepool_local.supervisor import Row


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = home.open()
    assert home.open() == first
    for path in (home.signing_key, home.folder / "secrets.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.owners["pooling"] != first.apps["pooling"] != first.postgres


def test_databases_whose_passwords_are_gone_are_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(NotStarted, match=r"secrets\.json is gone"):
        Home(tmp_path).open()


def test_every_listener_has_a_port_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.ports()
    assert set(first) == set(LISTENERS)
    assert len(set(first.values())) == len(LISTENERS)
    assert home.ports() == first


def test_a_port_that_was_taken_in_between_is_replaced_and_only_that(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.ports()
    with socket.socket() as somebody:
        somebody.bind((ports.HOST, first["kafka"]))
        somebody.listen()
        second = home.ports()
    assert second["kafka"] != first["kafka"]
    assert {name: port for name, port in second.items() if name != "kafka"} == {
        name: port for name, port in first.items() if name != "kafka"
    }
    assert home.ports() == second


def test_ports_are_not_among_those_lent_to_outgoing_connections() -> None:
    assert all(port < 32_768 for port in ports.free_ports(50))


async def test_a_folder_is_run_by_one_process_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with running.held(home), pytest.raises(running.AlreadyRunning):
        await running.stop(home)
    assert await running.stop(home) is False


async def test_stop_leaves_a_folder_in_which_nothing_has_run_as_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path / "somebody's")
    assert await running.stop(home) is False
    assert not home.folder.exists()


@pytest.mark.parametrize("command", [("stop",), ("reset",), ("up",), ("demo",)])
async def test_whoever_comes_while_another_is_beginning_is_told_so(tmp_path: Path, command: tuple[str]) -> None:
    home = Home(tmp_path)
    with running.held(home):
        code, said = await run(*command, "--folder", str(tmp_path))
    assert (code, said.count("\n")) == (1, 1), said
    assert "is being run by another process" in said


async def test_status_does_not_say_of_a_process_that_ended_that_it_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rows = [Row(name="kafka", state="running", process=Process("kafka", os.getpid(), 1.0))]
    told = running.State(supervisor=running.this_process(), ports=home.ports(), ready=True, rows=rows)
    home.state.write_text(told.model_dump_json())
    code, said = await run("status", "--folder", str(tmp_path))
    assert code == 1
    assert re.search(r"^kafka +ended", said, re.MULTILINE), said


async def run(*arguments: str) -> tuple[int | None, str]:
    """The exit code of a command, and what it said."""
    module = ["polepool_local.demo"] if arguments[0] == "demo" else ["polepool_local", arguments[0]]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *module, *arguments[1:]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_half_written_line_about_a_launched_process_does_not_keep_the_rest_from_being_stopped(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    home.launched.write_text('{"name": "kafka", "pid": 1, "started": 1.0}\n{"name": "postg')
    assert await running.end_leftovers(home) is False
    assert not home.launched.exists()
