"""A broker that lost its data: from the event log, producers and consumers become whole again."""

import asyncio
from datetime import timedelta

import pytest

from chassis import outbox
from chassis.db import new_id
from chassis.relay import gauges, sharing
from chassis.relay import republish as again
from chassis.testing import Parts, eventually, read_topic
from tests.chassis.consuming import House, Thing, house, sample
from tests.chassis.losing import NewKafka, make_topics, more, newcomer, on, relaying, republish, say, told, writing

pytestmark = pytest.mark.timeout(240)


async def test_what_a_broker_lost_comes_again_in_order_and_has_no_effect_twice(
    parts: Parts, own_kafka: NewKafka
) -> None:
    broker = await own_kafka()
    async with on(broker, parts) as our, relaying(our), our.consuming():
        quiet, busy, keys = new_id(), new_id(), [new_id() for _ in range(10)]
        await say(our, our.event(quiet), *(our.event(busy, version) for version in (1, 2, 3)))
        await our.reached(4)
        assert await outbox.prune(our.pool, timedelta()) == 2
        async with writing(our, keys) as end:
            await more(our)
            await broker.lose()
            await broker.start()
            assert (await republish(our, "--yes", "--no-wait"))[0] == 0
            await make_topics(our)
            await more(our)
            last = await end()
        await our.reached(len(keys) * last + 4, 60)
        written = {key: list(range(1, last + 1)) for key in keys}
        assert await told(our) == {quiet: [1], busy: [1, 2, 3], **written}
        async with newcomer(our) as late, late.consuming():
            await late.reached(len(keys) * last + 2, 60)
            assert await told(late) == {quiet: [1], busy: [3], **written}


async def test_the_command_says_what_it_would_publish_again_and_asks(parts: Parts) -> None:
    async with house(parts) as our:
        async with relaying(our):
            await say(our, *(our.event() for _ in range(5)), our.other(thing=Thing(id=new_id(), version=1)))
            await eventually(lambda: published(our, 6))
        said = f"{our.other.TOPIC}: 1\n{our.made.TOPIC}: 5\n6 events of 2 topics to publish again\n"
        assert await republish(our, "--dry-run") == (0, said, "")
        code, out, _ = await republish(our)  # nobody answers
        assert code == 1
        assert out.startswith(said)
        assert await published(our, 6)
        code, out, complaint = await republish(our, "--yes", "--no-wait")
        assert (code, out) == (0, said)
        assert "no relay is at work" in complaint
        assert await published(our, 0)


async def test_the_command_watches_until_the_relays_are_done(parts: Parts) -> None:
    async with house(parts) as our:
        async with relaying(our):
            await say(our, *(our.event() for _ in range(5)))
            await eventually(lambda: published(our, 5))
        command = asyncio.create_task(republish(our, "--yes"))
        ended, _ = await asyncio.wait({command}, timeout=2 * again.NOTICED)
        assert not ended  # nobody relays
        async with relaying(our):
            code, out, _ = await command
        assert (code, out.splitlines()[-1]) == (0, "published again")
        assert len(await read_topic(parts, our.made.TOPIC)) == 10


async def test_a_time_leaves_out_what_is_older(parts: Parts) -> None:
    async with house(parts) as our, relaying(our):
        await say(our, *(our.event() for _ in range(5)))
        await our.pool.execute("UPDATE outbox SET time = '2026-01-01'")
        await say(our, our.event())
        await eventually(lambda: published(our, 6))
        assert "1 events of 1 topics" in (await republish(our, "--dry-run", "--since", "2026-01-02"))[1]
        assert "6 events of 1 topics" in (await republish(our, "--dry-run", "--since", "2026-01-01T01:00+01:00"))[1]
        assert "nothing to publish again" in (await republish(our, "--dry-run", "--since", "9999-01-01"))[1]
        assert (await republish(our, "--dry-run", "--since", "Tuesday"))[0] == 2


async def test_what_is_published_again_is_told_apart_from_what_is_late(parts: Parts) -> None:
    async with house(parts) as our:
        async with relaying(our):
            await say(our, *(our.event() for _ in range(5)))
            await eventually(lambda: published(our, 5))
        await our.pool.execute("UPDATE outbox SET time = '2026-01-01'")
        await again.begin(our.pool, 0)
        await say(our, our.event())
        await gauges.measure(our.group, our.pool)
        assert sample("polepool_outbox_republishing", service=our.group) > 0
        assert sample("polepool_outbox_pending", service=our.group) == 1
        assert sample("polepool_outbox_oldest_seconds", service=our.group) < 3600
        async with relaying(our):
            await eventually(lambda: published(our, 6))
        await gauges.measure(our.group, our.pool)
        assert sample("polepool_outbox_republishing", service=our.group) == 0


async def test_a_cursor_that_was_set_back_meanwhile_is_not_moved_on(parts: Parts) -> None:
    async with house(parts) as our, our.pool.acquire() as connection:
        await connection.execute("UPDATE outbox_cursor SET position = 7")
        await sharing.set_back(connection, 2, 3)
        assert await sharing.move(connection, {1: (7, 9), 2: (7, 9)}) == {1}
        assert await sharing.cursors(connection, range(4)) == {0: 7, 1: 9, 2: 3, 3: 7}
        await sharing.set_back(connection, 2, 5)
        assert await sharing.cursors(connection, [2]) == {2: 3}


async def published(our: House, events: int) -> bool:
    """Whether the relay got so far: so many events, no more."""
    count = "SELECT count(*) FROM outbox JOIN outbox_cursor AS c USING (slot) WHERE outbox.position <= c.position"
    return bool(await our.pool.fetchval(count) == events)
