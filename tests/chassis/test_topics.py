"""Topics become what topics.yaml says, and nothing is ever taken away."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from chassis.record import source_of
from chassis.testing import Parts
from chassis.topics import Wanted, apply, wanted
from chassis.topics.__main__ import app
from polepool_local.ports import free_ports
from schemas.catalogue import topics


@asynccontextmanager
async def _admin(parts: Parts) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka_bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _new(partitions: int, **settings: str) -> Wanted:
    return Wanted(f"polepool.test.t{secrets.token_hex(4)}", partitions, {"cleanup.policy": "compact"} | settings)


async def _has(parts: Parts, name: str) -> tuple[int, dict[str, str]]:
    async with _admin(parts) as admin:
        (topic,) = await admin.describe_topics([name])
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return len(topic["partitions"]), {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def _apply(parts: Parts, want: Sequence[Wanted], *, dry_run: bool = False) -> list[str]:
    return [str(change) for change in await apply(want, parts.kafka_bootstrap, dry_run=dry_run)]


async def test_what_is_missing_is_created_and_then_there_is_nothing_to_change(parts: Parts) -> None:
    topic = _new(3)
    assert await _apply(parts, [topic]) == [f"create {topic.name}: 3 partitions, cleanup.policy=compact"]
    partitions, settings = await _has(parts, topic.name)
    assert (partitions, settings["cleanup.policy"]) == (3, "compact")
    assert await _apply(parts, [topic]) == []


async def test_a_dry_run_says_the_same_and_does_nothing(parts: Parts) -> None:
    topic = _new(3)
    assert await _apply(parts, [topic], dry_run=True) == [f"create {topic.name}: 3 partitions, cleanup.policy=compact"]
    async with _admin(parts) as admin:
        assert topic.name not in await admin.list_topics()


async def test_partitions_grow_and_never_shrink(parts: Parts) -> None:
    topic = _new(2)
    await _apply(parts, [topic])
    assert await _apply(parts, [Wanted(topic.name, 4, topic.settings)]) == [f"change {topic.name}: partitions 2 -> 4"]
    assert await _apply(parts, [topic]) == []
    assert (await _has(parts, topic.name))[0] == 4


async def test_a_setting_is_corrected_and_others_settings_are_kept(parts: Parts) -> None:
    topic = _new(1, **{"cleanup.policy": "delete", "segment.ms": "1234567"})
    await _apply(parts, [topic])
    said = await _apply(parts, [Wanted(topic.name, 1, {"cleanup.policy": "compact", "min.insync.replicas": "1"})])
    assert said == [f"change {topic.name}: cleanup.policy delete -> compact"]
    settings = (await _has(parts, topic.name))[1]
    assert (settings["cleanup.policy"], settings["segment.ms"]) == ("compact", "1234567")


def test_each_topic_has_a_dead_letter_topic_for_larger_records_and_is_named_after_its_owner() -> None:
    named = {topic.name: topic for topic in wanted(topics().values(), min_insync=2)}
    for topic in topics().values():
        assert named[topic.name].partitions == topic.partitions
        letters = named[topic.name + ".dlt"]
        assert letters.settings["cleanup.policy"] == "compact"
        assert int(letters.settings["max.message.bytes"]) > 2**20
        assert letters.settings["min.insync.replicas"] == "2"
        assert source_of(topic.name) == topic.source


def test_the_command_applies_the_catalogue_and_says_when_there_is_nothing_left_to_do(parts: Parts) -> None:
    arguments = ["apply", "--bootstrap-servers", parts.kafka_bootstrap]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    again = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert (again.exit_code, again.stdout) == (0, "nothing to change\n")


def test_the_command_says_whom_it_waits_for_and_gives_up() -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    result = CliRunner().invoke(app, ["apply", "--bootstrap-servers", address, "--wait", "0.5"])
    assert result.exit_code == 1
    assert f"waiting for a Kafka broker at {address}" in result.stdout
    assert f"no Kafka broker answers at {address}" in result.stderr


@pytest.mark.parametrize("arguments", [["apply"], ["apply", "--replication-factor", "x"], ["remove"]])
def test_a_wrong_command_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLEPOOL_KAFKA__BOOTSTRAP_SERVERS", raising=False)
    assert CliRunner().invoke(app, arguments).exit_code == 2
