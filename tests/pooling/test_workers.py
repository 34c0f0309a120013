"""Workers: each kind of work has its turn, and the matcher hears of whatever commits."""

import asyncio
from datetime import datetime

from chassis import outbox
from chassis.db import Pool, Tx, as_system
from chassis.health import Health
from chassis.process import Running
from chassis.relay import sequencer
from chassis.settings import DatabaseSettings, KafkaSettings
from chassis.testing import Parts, TokenIssuer
from pooling import workers
from pooling.settings import PoolingSettings
from pooling.store import plans
from schemas import pooling as p
from tests.pooling.world import World


async def test_many_short_rounds_are_not_held_up_by_as_many_long_ones(
    pool: Pool, database: DatabaseSettings, parts: Parts, tokens: TokenIssuer
) -> None:
    settings = PoolingSettings(
        database=database, kafka=KafkaSettings(bootstrap_servers=parts.kafka_bootstrap), access=tokens.settings
    )
    running = Running("pooling", settings, pool, Health(), asyncio.Event())
    played = {"long": 0, "short": 0}

    async def long(tx: Tx, _now: datetime) -> int:
        await tx.execute("SELECT pg_sleep($1)", workers.TURN)
        played["long"] += 1
        return 1

    async def short(tx: Tx, _now: datetime) -> int:
        await tx.execute("SELECT 1")
        played["short"] += 1
        if played["short"] == 60:
            running.stop.set()
        return 1

    async with asyncio.timeout(20):
        await workers.run("match", [long, short], running)
    assert played["short"] == 60
    assert 1 <= played["long"] <= 10


async def test_what_commits_late_is_heard_of_though_its_id_is_lower(world: World, pool: Pool) -> None:
    owner = await world.member()
    offered = p.ResourceOffered(resource=await owner.offer())

    async def heard() -> plans.Heard:
        return await world.system(plans.last_heard)

    async def wrote_first_and_committed_last(*, given: bool) -> tuple[plans.Heard, plans.Heard]:
        """What is heard before and after it; whether what committed meanwhile has its position by then."""
        async with pool.acquire() as late, pool.acquire() as relay:
            async with late.transaction():
                await as_system(late)
                await outbox.append(late, [offered])
                await owner.offer()
                if given:
                    assert await sequencer.run_once(relay)
                before = await heard()
            assert await sequencer.run_once(relay) or given
            return before, await heard()

    for given in (True, False):
        before, after = await wrote_first_and_committed_last(given=given)
        assert before != after
