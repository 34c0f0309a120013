"""Where the demonstration is played: the processes of this machine, or the containers of docker-compose.yml."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiokafka.errors import KafkaError
from rich.console import Console

from polepool_local.demo.door import Door, Refusal
from polepool_local.demo.load import Keys, load
from polepool_local.demo.narrator import Narrator
from polepool_local.demo.sinks import Mails, Sinks, local_mails, mailpit_mails
from polepool_local.demo.story import Broken, Scene, play
from polepool_local.demo.tap import open_tap
from polepool_local.demo.territory import territory


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything's addresses as this machine reaches them; `hooks_from_services` as the services reach the catcher."""

    services: dict[str, str]
    kafka: str
    mails: str
    mails_by_mailpit: bool
    hooks: str
    hooks_from_services: str
    keys: Keys


async def perform(stage: Stage, console: Console) -> bool:
    """Load the territory and play the story; tells whether it held, and says where it did not."""
    tell = Narrator(console)
    try:
        async with _session() as http:
            await _perform(stage, http, tell)
    except (Broken, Refusal, TimeoutError, OSError, aiohttp.ClientError, KafkaError) as error:
        console.print(f"\n[red]The story broke at «{tell.heading}»:[/] {error or type(error).__name__}", markup=True)
        return False
    console.print(f"\n[bold green]The story held[/] in {tell.seconds:.1f} s.")
    return True


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, json_serialize=json.dumps) as http:
        yield http


async def _perform(stage: Stage, http: aiohttp.ClientSession, tell: Narrator) -> None:
    door = Door(http, stage.services)
    sinks = Sinks(http, _mails(stage, http), stage.hooks_from_services, stage.hooks)
    async with open_tap(stage.kafka) as tap:
        cast = await load(door, stage.keys, territory(), tap)
        counts = f"{len(cast.poles)} poles, {len(cast.managers)} organisations, {len(territory().resources)} resources"
        tell.note(f"The territory is there: {counts}, all of them invented")
        await play(Scene(cast, stage.keys, tap, sinks, tell))


def _mails(stage: Stage, http: aiohttp.ClientSession) -> Mails:
    return mailpit_mails(http, stage.mails) if stage.mails_by_mailpit else local_mails(http, stage.mails)
