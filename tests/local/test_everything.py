"""The command that runs everything, as people use it: real PostgreSQL, Kafka and services in a folder of its own."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.testing import eventually
from polepool_local import running
from polepool_local.addresses import at
from polepool_local.administrator import NotMade, make_administrator
from polepool_local.environment import app_url
from polepool_local.home import SERVICES, Home
from polepool_local.processes import Process

TOPIC = "polepool.pooling.bookings"

pytestmark = pytest.mark.timeout(240)


class Here:
    """One folder, and the command run on it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "polepool_local", *arguments, "--folder", str(self.home.folder)]

    async def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and what it said."""
        command = self.command(*arguments)
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def up(self) -> None:
        code, said = await self.run("up", "--detach")
        assert code == 0, said

    def state(self) -> running.State:
        state = running.state(self.home)
        assert state is not None
        return state

    def process(self, name: str) -> Process | None:
        return next(row.process for row in self.state().rows if row.name == name)

    def pid(self, name: str) -> int:
        process = self.process(name)
        assert process is not None
        return process.pid

    def left(self) -> list[str]:
        """Processes, of whatever parent, that work in this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if str(self.home.folder) in " ".join(process.cmdline()) and process.pid != os.getpid():
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found

    def database(self, service: str = "pooling") -> str:
        return app_url(service, self.home.open(), self.state().ports)


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    """Everything up, in the background, and gone afterwards."""
    made = Here(tmp_path_factory.mktemp("local") / "home")
    try:
        await made.up()
        yield made
    finally:
        await made.run("stop")


async def topics(here: Here) -> set[str]:
    async with AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{here.state().ports['kafka']}") as consumer:
        names: set[str] = await consumer.topics()
        return names


async def is_kept(here: Here, value: bytes) -> bool:
    """Whether the topic has a record with this value, whatever else is there."""
    bootstrap = f"127.0.0.1:{here.state().ports['kafka']}"
    async with AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(20):
            async for record in consumer:
                if record.value == value:
                    return True
    return False


async def count_migrations(here: Here, service: str) -> int:
    connection = await asyncpg.connect(here.database(service))
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM migration")
        return count
    finally:
        await connection.close()


async def test_everything_runs_and_status_says_where(here: Here) -> None:
    code, said = await here.run("status")
    assert code == 0, said
    for name in ("postgres", "kafka", "sink", *SERVICES):
        assert re.search(rf"^{name} +running", said, re.MULTILINE), said
    assert TOPIC in await topics(here)
    assert [await count_migrations(here, service) > 3 for service in SERVICES] == [True, True, True]


async def test_nothing_secret_is_shown_in_the_list_of_processes(here: Here) -> None:
    secrets = json.loads((here.home.folder / "secrets.json").read_text())
    commands = " ".join(here.left())
    assert secrets["postgres"] not in commands
    assert secrets["notifications_client"] not in commands


async def test_the_administrator_can_sign_in(here: Here) -> None:
    email, password = "reseau@example.org", "correct horse battery staple"
    assert "network administrator" in await make_administrator(here.home, email, password)
    assert "already" in await make_administrator(here.home, email, password)
    url = f"{at(here.state().ports).membership}/v1/sign-in"
    body = {"email": email, "password": password}
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        assert answer.status == 200
    with pytest.raises(NotMade, match="email"):
        await make_administrator(here.home, "nobody", password)


async def test_a_second_up_changes_nothing(here: Here) -> None:
    before = [row.process for row in here.state().rows]
    assert "up already" in (await here.run("up"))[1]
    assert [row.process for row in here.state().rows] == before


