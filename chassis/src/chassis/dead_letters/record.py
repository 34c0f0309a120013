"""A dead letter: a record that a group could not handle, kept whole beside what was wrong with it.

Key `group/topic/partition/offset`, so that the same record sent twice is one letter, and a tombstone (a null value)
takes it away. The value is the original's (empty with `dlt-null: value` when that was null). The original's headers
come as `dlt-original-<name>`, its key as `dlt-key`; the rest of the `dlt-` headers say what happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.record import Record, plain_name

ORIGINAL = "dlt-original-"
LONGEST_CAUSE = 2000

Headers = list[tuple[str, bytes | None]]


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

    @property
    def id(self) -> str:
        """What the commands call it, and the key that it is kept under."""
        return f"{self.group}/{self.topic}/{self.partition}/{self.offset}"


def letter_id(group: str, record: Record) -> str:
    """The id of the dead letter that a record becomes."""
    return f"{group}/{record.topic}/{record.partition}/{record.offset}"


def encode(record: Record, failure: Failure) -> tuple[bytes, bytes, Headers]:
    """The dead letter's key, value and headers."""
    said: Headers = [
        ("dlt-cause", failure.cause[:LONGEST_CAUSE].encode(errors="backslashreplace")),
        ("dlt-attempts", str(failure.attempts).encode()),
        ("dlt-first-time", failure.since.isoformat().encode()),
        ("dlt-time", datetime.now(UTC).isoformat().encode()),
    ]
    if record.key is not None:
        said.append(("dlt-key", record.key))
    if record.value is None:
        said.append(("dlt-null", b"value"))
    originals: Headers = [(ORIGINAL + plain_name(name), value) for name, value in record.headers]
    return letter_id(failure.group, record).encode(), record.value or b"", said + originals


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
    )
