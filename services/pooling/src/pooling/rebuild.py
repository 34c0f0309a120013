"""`python -m pooling rebuild`: forget what is known of membership and read its topics from their beginning again.

Resources, requests, matches and bookings stay: they are pooling's own. A departure read again ends nothing twice.
"""

import asyncio

import typer

from chassis.consume.rewind import NotRewound, rewind
from chassis.db import as_system, open_pool, transaction
from chassis.settings import BadSettings, load
from pooling.consumer import HANDLERS
from pooling.settings import PoolingSettings
from pooling.store.projections import forget


def rebuild() -> None:
    """Read membership's topics again from their beginning into empty projections; stop every `consume` first."""
    try:
        settings = load(PoolingSettings)
        asyncio.run(_rebuild(settings))
    except (BadSettings, NotRewound) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo("forgotten; start `consume`, and it learns everything anew")


async def _rebuild(settings: PoolingSettings) -> None:
    await rewind("pooling", list(HANDLERS), settings.kafka)
    pool = await open_pool(settings.database)
    try:
        async with transaction(pool) as tx:
            await as_system(tx)
            await forget(tx)
    finally:
        await pool.close()
