"""What a broker must be told so that its topics are as wanted. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.catalogue import DEAD_LETTER_SUFFIX, Topic

LETTER_BYTES = 2 * 1024 * 1024
"""A dead letter is larger than its original, which may be as large as a broker takes by default (1 MiB)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be; settings that aren't named here are left as they are."""

    name: str
    partitions: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Present:
    """A topic as a broker has it, with all its settings."""

    partitions: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting to correct."""

    name: str
    was: str | None
    to: str


@dataclass(frozen=True, slots=True)
class Change:
    """What to do about one topic."""

    topic: Wanted
    create: bool = False
    grow_from: int | None = None
    settings: tuple[Setting, ...] = field(default=())

    def __str__(self) -> str:
        if self.create:
            settings = ", ".join(f"{name}={value}" for name, value in sorted(self.topic.settings.items()))
            return f"create {self.topic.name}: {self.topic.partitions} partitions, {settings}"
        said = [f"{each.name} {each.was} -> {each.to}" for each in self.settings]
        if self.grow_from is not None:
            said.insert(0, f"partitions {self.grow_from} -> {self.topic.partitions}")
        return f"change {self.topic.name}: {', '.join(said)}"


def wanted(topics: Iterable[Topic], min_insync: int | None = None) -> list[Wanted]:
    """The topics of the catalogue, each followed by its dead-letter topic."""
    shared = {} if min_insync is None else {"min.insync.replicas": str(min_insync)}
    found = []
    for topic in topics:
        found.append(Wanted(topic.name, topic.partitions, {"cleanup.policy": topic.cleanup, **shared}))
        letters = {"cleanup.policy": "compact", "max.message.bytes": str(LETTER_BYTES), **shared}
        found.append(Wanted(topic.name + DEAD_LETTER_SUFFIX, 1, letters))
    return found


def plan(want: Iterable[Wanted], present: Mapping[str, Present]) -> list[Change]:
    """What differs, in the order given; empty when all is as wanted."""
    return [change for topic in want if (change := _change(topic, present.get(topic.name)))]


def _change(topic: Wanted, present: Present | None) -> Change | None:
    if present is None:
        return Change(topic, create=True)
    settings = tuple(
        Setting(name, present.settings.get(name), value)
        for name, value in topic.settings.items()
        if present.settings.get(name) != value
    )
    grow_from = present.partitions if present.partitions < topic.partitions else None
    return Change(topic, grow_from=grow_from, settings=settings) if settings or grow_from is not None else None
