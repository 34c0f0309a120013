"""`python -m polepool_local.demo`: start everything, load the territory, play the loop, say where to look."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from polepool_local import up
from polepool_local.addresses import Addresses
from polepool_local.administrator import NotMade, make_administrator
from polepool_local.demo import composed
from polepool_local.demo.load import MAIL_DOMAIN, Keys
from polepool_local.demo.stage import Stage, perform
from polepool_local.home import Home
from polepool_local.processes import NotStarted

console = Console()
ADMINISTRATOR = f"administration@{MAIL_DOMAIN}"

Folder = Annotated[Path, typer.Option("--folder", help="Where all state is kept.", envvar="POLEPOOL_LOCAL")]
Once = Annotated[bool, typer.Option("--once", help="End after the story: 0 if it held, 1 if not.")]
Compose = Annotated[bool, typer.Option("--compose", help="Play it on the containers of docker-compose.yml.")]


def main(folder: Folder = Path(".local"), once: Once = False, compose: Compose = False) -> None:
    """Start Polepool with a demonstration territory and play its loop; then stay up until Ctrl-C."""
    play = composed.play(console, ADMINISTRATOR, once=once) if compose else _play_here(Home(folder), once=once)
    held = asyncio.run(up.unless_asked_to_stop(play))
    raise typer.Exit({True: 0, False: 1, None: 130 if once else 0}[held])


async def _play_here(home: Home, *, once: bool) -> bool:
    try:
        async with up.everything(home, console) as addresses:
            keys = Keys(ADMINISTRATOR, home.open().demonstration)
            await make_administrator(home, keys.administrator, keys.password)
            held = await perform(_stage(addresses, keys), console)
            if once:
                return held
            _show_where_to_look(home, keys)
            await asyncio.Event().wait()
            return held
    except (NotStarted, NotMade) as error:
        console.print(str(error), style="red", markup=False)
        return False


def _stage(addresses: Addresses, keys: Keys) -> Stage:
    return Stage(
        services=addresses.services,
        kafka=addresses.kafka,
        mails=addresses.sink,
        mails_by_mailpit=False,
        hooks=addresses.sink,
        hooks_from_services=addresses.sink,
        keys=keys,
    )


def _show_where_to_look(home: Home, keys: Keys) -> None:
    console.print()
    console.print(up.where(home))
    console.print(f"\nSign in as gestion-cantine@{MAIL_DOMAIN} with the password {keys.password}", highlight=False)
    console.print("Ctrl-C stops everything; what was made is kept for the next time.")


if __name__ == "__main__":
    typer.run(main)
