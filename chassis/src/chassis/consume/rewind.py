"""Send a group back to the beginning of its topics, to rebuild a projection that was emptied."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.settings import KafkaSettings


class StillConsuming(Exception):
    """Stop every process with the role `consume` first, and wait until its session is over."""

    def __str__(self) -> str:
        return self.__doc__ or ""


async def rewind(group: str, topics: Sequence[str], kafka: KafkaSettings) -> None:
    """Put the group's offsets to the beginning of these topics. Raises `StillConsuming` while the group has members."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = []
        for topic in topics:
            await consumer._client._wait_on_metadata(topic)
            partitions += [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    except KafkaError as error:
        raise StillConsuming from error
    finally:
        await consumer.stop()
