"""`python -m <service> dead-letters list|show|redrive`: for whoever runs the platform.

Exit codes: 0 done, 1 the broker or the letter isn't there, 2 the command was wrong.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from chassis.dead_letters.read import dead_letters, redrive
from chassis.dead_letters.record import DeadLetter
from chassis.settings import KafkaSettings
from schemas.event import MAX_EVENT_BYTES

T = TypeVar("T")
Servers = Annotated[
    str,
    typer.Option(
        "--bootstrap-servers", help="host:port, several by commas.", envvar="POLEPOOL_KAFKA__BOOTSTRAP_SERVERS"
    ),
]
SHOWN = 4096
"""Bytes of a value that are shown."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def commands(group: str, topics: Sequence[str]) -> typer.Typer:
    """The commands for the dead letters of one service: its group, and the topics that it consumes."""
    app = typer.Typer(
        help=f"Records that {group} could not handle.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    def read(servers: str) -> list[DeadLetter]:
        return _run(dead_letters(KafkaSettings(bootstrap_servers=servers), group, topics))

    @app.command("list")
    def list_(servers: Servers) -> None:
        """List them: id, since when, tries, type, cause."""
        _table(group, read(servers))

    @app.command()
    def show(letter_id: Annotated[str, typer.Argument(metavar="ID")], servers: Servers) -> None:
        """Show one: everything that was in it, with what isn't plain text escaped."""
        _show(_pick(read(servers), letter_id))

    @app.command("redrive")
    def redrive_(
        servers: Servers,
        letter_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
        every: Annotated[bool, typer.Option("--all", help="All of them, oldest first.")] = False,
        value: Annotated[
            Path | None, typer.Option(help="Send this file's content as the data instead.", exists=True, dir_okay=False)
        ] = None,
    ) -> None:
        """Send one, or all, to the topic again, as it was or corrected; it is no dead letter then."""
        if (letter_id is None) != every or (every and value):
            _fail("give an ID or --all; --value goes with an ID", 2)
        corrected = _corrected(value)
        letters = read(servers) if letter_id is None else [_pick(read(servers), letter_id)]
        for letter in track(letters, "sending again", console=err, disable=len(letters) < 20):
            _run(redrive(KafkaSettings(bootstrap_servers=servers), letter, corrected))
            out.print(f"sent again: {plain(letter.id)}", markup=False)
        if not letters:
            out.print("no dead letters")

    return app


def plain(value: str | bytes | None) -> str:
    """A value as one line of printable text, whatever it holds: control and direction characters are escaped."""
    if value is None:
        return "(null)"
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


def _table(group: str, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        out.print(f"{group} has no dead letters")
        return
    rows = [_row(letter) for letter in letters]
    if not out.is_terminal:  # for scripts: one line each, cells between tabs
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table("id", "since", "tries", "type", "cause", title=f"{len(letters)} dead letters of {group}")
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out.print(table, soft_wrap=False)


def _row(letter: DeadLetter) -> tuple[str, ...]:
    since = letter.since.isoformat(sep=" ", timespec="seconds")
    of_type = plain(dict(letter.headers).get("ce_type", b""))
    return plain(letter.id), since, str(letter.attempts), of_type, plain(letter.cause)


def _show(letter: DeadLetter) -> None:
    body = letter.value or b""
    cut = f" (the first {SHOWN} of {len(body)} bytes)" if len(body) > SHOWN else ""
    lines = [
        ("id", plain(letter.id)),
        ("cause", plain(letter.cause)),
        ("tries", str(letter.attempts)),
        ("since", letter.since.isoformat(sep=" ", timespec="seconds")),
        ("key", plain(letter.key)),
        *((f"header {plain(name)}", plain(value)) for name, value in letter.headers),
        ("value" + cut, plain(letter.value if letter.value is None else body[:SHOWN])),
    ]
    for name, value in lines:
        out.print(f"{name}: {value}", markup=False)


def _pick(letters: Sequence[DeadLetter], letter_id: str) -> DeadLetter:
    found = next((letter for letter in letters if letter.id == letter_id), None)
    if found is None:
        _fail(f"no dead letter {plain(letter_id)}; `dead-letters list` shows those there are", 1)
    return found


def _corrected(file: Path | None) -> bytes | None:
    if file is None:
        return None
    value = file.read_bytes()
    if len(value) > MAX_EVENT_BYTES:
        _fail(f"{file} has {len(value)} bytes; an event has {MAX_EVENT_BYTES} at most", 2)
    return value


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (KafkaError, OSError) as error:
        _fail(f"Kafka: {error or type(error).__name__}", 1)


def _fail(message: str, code: int) -> NoReturn:
    err.print(message, markup=False)
    raise typer.Exit(code)
