"""`python -m polepool_local.demo`: start everything, load the territory, play the loop, say where to look."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from polepool_local import running, up
from polepool_local.administrator import NotMade, make_administrator
from polepool_local.demo import composed
from polepool_local.demo.load import MAIL_DOMAIN, Keys
from polepool_local.demo.stage import Stage, perform, show_where_to_look
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
            stage = Stage(addresses, mails_by_mailpit=False, hooks_from_services=addresses.webhooks, keys=keys)
            held = await perform(stage, console)
            if once:
                return held
            show_where_to_look(stage, console)
            if running.supervisor_of(home) != running.this_process():
                console.print("Everything ran before, and goes on: `make stop` stops it.")
                return held
            console.print("Ctrl-C stops everything; what was made is kept for the next time.")
            await asyncio.Event().wait()
            return held
    except (NotStarted, NotMade, running.AlreadyRunning) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return False


if __name__ == "__main__":
    typer.run(main)
