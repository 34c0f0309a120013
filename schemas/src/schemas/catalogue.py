"""The catalogue: every topic and event type, from topics.yaml and the event models."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Literal

import yaml

from schemas import membership, pooling
from schemas.event import Event

DEAD_LETTER_SUFFIX = ".dlt"
SPOKEN = (membership, pooling)
"""Where event models are written: a module, or a package whose modules are one per topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as topics.yaml describes it; `events` maps each event type to the services that consume it."""

    name: str
    owner: str
    key: str
    partitions: int
    cleanup: Literal["compact", "delete"]
    events: dict[str, tuple[str, ...]]

    @property
    def source(self) -> str:
        """The CloudEvents source of all its events."""
        return f"/polepool/{self.owner}"


@cache
def topics() -> dict[str, Topic]:
    """All topics by name, dead-letter topics not among them."""
    listed = yaml.safe_load((files("schemas") / "topics.yaml").read_text("utf-8"))["topics"]
    return {name: _topic(name, listed[name]) for name in listed}


def _topic(name: str, entry: dict[str, Any]) -> Topic:
    consumers = {type_: tuple(services or ()) for type_, services in entry["events"].items()}
    return Topic(**{**entry, "name": name, "events": consumers})


@cache
def event_types() -> dict[str, type[Event]]:
    """All event models by type, as `ce_type` names them. Raises TypeError when two have the same."""
    return by_type(
        model
        for root in SPOKEN
        for module in _modules(root)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, Event) and hasattr(model, "TYPE")
    )


def by_type(models: Iterable[type[Event]]) -> dict[str, type[Event]]:
    """These models by type, each as often as it comes. Raises TypeError when two have the same."""
    known: dict[str, type[Event]] = {}
    for model in models:
        if known.setdefault(model.TYPE, model) is not model:
            raise TypeError(f"{model.TYPE} is the type of both {known[model.TYPE].__name__} and {model.__name__}")
    return known


def home_of(topic: Topic) -> str:
    """The file that the models of a topic's events belong in."""
    split = any(root.__name__ == f"schemas.{topic.owner}" and hasattr(root, "__path__") for root in SPOKEN)
    aggregates = topic.name.rpartition(".")[2]
    return f"schemas/src/schemas/{topic.owner}/{aggregates}.py" if split else f"schemas/src/schemas/{topic.owner}.py"


def _modules(root: ModuleType) -> Iterator[ModuleType]:
    """The module and those below it: what a package doesn't export again is there all the same."""
    yield root
    for found in iter_modules(getattr(root, "__path__", ())):
        yield from _modules(import_module(f"{root.__name__}.{found.name}"))
