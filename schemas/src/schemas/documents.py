"""The JSON Schema (2020-12) of each event type, as schemas/json holds it."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from schemas.catalogue import event_types
from schemas.event import Event, dataschema

HOME = Path(__file__).resolve().parents[2]
"""The folder of topics.yaml, json/ and examples/ in a checkout."""

Document = dict[str, Any]


class Plain(GenerateJsonSchema):
    """pydantic's schema without a title on each field: it only repeats the field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value  # the order in which the models are written


def json_schema(model: type[Event]) -> Document:
    """What the data of this event looks like to those who read it: fields unknown to the schema are allowed."""
    schema = model.model_json_schema(schema_generator=Plain)
    if "$defs" in schema:
        schema["$defs"] = dict(sorted(schema["$defs"].items()))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": dataschema(model.TYPE), **schema}


def json_schemas() -> dict[str, Document]:
    """The JSON Schema of every event type of the catalogue, by type."""
    return {type_: json_schema(model) for type_, model in sorted(event_types().items())}


def text_of(document: Document) -> str:
    """The document as it is committed: the same bytes each time."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def committed(home: Path = HOME) -> dict[str, Document]:
    """The schemas that the folder holds, by type."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((home / "json").glob("*.json"))}
