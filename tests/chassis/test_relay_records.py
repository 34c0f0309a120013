"""Published records: CloudEvents in Kafka's binary mode, where Kafka's default partitioner would put them."""

from typing import Any

from aiokafka.partitioner import murmur2
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from chassis.relay.records import hashes
from chassis.telemetry import continued
from chassis.testing import Parts
from tests.chassis.relaying import SOURCE, ThingHappened, happened, house, things


async def test_a_record_is_a_cloud_event_in_binary_mode(parts: Parts) -> None:
    async with house(parts) as our, our.relaying():
        [thing] = things(1)
        with continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "request"):
            await our.say([happened(thing)])
        [record] = await our.published()
        row = await our.pool.fetchrow("SELECT event_id, time FROM outbox")
    assert row is not None
    headers = {name: value or b"" for name, value in record.headers}
    oracle = from_binary_event(KafkaMessage(headers, record.key, record.value or b""), JSONFormat())
    assert oracle.get_id() == str(row["event_id"])
    assert oracle.get_source() == SOURCE
    assert oracle.get_type() == ThingHappened.TYPE
    assert oracle.get_subject() == str(thing)
    assert oracle.get_time() == row["time"]
    assert oracle.get_specversion() == "1.0"
    assert oracle.get_dataschema() == f"urn:polepool:schema:{ThingHappened.TYPE}"
    assert oracle.get_datacontenttype() == "application/json"
    data: Any = oracle.get_data()
    assert data["thing"]["id"] == str(thing)
    assert record.key == str(thing).encode()
    assert "0af7651916cd43dd8448eb211c80319c" in record.header("traceparent")
    assert abs(record.timestamp / 1000 - row["time"].timestamp()) < 0.002


@given(st.lists(st.uuids().map(str), min_size=1))
def test_keys_go_to_the_partitions_of_kafkas_default_partitioner(keys: list[str]) -> None:
    assert hashes(keys) == [murmur2(key.encode()) & 0x7FFFFFFF for key in keys]


async def test_records_of_a_key_share_the_partition_that_other_producers_choose(parts: Parts) -> None:
    async with house(parts, partitions=5) as our, our.relaying():
        keys = things(40)
        await our.say([happened(key, version) for version in (1, 2) for key in keys])
        records = await our.published()
    assert {(record.key, record.partition) for record in records} == {
        (str(key).encode(), (murmur2(str(key).encode()) & 0x7FFFFFFF) % 5) for key in keys
    }
