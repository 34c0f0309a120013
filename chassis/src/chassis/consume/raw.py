"""Reads a partition's next records without refusing any: aiokafka can't build one with a header name that isn't UTF-8.

Such a name comes as Python's surrogates, so that `decode` says what is wrong with the record, as with any other.
Format: https://kafka.apache.org/documentation/#recordbatch (version 2, the only one that brokers keep since 0.11).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.util import decode_varint

from chassis.record import Record

WAIT_MS = 100
FETCH_BYTES = 1024 * 1024
"""As many as aiokafka asks for. A larger batch comes whole all the same, if it is the first."""
BATCH_OVERHEAD = 12
"""Bytes of a batch before those that its length counts."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as its bytes say it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


async def read(consumer: Any, partition: TopicPartition, position: int) -> tuple[list[Record], int]:
    """The records from `position` on, as many as one fetch brings, and the position after them.

    Raises what decompressing raises, or `CorruptRecordException`, or another `KafkaError` when no broker answers.
    """
    client = consumer._client
    asked = [(partition.topic, [(partition.partition, position, FETCH_BYTES)])]
    answer = await client.send(
        client.cluster.leader_for_partition(partition), FetchRequest(WAIT_MS, 1, FETCH_BYTES, 0, asked)
    )
    _, error, _, *_, message_set = answer.topics[0][1][0]
    if error:
        raise for_code(error)(str(partition))
    found: list[Record] = []
    after = position
    for batch in _batches(message_set or b""):
        found += [record for record in _records(batch, partition) if record.offset >= position]
        after = max(after, batch.next_offset)
    return found, after


def _batches(message_set: bytes) -> Iterator[Any]:
    at = 0
    while at + BATCH_OVERHEAD <= len(message_set):
        end = at + BATCH_OVERHEAD + int.from_bytes(message_set[at + 8 : at + BATCH_OVERHEAD])
        if end > len(message_set):
            return  # the last one is cut where the fetch was full
        batch = _DefaultRecordBatchPy(message_set[at:end])
        if batch.magic != 2 or not batch.validate_crc():
            raise CorruptRecordException("a batch of another format, or with another checksum than it says")
        yield batch
        at = end


def _records(batch: Any, partition: TopicPartition) -> Iterator[Record]:
    if batch.is_control_batch:
        return
    batch._maybe_uncompress()
    buffer, at = bytes(batch._buffer), batch._pos
    for _ in range(batch._num_records):
        length, at = decode_varint(buffer, at)
        yield _record(_Fields(buffer, at), batch.base_offset, partition)
        at += length


class _Fields:
    """The fields of a record, one after the other."""

    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer, self._at = buffer, at

    def number(self) -> int:
        value: int
        value, self._at = decode_varint(self._buffer, self._at)
        return value

    def bytes(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        self._at += length
        if self._at > len(self._buffer):
            raise CorruptRecordException("a field that ends after its batch")
        return self._buffer[self._at - length : self._at]


def _record(fields: _Fields, base_offset: int, partition: TopicPartition) -> RawRecord:
    fields.number()  # attributes
    fields.number()  # time
    offset = base_offset + fields.number()
    key, value = fields.bytes(), fields.bytes()
    headers = [
        ((fields.bytes() or b"").decode(errors="surrogateescape"), fields.bytes()) for _ in range(fields.number())
    ]
    return RawRecord(partition.topic, partition.partition, offset, key, value, headers)
