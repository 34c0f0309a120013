"""A group is sent back to the beginning only when nobody is in it, and what prevents it is said in one line."""

import pytest
from aiokafka import TopicPartition

from chassis.consume.rewind import NotRewound, StillConsuming, rewind
from chassis.settings import KafkaSettings
from chassis.testing import Parts, produce_events
from polepool_local.ports import free_ports
from tests.chassis.consuming import house


async def test_a_group_that_nobody_is_in_begins_again(parts: Parts) -> None:
    async with house(parts, partitions=1) as our:
        await produce_events(parts, [our.event() for _ in range(5)])
        async with our.consuming():
            await our.reached(5)
            with pytest.raises(StillConsuming):
                await rewind(our.group, our.topics, our.kafka)
        assert (await our.committed())[TopicPartition(our.made.TOPIC, 0)] == 5
        await rewind(our.group, our.topics, our.kafka)
        assert (await our.committed())[TopicPartition(our.made.TOPIC, 0)] == 0


async def test_a_broker_that_is_away_and_a_topic_that_is_missing_are_not_called_members(parts: Parts) -> None:
    (port,) = free_ports(1)
    with pytest.raises(NotRewound, match="Kafka: ") as caught:
        await rewind("group", ["topic"], KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
    assert not isinstance(caught.value, StillConsuming)
    with pytest.raises(NotRewound, match="Kafka: ") as caught:
        await rewind("group", ["polepool.test.none"], KafkaSettings(bootstrap_servers=parts.kafka_bootstrap))
    assert not isinstance(caught.value, StillConsuming)
