"""`python -m notifications rebuild`: forget the projection and read the topics from their beginning again.

Nobody is told anything twice: an event is news once (its id in `news`), older events than a week are history, and
what was told stays told (one notification for each event and person).
"""

import asyncio

import typer

from chassis.consume.rewind import NotRewound, rewind
from chassis.db import as_system, open_pool, transaction
from chassis.settings import BadSettings, load
from notifications.consumer import HANDLERS
from notifications.settings import NotificationsSettings
from notifications.store.facts import forget


def rebuild() -> None:
    """Read all topics again from their beginning into empty projections; stop every `consume` first."""
    try:
        settings = load(NotificationsSettings)
        asyncio.run(_rebuild(settings))
    except (BadSettings, NotRewound) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo("forgotten; start `consume`, and it learns everything anew")


async def _rebuild(settings: NotificationsSettings) -> None:
    await rewind("notifications", list(HANDLERS), settings.kafka)
    pool = await open_pool(settings.database)
    try:
        async with transaction(pool) as tx:
            await as_system(tx)
            await forget(tx)
    finally:
        await pool.close()
