"""The golden messages: whole CloudEvents in structured mode, which producers' and consumers' tests read.

`<type>.json` is the example of a type; `<type>.<what>.json` are further ones (other variants of its data).
"""

import json
import secrets
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.catalogue import event_types, topics
from schemas.event import Event, dataschema


def messages() -> dict[str, dict[str, Any]]:
    """Every example by file name without its ending, in order."""
    folder = files("schemas") / "examples"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return {name.removesuffix(".json"): json.loads((folder / name).read_text("utf-8")) for name in names}


def event(name: str) -> Event:
    """The event of an example, by type (or type.what)."""
    return read(messages()[name])


def read(message: dict[str, Any]) -> Event:
    """The event in a structured CloudEvent, by today's model of its type; ValueError when it does not fit."""
    return event_types()[message["type"]].model_validate_json(json.dumps(message["data"]))


def headers(message: dict[str, Any]) -> dict[str, str]:
    """The same CloudEvent's Kafka headers in binary mode."""
    attributes = {
        name: value for name, value in message.items() if name not in ("data", "datacontenttype", "traceparent")
    }
    headers = {"content-type": str(message["datacontenttype"])} | {f"ce_{k}": str(v) for k, v in attributes.items()}
    return headers | ({"traceparent": message["traceparent"]} if "traceparent" in message else {})


def topic_of(message: dict[str, Any]) -> str:
    """The topic that carries the example."""
    return next(name for name, topic in topics().items() if message["type"] in topic.events)


def draft(type_: str, like: str, folder: Path) -> Path:
    """Begin the example of a new type from a neighbour's: its data with the next version, an id and a time of its own.

    Raises ValueError when there is no such neighbour, or the example is there already.
    """
    path = folder / f"{type_}.json"
    if like not in messages() or path.exists():
        raise ValueError(f"{path.name} exists already" if path.exists() else f"there is no example of {like}")
    now = datetime.now(UTC).replace(microsecond=0)
    message = messages()[like] | {"id": str(_uuid7(now)), "type": type_, "time": now.isoformat().replace("+00:00", "Z")}
    message["dataschema"] = dataschema(type_)
    for state in message["data"].values():
        state["version"] += 1
    path.write_text(json.dumps(message, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return path


def _uuid7(time: datetime) -> UUID:
    """RFC 9562, section 5.7: milliseconds, then chance."""
    chance = secrets.randbits(74)
    return UUID(
        int=int(time.timestamp() * 1000) << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & (1 << 62) - 1
    )
