"""A dead letter: a record that a group could not handle, kept whole beside what was wrong with it.

Key `group/topic/partition/offset`, so that the same record sent twice is one letter, and a tombstone (a null value)
takes it away. The value is the original's (empty with `dlt-null: value` when that was null). The original's headers
come as `dlt-original-<name>`, its key as `dlt-key`; the rest of the `dlt-` headers say what happened. Of a record that
is too large for its letter the beginning is kept, and `dlt-cut` says how much that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from chassis.record import Record, plain_name
from schemas.event import MAX_EVENT_BYTES

ORIGINAL = "dlt-original-"
LONGEST_CAUSE = 2000
CUT_KEY, CUT_VALUE, CUT_HEADERS = 1024, MAX_EVENT_BYTES, 16 * 1024
"""Bytes that are kept of a record too large for its letter: as many as an event can have."""

Headers = list[tuple[str, bytes | None]]
Letter = tuple[bytes, bytes, Headers]
"""The key, value and headers of a record of a dead-letter topic."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Who could not handle a record, why, after how many tries, and when the first was."""

    group: str
    cause: str
    attempts: int
    since: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as read back."""

    group: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    cause: str
    attempts: int
    since: datetime
    cut: str = ""
    """How much of the record is there; empty when all of it is."""

    @property
    def id(self) -> str:
        """What the commands call it, and the key that it is kept under."""
        return f"{self.group}/{self.topic}/{self.partition}/{self.offset}"


def letter_id(group: str, record: Record) -> str:
    """The id of the dead letter that a record becomes."""
    return f"{group}/{record.topic}/{record.partition}/{record.offset}"


def encode(record: Record, failure: Failure) -> Letter:
    """The dead letter of a whole record."""
    return _letter(record, failure, record.key, record.value or b"", _originals(record))


def encode_cut(record: Record, failure: Failure) -> Letter:
    """The dead letter of a record that is too large for it: its beginning, and how much that is."""
    key, value, originals = record.key or b"", record.value or b"", _originals(record)
    sizes = accumulate(len(name.encode()) + len(given or b"") for name, given in originals)
    kept = sum(size <= CUT_HEADERS for size in sizes)
    cut = (
        f"{min(len(value), CUT_VALUE)} of {len(value)} bytes of the value, {min(len(key), CUT_KEY)} of {len(key)} bytes"
        f" of the key, {kept} of {len(originals)} headers"
    )
    beginning = None if record.key is None else key[:CUT_KEY]
    said: Headers = [("dlt-cut", cut.encode()), *originals[:kept]]
    return _letter(record, failure, beginning, value[:CUT_VALUE], said)


def _originals(record: Record) -> Headers:
    return [(ORIGINAL + plain_name(name), value) for name, value in record.headers]


def _letter(record: Record, failure: Failure, key: bytes | None, value: bytes, more: Headers) -> Letter:
    said: Headers = [
        ("dlt-cause", failure.cause[:LONGEST_CAUSE].encode(errors="backslashreplace")),
        ("dlt-attempts", str(failure.attempts).encode()),
        ("dlt-first-time", failure.since.isoformat().encode()),
        ("dlt-time", datetime.now(UTC).isoformat().encode()),
    ]
    if key is not None:
        said.append(("dlt-key", key))
    if record.value is None:
        said.append(("dlt-null", b"value"))
    return letter_id(failure.group, record).encode(), value, said + more


def decode(key: bytes, value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> DeadLetter:
    """The dead letter of a record of a dead-letter topic. Raises ValueError when it isn't one of ours."""
    said = {name: value or b"" for name, value in headers if not name.startswith(ORIGINAL)}
    group, topic, partition, offset = key.decode().rsplit("/", 3)
    return DeadLetter(
        group=group,
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        key=said.get("dlt-key"),
        value=None if "dlt-null" in said else value,
        headers=[(name.removeprefix(ORIGINAL), value) for name, value in headers if name.startswith(ORIGINAL)],
        cause=said.get("dlt-cause", b"").decode(errors="replace"),
        attempts=int(said.get("dlt-attempts", b"1")),
        since=datetime.fromisoformat(said.get("dlt-first-time", b"").decode()),
        cut=said.get("dlt-cut", b"").decode(errors="replace"),
    )
