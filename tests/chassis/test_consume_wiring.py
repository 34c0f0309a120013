"""What the client is told to do, and to leave alone; what it and we say while all is well."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from chassis.consume.progress import Progress
from chassis.consume.subscriber import Subscription, subscribe
from chassis.testing import Parts, eventually, produce_events
from tests.chassis.consuming import House, house


@asynccontextmanager
async def subscribed(our: House, instance: str | None = None) -> AsyncIterator[Subscription]:
    """A consumer in the group, at work."""
    wired = subscribe(our.group, our.topics, our.kafka, Progress(), instance)
    try:
        await wired.consumer.start()
        yield wired
    finally:
        await wired.consumer.stop()


async def test_the_client_never_commits_by_itself_and_begins_at_the_beginning(parts: Parts) -> None:
    async with house(parts) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        async with subscribed(our) as wired:
            assert not wired.consumer._enable_auto_commit
            read = [record for _ in range(5) for record in [await wired.consumer.getone()]]
            assert len(read) == 5
        assert await our.committed() == {}


async def test_all_topics_share_one_consumer_so_no_two_split_a_groups_partitions(parts: Parts) -> None:
    async with house(parts) as our, subscribed(our) as wired:
        assert {partition.topic for partition in wired.consumer.assignment()} == set(our.topics)


async def test_a_consumed_message_is_not_logged(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    async with house(parts) as our:
        with capture_logs() as logs, caplog.at_level(logging.INFO):
            async with our.consuming():
                await our.reached(0)
                await produce_events(parts, [our.event()])
                await our.reached(1)
                before = len(logs) + len(caplog.records)
                await produce_events(parts, [our.event() for _ in range(300)])
                await our.reached(301)
                assert len(logs) + len(caplog.records) - before < 10  # the producer says some, too


async def test_a_member_with_a_name_for_ever_comes_back_to_its_partitions_without_moving_any(parts: Parts) -> None:
    """Static membership: neither its end nor its return is a rebalance."""
    async with house(parts) as our, subscribed(our, "left") as left:
        async with subscribed(our, "right") as right:
            await eventually(lambda: len(left.consumer.assignment()) == 3 == len(right.consumer.assignment()))
            its, others = right.consumer.assignment(), left.consumer.assignment()
        generation = left.consumer._coordinator.generation
        async with subscribed(our, "right") as right:
            assert right.consumer.assignment() == its
            assert (left.consumer.assignment(), left.consumer._coordinator.generation) == (others, generation)


async def test_the_only_member_comes_back_to_everything(parts: Parts) -> None:
    async with house(parts) as our:
        for _ in range(2):
            async with subscribed(our, "only") as wired:
                assert len(wired.consumer.assignment()) == 6
