"""Where the demonstration is played: the processes of this machine, or the containers of docker-compose.yml."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiokafka.errors import KafkaError
from rich.console import Console

from polepool_local.addresses import Addresses
from polepool_local.demo.door import Door, Refusal
from polepool_local.demo.load import MAIL_DOMAIN, Keys, load
from polepool_local.demo.narrator import Narrator
from polepool_local.demo.scene import Broken, Scene
from polepool_local.demo.sinks import Mails, Sinks, local_mails, mailpit_mails
from polepool_local.demo.story import play
from polepool_local.demo.tap import open_tap
from polepool_local.demo.territory import territory
from polepool_local.display import where


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything's addresses as this machine reaches them; `hooks_from_services` as the services reach the catcher."""

    addresses: Addresses
    mails_by_mailpit: bool
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


def show_where_to_look(stage: Stage, console: Console) -> None:
    """Say where everything is, and as whom to look at it."""
    console.print()
    console.print(where(stage.addresses))
    who = f"gestion-cantine@{MAIL_DOMAIN}"
    console.print(f"\nSign in as {who} with the password «{stage.keys.password}»", highlight=False, soft_wrap=True)


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, json_serialize=json.dumps) as http:
        yield http


async def _perform(stage: Stage, http: aiohttp.ClientSession, tell: Narrator) -> None:
    door = Door(http, stage.addresses.services)
    sinks = Sinks(http, _mails(stage, http), stage.hooks_from_services, stage.addresses.webhooks)
    async with open_tap(stage.addresses.kafka) as tap:
        cast = await load(door, stage.keys, territory(), tap)
        counts = f"{len(cast.poles)} poles, {len(cast.managers)} organisations, {len(territory().resources)} resources"
        tell.note(f"The territory is there: {counts}, all of them invented")
        await play(Scene(cast, stage.keys, tap, sinks, tell))


def _mails(stage: Stage, http: aiohttp.ClientSession) -> Mails:
    found = mailpit_mails if stage.mails_by_mailpit else local_mails
    return found(http, stage.addresses.mails)
