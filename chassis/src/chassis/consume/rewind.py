"""Send a group back to the beginning of its topics, to rebuild a projection that was emptied."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from chassis.settings import KafkaSettings

HAS_MEMBERS = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)
"""What a broker answers to a commit from outside the group while it has members."""


PATIENCE_MS = 10_000
"""How long the broker gets to answer, or to show a topic."""


class NotRewound(Exception):
    """The group is where it was; the message is one line that says why."""


class StillConsuming(NotRewound):
    """Stop every process with the role `consume` first, and wait until its session is over."""

    def __str__(self) -> str:
        return self.__doc__ or ""


async def rewind(group: str, topics: Sequence[str], kafka: KafkaSettings) -> None:
    """Put the group's offsets to the beginning of these topics.

    Raises `StillConsuming` while the group has members, `NotRewound` when the broker is away or lacks a topic.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        request_timeout_ms=PATIENCE_MS,
    )
    try:
        await consumer.start()
        partitions = []
        for topic in topics:
            await consumer._client._wait_on_metadata(topic)
            partitions += [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    except HAS_MEMBERS as error:
        raise StillConsuming from error
    except (KafkaError, OSError) as error:
        raise NotRewound(f"Kafka: {str(error) or type(error).__name__}") from error
    finally:
        await consumer.stop()
