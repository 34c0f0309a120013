"""A relay that is told to stop ends soon, whatever it was about to do, and leaves nothing in disorder."""

import asyncio

import asyncpg

from chassis.testing import Parts, eventually
from tests.chassis.relaying import House, house


async def test_a_relay_told_to_stop_does_not_wait_until_the_log_is_pruned(parts: Parts) -> None:
    async with house(parts) as our:
        owner = await asyncpg.connect(our.settings.owner_url.get_secret_value() if our.settings.owner_url else "")
        async with owner.transaction():
            await owner.execute("LOCK TABLE outbox_latest IN ACCESS EXCLUSIVE MODE")
            async with our.relaying() as stop:
                await eventually(lambda: pruning(our))
                began = asyncio.get_running_loop().time()
                stop.set()
            assert asyncio.get_running_loop().time() - began < 5
        await owner.close()


async def pruning(our: House) -> bool:
    """Whether somebody prunes the log, or waits for it."""
    return bool(
        await our.pool.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox_latest'::regclass)"
        )
    )