async def test_the_demonstration_joins_what_runs_says_where_to_look_and_leaves_it_running(here: Here) -> None:
    before = [row.process for row in here.state().rows]
    command = [sys.executable, "-m", "polepool_local.demo", "--folder", str(here.home.folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    addresses = at(here.state().ports)
    pages = [f"{addresses.notifications}/v1/inbox", f"{addresses.pooling}/docs", addresses.mails, "asyncapi.html"]
    assert [page for page in pages if page not in said] == []
    assert "`make stop` stops it" in said
    assert [row.process for row in here.state().rows] == before


async def test_a_killed_broker_is_restarted_where_it_was(here: Here) -> None:
    killed = here.pid("kafka")
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: here.process("kafka") and here.pid("kafka") != killed, timeout=60)
    assert TOPIC in await topics(here)
    row = next(row for row in here.state().rows if row.name == "kafka")
    assert (row.state, row.restarts) == ("running", 1)


async def test_a_killed_service_is_restarted(here: Here) -> None:
    killed = here.pid("membership")
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: here.process("membership") and here.pid("membership") != killed, timeout=60)
    assert "killed by SIGKILL" in (here.home.log("supervisor")).read_text()


async def test_logs_are_told_apart_and_one_can_be_asked_for(here: Here) -> None:
    code, said = await here.run("logs", "-n", "2")
    assert code == 0
    assert {line.split(" | ")[0] for line in said.splitlines()} >= {"postgres", "kafka", "membership", "supervisor"}
    assert " | " not in (await here.run("logs", "postgres", "-n", "1"))[1]
    code, said = await here.run("logs", "nobody")
    assert (code, "No log of nobody" in said) == (1, True)
    assert (await here.run("logs", "../secrets"))[0] == 1


async def test_what_a_killed_supervisor_left_is_taken_over_with_all_that_it_had(here: Here) -> None:
    bootstrap = f"127.0.0.1:{here.state().ports['kafka']}"
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, b"kept", key=b"k", partition=0)
    ports, migrations = here.state().ports, await count_migrations(here, "pooling")
    before = {row.name: row.process for row in here.state().rows}
    supervisor = here.state().supervisor
    os.kill(supervisor.pid, signal.SIGKILL)
    await eventually(lambda: running.supervisor_of(here.home) is None)
    code, said = await here.run("status")
    assert (code, "left behind" in said) == (1, True)
    await here.up()
    assert here.state().ports == ports
    assert all(here.process(name) != process for name, process in before.items() if process)
    assert await is_kept(here, b"kept")
    assert await count_migrations(here, "pooling") == migrations


async def test_stop_ends_what_a_killed_supervisor_left(here: Here) -> None:
    os.kill(here.state().supervisor.pid, signal.SIGKILL)
    await eventually(lambda: running.supervisor_of(here.home) is None)
    assert here.left() != []
    assert "Stopped." in (await here.run("stop"))[1]
    assert here.left() == []
    assert "Nothing was running" in (await here.run("stop"))[1]


async def test_ctrl_c_stops_everything_in_order_and_leaves_nothing(here: Here) -> None:
    log = here.home.folder.parent / "foreground.log"
    with log.open("w") as out:
        process = await asyncio.create_subprocess_exec(*here.command("up"), stdout=out, stderr=out)
    await eventually(lambda: "Everything runs" in log.read_text(), timeout=90)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0)
    process.send_signal(signal.SIGINT)  # an impatient second one must not leave anything behind
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert here.left() == []
    stopped = re.findall(r"(\w+): stopped", log.read_text())
    assert stopped[-3:] == ["sink", "kafka", "postgres"]
    assert {*stopped[:-3]} == {*SERVICES}


async def test_ctrl_c_while_starting_leaves_nothing_either(here: Here) -> None:
    process = await asyncio.create_subprocess_exec(*here.command("up"), stdout=subprocess.DEVNULL)
    await eventually(lambda: any("kafka.Kafka" in command for command in here.left()), timeout=60)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.wait(), 60)
    assert here.left() == []


async def test_reset_forgets_everything_but_only_in_a_folder_of_ours(here: Here, tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    code, said = await Here(tmp_path).run("reset")
    assert (code, "left alone" in said) == (1, True)
    assert (tmp_path / "letters").exists()
    assert "forgotten" in (await here.run("reset"))[1]
    assert not here.home.folder.exists()
