"""What may change in an event type, and what needs a new version of it.

Topics are compacted: consumers read messages of every age, and are deployed after or before producers. So a schema
must accept what its older self accepted, and the other way round. Within a version these alone are compatible:

- a new optional property (readers ignore what they don't know);
- other words: title, description, examples.

Everything else is a break: a property removed or renamed, or become required, optional or nullable; a new required one;
another type, bound, pattern, format, default or constant; a variant more or less; and an enum value removed (old
messages have it) or *added* (readers are strict: they would dead-letter it). A break takes a new type, `.v2` beside
`.v1`. The rare break on purpose (nobody reads the type yet, or its last consumer has moved) is written down with its
reason in schemas/accepted-breaks.yaml.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDS = {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated", "discriminator"}
COMPARED_APART = {"properties", "required", "enum", "oneOf", "anyOf", "items", "additionalProperties"}


def breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """What was broken between two sets of schemas by event type, each as "type: path: what"."""
    found = [f"{type_}: the type was removed" for type_ in sorted(old.keys() - new.keys())]
    for type_ in sorted(old.keys() & new.keys()):
        found += [f"{type_}: {change}" for change in changes(plain(old[type_]), plain(new[type_]))]
    return found


def plain(schema: Schema) -> dict[str, Any]:
    """A schema with its references put in place and its words left out."""
    return dict(_resolve(schema, schema.get("$defs", {}), ()))


def changes(old: Schema, new: Schema, path: str = "data") -> Iterator[str]:
    """Each incompatible change from one plain schema to the next."""
    for key in sorted((old.keys() | new.keys()) - COMPARED_APART):
        if old.get(key) != new.get(key):
            yield f"{path}: {key} was {_show(old.get(key))}, is {_show(new.get(key))}"
    yield from _values(old, new, path)
    yield from _properties(old, new, path)
    for key in ("oneOf", "anyOf"):
        yield from _variants(old.get(key, []), new.get(key, []), path)
    for key, step in (("items", "[]"), ("additionalProperties", "{}")):
        yield from _inner(old.get(key), new.get(key), path + step)


def _resolve(node: Any, definitions: Schema, within: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_resolve(item, definitions, within) for item in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        name = str(reference).rsplit("/", 1)[-1]
        if name in within:
            raise ValueError(f"{name} contains itself: an event's data can't be recursive")
        return _resolve(
            {**definitions[name], **{k: v for k, v in node.items() if k != "$ref"}}, definitions, (*within, name)
        )
    return {
        key: {name: _resolve(inner, definitions, within) for name, inner in value.items()}
        if key == "properties"
        else _resolve(value, definitions, within)
        for key, value in node.items()
        if key not in WORDS
    }


def _values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for value in sorted(set(old.get("enum", ())) - set(new.get("enum", ()))):
        yield f"{path}: the value {_show(value)} was removed"
    for value in sorted(set(new.get("enum", ())) - set(old.get("enum", ()))):
        yield f"{path}: the value {_show(value)} was added, which today's readers refuse"


def _properties(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        here = f"{path}.{name}"
        if name not in after:
            yield f"{here} was removed"
            continue
        if (name in needed_before) != (name in needed_after):
            yield f"{here} became {'required' if name in needed_after else 'optional'}"
        yield from changes(before[name], after[name], here)
    for name in sorted(after.keys() - before.keys() & needed_after):
        yield f"{path}.{name} is new and required"


def _variants(old: list[Schema], new: list[Schema], path: str) -> Iterator[str]:
    before, after = ({_variant(schema): schema for schema in schemas} for schemas in (old, new))
    for name in before.keys() - after.keys():
        yield f"{path}: the variant {name} was removed"
    for name in after.keys() - before.keys():
        yield f"{path}: the variant {name} was added, which today's readers refuse"
    for name in before.keys() & after.keys():
        yield from changes(before[name], after[name], f"{path}<{name}>")


def _variant(schema: Schema) -> str:
    """What tells a variant from its siblings: its constant, else its type and format."""
    constants = [p["const"] for p in schema.get("properties", {}).values() if "const" in p]
    return " ".join(map(str, constants or [schema.get("type", ""), schema.get("format", "")])).strip()


def _inner(old: object, new: object, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from changes(old, new, path)
    elif old != new:
        yield f"{path}: was {_show(old)}, is {_show(new)}"


def _show(value: object) -> str:
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
