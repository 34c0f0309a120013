"""The parts that every other test stands on."""

import time
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from chassis.testing import Parts
from polepool_local.ports import is_free
from polepool_local.testing import OwnKafka, OwnPostgres


async def _with_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def _send(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def _first(bootstrap: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        value: bytes | None = (await consumer.getone()).value
        return value


async def test_the_database_is_postgresql_18_and_asks_for_a_password(parts: Parts) -> None:
    connection = await asyncpg.connect(parts.postgres_admin_url)
    assert connection.get_server_version().major == 18
    await connection.close()
    password = parts.postgres_admin_url.split("@")[0].rpartition(":")[2]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(parts.postgres_admin_url.replace(password, "guessed"))


async def test_the_broker_never_creates_a_topic_by_itself(parts: Parts) -> None:
    async with AIOKafkaProducer(bootstrap_servers=parts.kafka_bootstrap, request_timeout_ms=1000) as producer:
        with pytest.raises((UnknownTopicOrPartitionError, KafkaTimeoutError)):
            await producer.send_and_wait("nobody-made-it", b"x")
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka_bootstrap)
    await admin.start()
    assert "nobody-made-it" not in await admin.list_topics()
    await admin.close()


async def test_a_killed_broker_is_back_on_its_port_in_seconds_with_what_it_had(
    own_kafka: Callable[[], Awaitable[OwnKafka]],
) -> None:
    broker = await own_kafka()
    await _with_topic(broker.bootstrap, "kept")
    await _send(broker.bootstrap, "kept", b"before")
    await broker.kill()
    assert is_free(broker.broker.port)
    began = time.monotonic()
    await broker.start()
    assert await _first(broker.bootstrap, "kept") == b"before"
    assert time.monotonic() - began < 12


async def test_a_killed_database_server_comes_back_with_what_was_committed(
    own_postgres: Callable[[], Awaitable[OwnPostgres]],
) -> None:
    server = await own_postgres()
    connection = await asyncpg.connect(server.admin_url)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await server.kill()
    connection.terminate()
    await server.start()
    connection = await asyncpg.connect(server.admin_url)
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()
