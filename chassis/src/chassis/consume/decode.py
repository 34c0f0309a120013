"""From a raw record to a delivery: everything that can be wrong with a record is said here, as `Poison`.

It runs within the batch's handling, never inside the client, because what raises there is lost in silence.
"""

from collections.abc import Mapping
from uuid import UUID

from pydantic import ValidationError

from chassis.consume.delivery import Delivery
from chassis.errors import Poison
from chassis.record import Record, plain_name, source_of
from schemas.event import MAX_EVENT_BYTES, Envelope, Event

ATTRIBUTES = ("id", "source", "type", "subject", "time")


def decode(record: Record, models: Mapping[str, type[Event]]) -> Delivery | None:
    """The record's event, or None when its type is not one of `models`. Raises `Poison`."""
    headers = _headers(record)
    if "ce_type" in headers and headers["ce_type"] not in models:
        return None
    envelope = _envelope(headers, record.topic)
    model = models[envelope.type]
    return Delivery(_event(record, model, envelope), envelope, record.topic, record.partition, record.offset)


def _headers(record: Record) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in record.headers:
        if not name.isascii() and (shown := plain_name(name)) != name:
            raise Poison(f"header name {shown}: not UTF-8")
        if value is None:
            raise Poison(f"header {name}: null")
        if name in headers and name.startswith("ce_"):
            raise Poison(f"header {name}: given twice")
        try:
            headers[name] = value.decode()
        except UnicodeDecodeError:
            raise Poison(f"header {name}: not UTF-8") from None
    return headers


def _envelope(headers: Mapping[str, str], topic: str) -> Envelope:
    missing = [f"ce_{name}" for name in ATTRIBUTES if f"ce_{name}" not in headers]
    if missing:
        raise Poison(f"headers missing: {', '.join(missing)}")
    if headers.get("ce_specversion", "1.0") != "1.0":
        raise Poison(f"header ce_specversion: {headers['ce_specversion']!r} is not '1.0'")
    if headers["ce_source"] != source_of(topic):
        raise Poison(f"header ce_source: {headers['ce_source']!r} does not own {topic}")
    attributes = {name: headers[f"ce_{name}"] for name in ATTRIBUTES}
    try:
        return Envelope.model_validate(
            {**attributes, "dataschema": headers.get("ce_dataschema"), "traceparent": headers.get("traceparent")}
        )
    except ValidationError as error:
        raise Poison("header ce_" + _first(error)) from None


def _event(record: Record, model: type[Event], envelope: Envelope) -> Event:
    if record.value is None:
        raise Poison("data: null")
    if len(record.value) > MAX_EVENT_BYTES:
        raise Poison(f"data: {len(record.value)} bytes, over {MAX_EVENT_BYTES}")
    try:
        event = model.model_validate_json(record.value, strict=True)
    except ValidationError as error:
        raise Poison("data: " + _first(error)) from None
    _check_key(record, envelope, event.aggregate.id)
    return event


def _check_key(record: Record, envelope: Envelope, aggregate_id: UUID) -> None:
    expected = str(aggregate_id)
    if record.key != expected.encode():
        raise Poison(f"key: {record.key!r} is not the aggregate's id {expected}")
    if envelope.subject != expected:
        raise Poison(f"header ce_subject: {envelope.subject!r} is not the aggregate's id {expected}")


def _first(error: ValidationError) -> str:
    """The first thing wrong: where and which rule, without the input, which may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
