"""What must be true of the published language before it is committed. Each gate says what is wrong and what to do."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas import asyncapi, golden, page
from schemas.catalogue import Topic, event_types, home_of, topics
from schemas.compatibility import breaks
from schemas.documents import HOME, committed, json_schemas, text_of
from schemas.history import published

GENERATE = "run `python -m schemas generate`"


def everything(home: Path = HOME, base: str | None = None) -> list[str]:
    """What every gate finds, the causes first; nothing when all is well."""
    found = list(catalogue())
    return found or [*compatibility(home, base), *examples(), *fresh(home)]


def catalogue() -> Iterator[str]:
    """topics.yaml and the models name the same types, each on one topic, with an owner and consumers."""
    listed = [(topic, type_) for topic in topics().values() for type_ in topic.events]
    for type_ in sorted(event_types().keys() - {type_ for _, type_ in listed}):
        topic_name = event_types()[type_].TOPIC
        yield f"{type_} is on no topic: list it in schemas/topics.yaml under {topic_name}, with its consumers"
    for topic, type_ in listed:
        yield from _entry(topic, type_)


def _entry(topic: Topic, type_: str) -> Iterator[str]:
    model = event_types().get(type_)
    if model is None:
        yield f"{type_} has no model: write its class in {home_of(topic)}"
    elif topic.name != model.TOPIC:
        yield f"{type_} is listed under {topic.name}, but its model says {model.TOPIC}: make them the same"
    if not re.fullmatch(rf"polepool\.{topic.owner}\.[a-z]+(_[a-z]+)*\.v[1-9]\d*", type_):
        yield f"{type_} is not named polepool.{topic.owner}.<what_happened>.v<number>: rename it"
    if not topic.name.startswith(f"polepool.{topic.owner}."):
        yield f"{topic.name} does not begin with its owner: rename it to polepool.{topic.owner}.<aggregates>"
    if not topic.events[type_]:
        yield f"{type_} has no consumer: list who reads it in schemas/topics.yaml, or don't publish it"


def compatibility(home: Path = HOME, base: str | None = None) -> Iterator[str]:
    """Nothing broke since any schema that was committed here, or since `base` (a folder or a git revision)."""
    today = json_schemas()
    sources = [("schemas/json", committed(home)), *published(home, base)] if base is None else published(home, base)
    seen = accepted(home)
    for where, old in sources:
        for broken in breaks(old, today):
            if broken not in seen:
                seen.add(broken)
                yield f"{broken} (since {where}): this breaks readers; add a new version of the type beside it"


def accepted(home: Path = HOME) -> set[str]:
    """The breaks that were made on purpose; each entry must give its reason."""
    path = home / "accepted-breaks.yaml"
    entries = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
    return {entry["break"] for entry in entries or [] if entry["reason"].strip()}


def examples() -> Iterator[str]:
    """Every type has a golden example, and today's models read every example and write the same again."""
    messages = golden.messages()
    for type_ in sorted(event_types().keys() - messages.keys()):
        yield f"{type_} has no golden example: write schemas/examples/{type_}.json (copy a neighbour)"
    for name, message in messages.items():
        if wrong := _example(name, message):
            yield f"schemas/examples/{name}.json: {wrong}"


def _example(name: str, message: dict[str, object]) -> str | None:
    type_ = str(message.get("type"))
    if type_ not in event_types():
        return f"no model has the type {type_}: a released type is kept while its messages are on the topics"
    if name != type_ and not name.startswith(f"{type_}."):
        return f"its type is {type_}: name the file by it"
    try:
        event = golden.read(message)
    except ValidationError as error:
        first = error.errors()[0]
        return f"today's model does not read it: data.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if message["data"] != event.model_dump(mode="json", exclude_none=True):
        return "today's model writes it differently: give every field, defaults too, and no unknown one"
    return None


def outputs(home: Path = HOME) -> dict[Path, str]:
    """Every generated file and what must be in it."""
    schemas = {home / "json" / f"{type_}.json": text_of(schema) for type_, schema in json_schemas().items()}
    return schemas | {home / "asyncapi.yaml": asyncapi.text(), home / "asyncapi.html": page.render()}


def fresh(home: Path = HOME) -> Iterator[str]:
    """What is committed is what would be generated."""
    expected = outputs(home)
    for path, content in expected.items():
        if not path.exists() or path.read_text("utf-8") != content:
            yield f"schemas/{path.relative_to(home)} is not what the models say: {GENERATE}"
    for path in _left_over(home, expected):
        yield f"schemas/{path.relative_to(home)} is of no event type: {GENERATE}"


def _left_over(home: Path, expected: Iterable[Path]) -> list[Path]:
    return sorted(set((home / "json").glob("*.json")) - set(expected))


def generate(home: Path = HOME) -> list[str]:
    """Write the generated files; when that would publish a break, write nothing and return what is wrong."""
    wrong = list(catalogue()) or list(compatibility(home))
    if not wrong:
        expected = outputs(home)
        for path, content in expected.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        for path in _left_over(home, expected):
            path.unlink()
    return wrong
