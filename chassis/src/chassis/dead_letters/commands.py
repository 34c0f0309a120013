"""`python -m <service> dead-letters list|show|redrive|discard`: for whoever runs the platform.

Exit codes: 0 done, 1 a part or the letter isn't there, or it failed again, 2 the command was wrong.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from chassis.consume.delivery import Handlers
from chassis.consume.effects import Effects, NotReady
from chassis.consume.redrive import redrive
from chassis.consume.worker import cause_of
from chassis.db import UnsafeRole, open_pool
from chassis.dead_letters.read import dead_letters, discard
from chassis.dead_letters.record import DeadLetter
from chassis.settings import BadSettings, DatabaseSettings, KafkaSettings
from schemas.event import MAX_EVENT_BYTES

T = TypeVar("T")
Servers = Annotated[
    str,
    typer.Option(
        "--bootstrap-servers", help="host:port, several by commas.", envvar="POLEPOOL_KAFKA__BOOTSTRAP_SERVERS"
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID")]
PATIENCE = 5.0
"""Seconds that a database which is away gets to come."""
SHOWN = 4096
"""Bytes of a value that are shown."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def commands(group: str, handlers: Handlers, database: Callable[[], DatabaseSettings]) -> typer.Typer:
    """The commands for the dead letters of one service: its group, its handlers, and where their database is.

    `database` may raise `BadSettings`; it is asked by `redrive` only.
    """
    app = typer.Typer(
        help=f"Records that {group} could not handle.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    _add_reading(app, group, list(handlers))
    _add_redrive(app, group, handlers, database)
    _add_discard(app, group, list(handlers))
    return app


def _add_reading(app: typer.Typer, group: str, topics: Sequence[str]) -> None:
    @app.command("list")
    def list_(servers: Servers) -> None:
        """List them: id, since when, tries, type, cause."""
        _table(group, _read(servers, group, topics))

    @app.command()
    def show(letter_id: Id, servers: Servers) -> None:
        """Show one: everything that was in it, with what isn't plain text escaped."""
        _show(_pick(_read(servers, group, topics), letter_id))


def _add_redrive(app: typer.Typer, group: str, handlers: Handlers, database: Callable[[], DatabaseSettings]) -> None:
    @app.command("redrive")
    def redrive_(
        servers: Servers,
        letter_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
        every: Annotated[bool, typer.Option("--all", help="All of them, oldest first.")] = False,
        value: Annotated[
            Path | None, typer.Option(help="Take this file's content as the data instead.", exists=True, dir_okay=False)
        ] = None,
    ) -> None:
        """Handle one, or all, now, as it was or corrected; it is no dead letter then. Needs the service's settings."""
        if (letter_id is None) != every or (every and value):
            _fail("give an ID or --all; --value goes with an ID", 2)
        corrected = _corrected(value)
        found = _read(servers, group, list(handlers))
        letters = found if letter_id is None else [_pick(found, letter_id)]
        if not letters:
            out.print("no dead letters")
            return
        kafka = KafkaSettings(bootstrap_servers=servers)
        if _run(_redrive(handlers, _settings(database), kafka, letters, corrected), "database"):
            raise typer.Exit(1)


def _add_discard(app: typer.Typer, group: str, topics: Sequence[str]) -> None:
    @app.command("discard")
    def discard_(
        letter_id: Id, servers: Servers, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False
    ) -> None:
        """Take one away for good, without any effect: for what can't be repaired, or needn't be."""
        letter = _pick(_read(servers, group, topics), letter_id)
        if not yes:
            typer.confirm(f"Take {plain(letter.id)} ({plain(letter.cause)}) away for good?", abort=True)
        _run(discard(KafkaSettings(bootstrap_servers=servers), letter))
        out.print(f"discarded: {plain(letter.id)}", markup=False)


def _read(servers: str, group: str, topics: Sequence[str]) -> list[DeadLetter]:
    return _run(dead_letters(KafkaSettings(bootstrap_servers=servers), group, topics))


def _settings(database: Callable[[], DatabaseSettings]) -> DatabaseSettings:
    try:
        return database()
    except BadSettings as error:
        _fail(str(error), 2)


async def _redrive(
    handlers: Handlers,
    database: DatabaseSettings,
    kafka: KafkaSettings,
    letters: Sequence[DeadLetter],
    corrected: bytes | None,
) -> int:
    """Handle these, each in a transaction of its own; how many are dead letters still."""
    pool = await open_pool(database, PATIENCE)
    failed = 0
    try:
        effects = Effects(handlers, pool)
        for letter in track(letters, "handling", console=err, disable=len(letters) < 20):
            try:
                new = await redrive(effects, kafka, letter, corrected)
            except (KafkaError, NotReady):
                raise
            except Exception as error:
                failed += 1
                err.print(f"still a dead letter: {plain(letter.id)}: {plain(cause_of(error))}", markup=False)
            else:
                said = "handled" if new else "was handled already, dropped"
                out.print(f"{said}: {plain(letter.id)}", markup=False)
    finally:
        await pool.close()
    return failed


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
        *([("cut", f"to {plain(letter.cut)}")] if letter.cut else []),
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


def _run(work: Coroutine[Any, Any, T], part: str = "Kafka") -> T:
    """Do it; a `part` that isn't there is said in one line."""
    try:
        return asyncio.run(work)
    except KafkaError as error:
        _fail(f"Kafka: {str(error) or type(error).__name__}", 1)
    except (OSError, asyncpg.PostgresError, NotReady, UnsafeRole) as error:
        _fail(f"{part}: {str(error) or type(error).__name__}", 1)


def _fail(message: str, code: int) -> NoReturn:
    err.print(message, markup=False)
    raise typer.Exit(code)
