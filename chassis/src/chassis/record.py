"""A record of Kafka, as raw as it comes."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """A raw record: header values, key and value may be anything, or null."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


def source_of(topic: str) -> str:
    """The only CloudEvents source that a topic accepts: topics are named polepool.<owner>.<what>."""
    return "/polepool/" + topic.split(".")[1]


def plain_name(name: str) -> str:
    """A header's name with what isn't UTF-8 in it (surrogates, as `consume.raw` reads it) written as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
