"""The AsyncAPI 3.0 document: what is on each topic, who sends it, who receives it."""

from importlib.metadata import version
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from schemas import golden
from schemas.catalogue import DEAD_LETTER_SUFFIX, Topic, event_types, topics
from schemas.documents import Document, Plain
from schemas.event import MAX_EVENT_BYTES, dataschema

BINDING = "0.5.0"

DESCRIPTION = f"""\
The events by which Polepool's services, and whoever else may read them, tell each other what happened.

Each message is a CloudEvent 1.0: on Kafka in binary mode (attributes in `ce_` headers, bare JSON data of at most
{MAX_EVENT_BYTES // 1024} KiB), in webhooks and feeds in structured mode. Its data says what happened *and* carries the
aggregate's whole public state after it with its version, so a reader upserts what is newer and ignores the rest.
Records are keyed by the aggregate's id: order holds within a key. Topics are compacted: each keeps at least the last
event of every aggregate. Readers ignore fields that they don't know, and types too.
A record that a consumer can't handle is copied to the topic's name with `{DEAD_LETTER_SUFFIX}`, with its cause."""

ATTRIBUTES = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {"type": "string", "format": "uuid", "description": "uuid7; a duplicate delivery has the same."},
    "ce_source": {"type": "string", "description": "The service that owns the topic."},
    "ce_type": {"type": "string", "description": "The event type and its version."},
    "ce_subject": {"type": "string", "format": "uuid", "description": "The aggregate's id, as the key."},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
    "ce_dataschema": {"type": "string", "description": "The id of the data's JSON Schema."},
    "content-type": {"type": "string", "const": "application/json"},
    "traceparent": {"type": "string", "description": "W3C trace context of what caused the event."},
}
OPTIONAL = {"ce_dataschema", "content-type", "traceparent"}


def document() -> Document:
    """The whole document, from the catalogue, the models and the golden examples."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Polepool events",
            "version": version("polepool-schemas"),
            "description": DESCRIPTION,
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic) for name, topic in topics().items()},
        "operations": dict(_operation(*operation) for operation in _operations()),
        "components": {
            "messages": {type_: _message(topic, type_) for topic in topics().values() for type_ in topic.events},
            "schemas": _schemas(),
        },
    }


def text() -> str:
    """The document as it is committed."""
    return yaml.dump(document(), Dumper=Unaliased, sort_keys=False, allow_unicode=True, width=120)


class Unaliased(yaml.SafeDumper):
    """YAML without anchors, which people and some parsers stumble over."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "title": topic.name.rsplit(".", 1)[-1].capitalize(),
        "description": f"Written by {topic.owner} alone, keyed by `{topic.key}`.",
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in topic.events},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": [topic.cleanup]},
                "bindingVersion": BINDING,
            }
        },
    }


def _operations() -> list[tuple[str, str, Topic, list[str]]]:
    """Service, action, topic and event types, sends first."""
    sends = [(topic.owner, "send", topic, list(topic.events)) for topic in topics().values()]
    receives = [
        (service, "receive", topic, [type_ for type_, readers in topic.events.items() if service in readers])
        for topic in topics().values()
        for service in sorted({reader for readers in topic.events.values() for reader in readers})
    ]
    return sends + receives


def _operation(service: str, action: str, topic: Topic, types: list[str]) -> tuple[str, Document]:
    operation: Document = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{service} {action}s {topic.name}",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{type_}"} for type_ in types],
    }
    if action == "receive":
        group = {"type": "string", "const": service}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING}}
    return f"{service}.{action}.{topic.name}", operation


def _message(topic: Topic, type_: str) -> Document:
    model = event_types()[type_]
    own = {"ce_source": topic.source, "ce_type": type_, "ce_dataschema": dataschema(type_)}
    headers = {name: schema | ({"const": own[name]} if name in own else {}) for name, schema in ATTRIBUTES.items()}
    return {
        "name": type_,
        "title": model.__name__,
        "summary": model.__doc__ or "",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": [name for name in ATTRIBUTES if name not in OPTIONAL],
            "properties": headers,
        },
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"`{topic.key}`"},
                "bindingVersion": BINDING,
            }
        },
        "examples": [
            {"name": name, "headers": golden.headers(message), "payload": message["data"]}
            for name, message in golden.messages().items()
            if message["type"] == type_
        ],
    }


def _schemas() -> dict[str, Any]:
    """Every model's schema once, referring to each other inside the document."""
    models = [(model, "validation") for _, model in sorted(event_types().items())]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}", schema_generator=Plain)  # type: ignore[arg-type]
    return {name: _without_discriminator(schema) for name, schema in sorted(found["$defs"].items())}


def _without_discriminator(node: object) -> object:
    """AsyncAPI's discriminator is a name, OpenAPI's an object; the variants' constants say the same."""
    if isinstance(node, list):
        return [_without_discriminator(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_discriminator(value) for key, value in node.items() if key != "discriminator"}
    return node
