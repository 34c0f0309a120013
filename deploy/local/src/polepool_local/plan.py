"""What runs, in which order: each part with what it needs first, how it starts, and in which wave it stops."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from chassis.migrate import migrate
from chassis.provision import provision
from chassis.settings import DatabaseSettings
from chassis.topics import apply, wanted
from polepool_local import kafka, postgres, processes
from polepool_local.addresses import at
from polepool_local.environment import app_url, environment, owner_url
from polepool_local.home import SERVICES, Home, Secrets
from polepool_local.processes import Process
from schemas.catalogue import topics

ROLES = {
    "membership": ("api", "relay"),
    "pooling": ("api", "consume", "relay", "expire", "match", "matcher"),
    "notifications": ("api", "consume", "mail", "webhook"),
}
PATIENCE = 300.0  # seconds that a part may take to answer: the matching engine may have to be compiled


@dataclass(frozen=True, slots=True)
class Step:
    """Something done once, before what needs it starts; says in a few words what it did."""

    name: str
    needs: tuple[str, ...]
    run: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Part:
    """Something kept running. `start` returns when it really answers; higher waves stop before lower ones."""

    name: str
    needs: tuple[str, ...]
    start: Callable[[], Awaitable[Process]]
    wave: int
    address: str = ""


def plan(home: Home, secrets: Secrets, ports: dict[str, int]) -> list[Part | Step]:
    """Everything that runs on one machine."""
    home = Home(home.folder.resolve())  # processes have working folders of their own
    server = postgres.Server(home.folder / "postgres", ports["postgres"], secrets.postgres)
    broker = kafka.Broker(home.folder / "kafka", ports["kafka"], ports["kafka-controller"])
    sink = at(ports).mails
    return [
        Part("postgres", (), partial(postgres.start, server, log=home.log("postgres")), 0, f":{server.port}"),
        Part("kafka", (), partial(kafka.start, broker, log=home.log("kafka")), 1, broker.bootstrap),
        Step("databases", ("postgres",), partial(_databases, server.admin_url, secrets, ports)),
        Step("topics", ("kafka",), partial(_topics, broker.bootstrap)),
        Part("sink", (), partial(_python, "sink", _sink_command(home, ports), home, {}, sink), 2, sink),
        *(_service(service, home, secrets, ports) for service in SERVICES),
    ]


async def stop(process: Process) -> None:
    """Stop a part in order, the way that suits it."""
    if process.name == "postgres":
        await postgres.stop(process)
    else:
        await processes.stop(process, patience=15.0)


def _service(service: str, home: Home, secrets: Secrets, ports: dict[str, int]) -> Part:
    url = at(ports).services[service]
    command = ["-m", service, *ROLES[service]]
    settings = environment(service, home, secrets, ports)
    start = partial(_python, service, command, home, settings, f"{url}/readyz")
    return Part(service, ("databases", "topics"), start, 3, url)


def _sink_command(home: Home, ports: dict[str, int]) -> list[str]:
    return ["-m", "polepool_local.sink", str(ports["smtp"]), str(ports["sink"]), str(home.folder / "sink")]


async def _python(name: str, arguments: list[str], home: Home, settings: dict[str, str], url: str) -> Process:
    log = home.log(name)
    process = processes.launch(name, [sys.executable, *arguments], log=log, environment=settings or None)
    await processes.until_answering(process, partial(_answers, url), log=log, patience=PATIENCE)
    return process


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client, client.get(url) as answer:
        answer.raise_for_status()


async def _databases(admin_url: str, secrets: Secrets, ports: dict[str, int]) -> str:
    applied = await asyncio.gather(*(_database(service, admin_url, secrets, ports) for service in SERVICES))
    count = sum(applied)
    return f"{len(SERVICES)} provisioned, {count} migrations applied" if count else "as they were"


async def _database(service: str, admin_url: str, secrets: Secrets, ports: dict[str, int]) -> int:
    settings = DatabaseSettings(
        url=SecretStr(app_url(service, secrets, ports)),
        owner_url=SecretStr(owner_url(service, secrets, ports)),
        admin_url=SecretStr(admin_url),
    )
    await provision(settings)
    lines = {name: Path(str(files(name))) / "migrations" for name in ("chassis", service)}
    return len(await migrate(settings, lines))


async def _topics(bootstrap: str) -> str:
    changes = await apply(wanted(topics().values()), bootstrap)
    return f"{len(changes)} created or changed" if changes else "as they were"
