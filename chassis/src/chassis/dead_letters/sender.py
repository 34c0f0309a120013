"""Sends records to their dead-letter topics; its producer starts with the first letter and heals by itself."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from chassis.dead_letters.record import Failure, Letter, encode, encode_cut
from chassis.record import Record
from chassis.settings import KafkaSettings
from schemas.catalogue import DEAD_LETTER_SUFFIX

SEND_TIMEOUT = 15.0
"""Seconds within which the broker must have acknowledged a letter."""
CLOSE_TIMEOUT = 5.0
"""Seconds that a producer gets to leave its broker."""
MAX_REQUEST = 3 * 1024 * 1024
"""Bytes; a dead letter is larger than its original, which may be as large as the broker takes."""
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Of the broker, or of our own producer before it sends anything: the letter is nowhere, and won't be."""


class Sender:
    """One per process. Not for concurrent use of `send` and `close`."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._producer: AIOKafkaProducer | None = None

    async def send(self, record: Record, failure: Failure) -> None:
        """Send a record that failed, and wait until all replicas in sync have it.

        A record whose letter is too large is cut: a broker limits what is compressed, so that there can be one that
        fits into no letter. Raises KafkaError or TimeoutError, after which the record must not count as done.
        """
        topic = record.topic + DEAD_LETTER_SUFFIX
        try:
            await self._send(topic, encode(record, failure))
        except TOO_LARGE:
            await self._send(topic, encode_cut(record, failure))

    async def _send(self, topic: str, letter: Letter) -> None:
        key, value, headers = letter
        producer = await self._started()
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await producer.send_and_wait(topic, value, key=key, headers=headers)
        except BaseException:
            # What is given up must not be sent later: the next letter gets a new producer.
            await self.close()
            raise

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = new_producer(self._kafka)
            try:
                await self._producer.start()
            except BaseException:
                await self.close()
                raise
        return self._producer

    async def close(self) -> None:
        """Let go of the producer, and of what it has not sent."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # In a task of its own, since aiokafka lets the cancellation of its sender out to whoever stops the producer:
        # that would end the consume task, and look like the end of the process.
        closing = asyncio.create_task(_close(producer))
        await asyncio.wait([closing], timeout=CLOSE_TIMEOUT)
        closing.cancel()


async def _close(producer: AIOKafkaProducer) -> None:
    producer._message_accumulator.fail_all(KafkaError("the producer was given up"))  # else it waits for the broker
    with suppress(Exception, asyncio.CancelledError):
        await producer.stop()
    with suppress(Exception):
        await producer.client.close()


def new_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    """A producer that loses nothing: acks=all; not started yet.

    A letter sent twice is one letter, by its key. Without a producer's number there is none that a broker which lost
    its data could give to another producer, too, and then take the letters of one for copies of the other's.
    """
    return AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers,
        acks="all",
        max_request_size=MAX_REQUEST,
        request_timeout_ms=10_000,
    )
