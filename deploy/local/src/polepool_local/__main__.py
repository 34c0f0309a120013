"""`python -m polepool_local`: PostgreSQL, Kafka and every service on this machine, from pip alone."""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from polepool_local import display, logs, running
from polepool_local.addresses import at
from polepool_local.home import Home
from polepool_local.jars import JarMissing
from polepool_local.prepare import prepare
from polepool_local.processes import NotStarted, alive
from polepool_local.up import everything, in_background, unless_asked_to_stop, where

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
console = Console(highlight=False, soft_wrap=True)

Folder = Annotated[
    Path, typer.Option("--folder", help="Where state is kept.", envvar="POLEPOOL_LOCAL", resolve_path=True)
]
HERE = Path(".local")
logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what it has to say while a broker starts isn't news


@app.command()
def up(
    folder: Folder = HERE,
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything runs.")] = False,
) -> None:
    """Start everything and keep it running until Ctrl-C."""
    home = Home(folder)
    if running.supervisor_of(home):
        console.print("Everything is up already; `status` tells more, `stop` stops it.")
        return
    try:
        asyncio.run(unless_asked_to_stop(_background(home) if detach else _foreground(home)))
    except (NotStarted, running.AlreadyRunning) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


@app.command("prepare")
def prepare_kafka() -> None:
    """Fetch Kafka and keep its classes ready; installing does this once."""
    try:
        console.print(asyncio.run(prepare()))
    except (JarMissing, NotStarted) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


@app.command()
def status(folder: Folder = HERE) -> None:
    """Show every process; exits 1 unless all of them run."""
    home = Home(folder)
    last = running.state(home)
    if last is None or not running.supervisor_of(home):
        left = [row.name for row in (last.rows if last else []) if row.process and alive(row.process)]
        console.print(f"Stopped, but {', '.join(left)} was left behind: `stop` ends that." if left else "Stopped.")
        raise typer.Exit(1)
    rows = running.rows(last)
    console.print(display.table(rows))
    if not last.ready:
        raise typer.Exit(1)
    console.print()
    console.print(display.where(at(last.ports)))
    if any(row.state not in ("running", "done") for row in rows):
        raise typer.Exit(1)


@app.command()
def address(
    name: Annotated[str, typer.Argument(help="A part, such as kafka or membership.")], folder: Folder = HERE
) -> None:
    """Print where one part is."""
    last = running.state(Home(folder))
    found = [row.address for row in last.rows if row.name == name and row.address] if last else []
    if not found:
        console.print(f"{name} has no address: is everything up?", style="red", markup=False)
        raise typer.Exit(1)
    typer.echo(found[0])


@app.command("logs")
def show_logs(
    name: Annotated[str | None, typer.Argument(help="One process; all of them if left out.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as more is logged.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many lines to begin with.", min=0)] = 20,
    folder: Folder = HERE,
) -> None:
    """Print logs, each line after its process's name."""
    found = logs.files(Home(folder), name)
    if not found:
        console.print(f"No log of {name}" if name else "No logs yet", style="red")
        raise typer.Exit(1)
    try:
        for source, line in logs.lines(found, lines, follow=follow):
            console.print(f"{source} | {line}" if name is None else line, markup=False)
    except KeyboardInterrupt:
        return


@app.command()
def stop(folder: Folder = HERE) -> None:
    """Stop everything that was started here, and nothing else."""
    console.print("Stopped." if _stop(Home(folder)) else "Nothing was running.")


@app.command()
def reset(folder: Folder = HERE) -> None:
    """Stop everything and forget all state: databases, topics, secrets, logs, mails."""
    home = Home(folder)
    if not home.folder.exists():
        console.print("There is nothing to forget.")
        return
    if not home.lock.exists():
        console.print(f"{home.folder} wasn't made by this command; it is left alone.", style="red")
        raise typer.Exit(1)
    _stop(home)
    shutil.rmtree(home.folder)
    console.print("Stopped and forgotten.")


def _stop(home: Home) -> bool:
    try:
        return asyncio.run(running.stop(home))
    except running.AlreadyRunning as error:  # by one that is only beginning, and hasn't written down who it is
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


async def _foreground(home: Home) -> None:
    async with everything(home, console):
        console.print(where(home))
        console.print("Ctrl-C stops it.")
        await asyncio.Event().wait()


async def _background(home: Home) -> None:
    await in_background(home, console)
    console.print(where(home))


if __name__ == "__main__":
    app()
