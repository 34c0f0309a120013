"""The golden examples: real messages, which everybody who speaks the language must be able to read."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator, FormatChecker

from chassis import communes
from chassis.consume.decode import decode
from chassis.errors import Poison
from chassis.relay.records import Entry, headers
from schemas import golden
from schemas.catalogue import event_types, topics
from schemas.documents import json_schemas
from schemas.event import MAX_EVENT_BYTES, Envelope, dataschema

MESSAGES = golden.messages()
every_example = pytest.mark.parametrize("name", MESSAGES)


class Record:
    """A consumed record, as aiokafka gives it."""

    partition, offset, timestamp = 0, 0, 0

    def __init__(self, topic: str, message: KafkaMessage) -> None:
        self.topic = topic
        self.key = message.key.encode() if isinstance(message.key, str) else message.key
        self.value: bytes | None = message.value
        self.headers: list[tuple[str, bytes | None]] = list(message.headers.items())


@every_example
def test_an_example_fits_its_json_schema(name: str) -> None:
    message = MESSAGES[name]
    Draft202012Validator(json_schemas()[message["type"]], format_checker=FormatChecker()).validate(message["data"])


@every_example
def test_todays_model_reads_an_example_of_any_version_and_writes_the_same(name: str) -> None:
    event = golden.read(MESSAGES[name])
    assert json.loads(event.data()) == MESSAGES[name]["data"]
    assert type(event).model_validate_json(event.data()) == event
    assert len(event.data()) < MAX_EVENT_BYTES


@every_example
def test_the_envelope_of_an_example_is_what_polepool_says(name: str) -> None:
    message = MESSAGES[name]
    envelope = Envelope.model_validate(message)
    assert envelope.id.version == 7
    assert envelope.subject == str(golden.read(message).aggregate.id)
    assert envelope.source == topics()[golden.topic_of(message)].source
    assert envelope.dataschema == dataschema(message["type"])


@every_example
def test_the_cloudevents_package_reads_an_example_in_structured_mode(name: str) -> None:
    event = JSONFormat().read(CloudEvent, json.dumps(MESSAGES[name]))
    assert event.get_type() == MESSAGES[name]["type"]
    assert event.get_data() == MESSAGES[name]["data"]
    assert json.loads(JSONFormat().write(event)) == MESSAGES[name]


@every_example
def test_the_cloudevents_package_reads_what_the_relay_writes_in_binary_mode(name: str) -> None:
    message = MESSAGES[name]
    sent = KafkaMessage(dict(headers(_entry(message), message["source"])), message["subject"], _value(message))
    event = from_binary(sent, JSONFormat(), CloudEvent)
    attributes = event.get_attributes()
    expected = {key: value for key, value in message.items() if key not in ("data", "traceparent", "time")}
    assert {key: attributes[key] for key in expected} == expected
    assert event.get_time() == Envelope.model_validate(message).time
    assert event.get_data() == message["data"]


@every_example
def test_a_consumer_reads_what_the_cloudevents_package_writes_in_binary_mode(name: str) -> None:
    message = MESSAGES[name]
    event = JSONFormat().read(CloudEvent, json.dumps(message))
    sent = to_binary(event, JSONFormat(), key_mapper=lambda event: event.get_subject())
    delivery = decode(Record(golden.topic_of(message), sent), event_types())
    assert delivery is not None
    assert delivery.event == golden.read(message)
    assert delivery.envelope.id == UUID(message["id"])


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("polepool.pooling.resource_offered.v1", '"version":1', '"version":"1"'),
        ("polepool.pooling.resource_offered.v1", '"version":1', '"version":true'),
        ("polepool.pooling.resource_offered.v1", '"seats":9', '"seats":"9"'),
        ("polepool.pooling.resource_offered.v1", '"ramp":true', '"ramp":"yes"'),
        ("polepool.pooling.resource_offered.v1", '"hour_cents":400', '"hour_cents":true'),
        ("polepool.pooling.booking_held.v1", '"start":"2027-03-18T07:00:00Z"', '"start":1805353200'),
        ("polepool.pooling.booking_held.v1", '"start":"2027-03-18T07:00:00Z"', '"start":"1805353200"'),
        ("polepool.pooling.booking_held.v1", '"start":"2027-03-18T07:00:00Z"', '"start":"2027-03-18T07:00:00"'),
        ("polepool.pooling.booking_held.v1", '"start":"2027-03-18T07:00:00Z"', '"start":"2027-03-18 07:00Z"'),
    ],
)
def test_a_consumer_refuses_what_the_published_schema_refuses(name: str, good: str, bad: str) -> None:
    message = MESSAGES[name]
    sent = to_binary(
        JSONFormat().read(CloudEvent, json.dumps(message)), JSONFormat(), lambda event: event.get_subject()
    )
    record = Record(golden.topic_of(message), sent)
    value = json.dumps(message["data"], separators=(",", ":"))
    assert good in value
    record.value = value.replace(good, bad).encode()
    with pytest.raises(Poison):
        decode(record, event_types())


@pytest.mark.parametrize("written", ["2026-11-05T10:00:00.123456789+01:00", "2026-11-05t09:00:00.123456z"])
def test_a_time_is_read_as_rfc_3339_writes_it(written: str) -> None:
    attributes = {"id": UUID(int=1), "source": "/x", "type": "x", "subject": "x"}
    assert Envelope.model_validate({**attributes, "time": written}).time == datetime(2026, 11, 5, 9, 0, 0, 123456, UTC)


@every_example
def test_the_documented_headers_are_those_that_the_relay_writes(name: str) -> None:
    message = MESSAGES[name]
    written = {key: value.decode() for key, value in headers(_entry(message), message["source"])}
    assert written == golden.headers(message)


@every_example
def test_an_example_names_no_person_and_only_real_communes(name: str) -> None:
    for key, value in _leaves(MESSAGES[name]["data"]):
        assert key not in {"email", "phone", "first_name", "last_name", "birth_date"}
        if key == "commune":
            communes.find(str(value))


def test_examples_are_one_story_each_event_once() -> None:
    ids = [message["id"] for message in MESSAGES.values()]
    assert len(ids) == len(set(ids))
    versions: dict[tuple[str, int], str] = {}
    for name, message in MESSAGES.items():
        version = golden.read(message).aggregate.version
        assert versions.setdefault((message["subject"], version), name) == name


def _entry(message: dict[str, Any]) -> Entry:
    time = Envelope.model_validate(message).time
    topic = golden.topic_of(message)
    trace = message["traceparent"]
    return Entry(0, 1, topic, message["subject"], message["id"], message["type"], time, trace, _value(message).decode())


def _value(message: dict[str, Any]) -> bytes:
    return golden.read(message).data()


def _leaves(node: object, key: str = "") -> list[tuple[str, object]]:
    if isinstance(node, dict):
        return [leaf for name, inner in node.items() for leaf in _leaves(inner, name)]
    if isinstance(node, list):
        return [leaf for inner in node for leaf in _leaves(inner, key)]
    return [(key, node)]
