"""The relay's own sessions, which listen and hold its locks: cut, they come back by themselves."""

import asyncpg

from chassis.relay.parts import LOCKS
from chassis.testing import Parts
from tests.chassis.relaying import happened, house, ids, things


async def test_a_relay_whose_sessions_are_cut_listens_again_and_events_flow(parts: Parts) -> None:
    async with house(parts) as our, our.relaying():
        await our.say([happened(thing) for thing in things(10)])
        assert len(await our.published()) == 10
        admin = await asyncpg.connect(parts.postgres_admin_url)
        cut = await admin.fetch(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $2 AND pid IN (
                SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::bigint::oid)
            """,
            LOCKS,
            await our.pool.fetchval("SELECT current_database()"),
        )
        assert len(cut) == 2  # the sequencer's, which listens for commits, and the publisher's
        await admin.close()
        await our.say([happened(thing) for thing in things(10)])
        assert len(set(ids(await our.published()))) == 20
