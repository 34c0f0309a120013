"""`python -m <service> republish`: for whoever runs the platform, after a broker lost its data.

Exit codes: 0 done, 1 the database isn't there, or the answer was no, 2 the command was wrong.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from chassis.db import Pool, UnsafeRole, open_pool
from chassis.relay.republish import Plan, begin, plan, positions_left
from chassis.relay.sharing import relays
from chassis.settings import BadSettings, DatabaseSettings

PATIENCE = 5.0
"""Seconds that a database which is away gets to come."""
LOOK = 0.5
"""Seconds between two looks at how far the relays are."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def command(database: Callable[[], DatabaseSettings]) -> Callable[..., None]:
    """The command for a service whose database is there; `database` may raise `BadSettings`."""

    def republish(
        since: Annotated[
            str | None,
            typer.Option(
                metavar="TIME",
                help="Only events of this time (ISO 8601, UTC unless it says otherwise) and later: for a broker that"
                " came back from a backup and has what is older.",
            ),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published again.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
        wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Watch until the relays are done.")] = True,
    ) -> None:
        """Publish the event log again, from its beginning, for a broker that lost its data.

        The service's relays do it, while everything goes on; new events come after the older ones of their key.
        Consumers drop what they know. docs/operations.md says what comes before and after.
        """
        try:
            asyncio.run(_republish(database(), _time(since), dry_run=dry_run, yes=yes, wait=wait))
        except BadSettings as error:
            _fail(str(error), 2)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, UnsafeRole) as error:
            _fail(f"database: {str(error) or type(error).__name__}", 1)

    return republish


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        _fail(f"--since {text!r} is no time; 2026-11-25T06:30 is one", 2)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def _republish(
    database: DatabaseSettings, since: datetime | None, *, dry_run: bool, yes: bool, wait: bool
) -> None:
    pool = await open_pool(database, PATIENCE)
    try:
        with err.status("counting the log"):
            planned = await plan(pool, since)
        _say(planned)
        if dry_run or not planned.events:
            return
        if not yes:
            typer.confirm("Publish them again?", abort=True)
        await begin(pool, planned.after)
        if not await relays(pool):
            err.print("no relay is at work: one begins with it as soon as it starts")
        if wait:
            await _watch(pool)
    finally:
        await pool.close()


def _say(planned: Plan) -> None:
    for topic, events in planned.events.items():
        out.print(f"{topic}: {events}")
    total = sum(planned.events.values())
    out.print(
        f"{total} events of {len(planned.events)} topics to publish again" if total else "nothing to publish again"
    )


async def _watch(pool: Pool) -> None:
    """Show how far the relays are, until they are done; they need nobody who watches."""
    bar = Progress(TextColumn("publishing again"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=err)
    total = left = await positions_left(pool)
    with bar:
        task = bar.add_task("", total=total)
        while left:
            await asyncio.sleep(LOOK)
            left = await positions_left(pool)
            bar.update(task, completed=total - left)
    out.print("published again")


def _fail(message: str, code: int) -> NoReturn:
    err.print(message, markup=False)
    raise typer.Exit(code)
