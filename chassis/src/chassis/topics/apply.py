"""Reads a broker's topics and carries a plan out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from chassis.topics.plan import Change, Present, Wanted, plan

OWN_SETTING = 1
"""The source of a setting that was given to the topic itself (DYNAMIC_TOPIC_CONFIG, KIP-226)."""
BROKER_DEFAULT = -1
"""A replication factor: whatever the broker's default is."""


class Unreachable(Exception):
    """No broker answered in time."""


async def apply(
    want: Sequence[Wanted],
    bootstrap_servers: str,
    *,
    replication_factor: int = BROKER_DEFAULT,
    patience: float = 60.0,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Change]:
    """Make the broker's topics as wanted, or only say how; the changes.

    Waits up to `patience` seconds for a broker and raises `Unreachable` then, KafkaError when a change is refused.
    """
    async with _admin(bootstrap_servers, patience, say) as admin:
        changes = plan(want, await _present(admin, [topic.name for topic in want]))
        for change in changes:
            say(str(change))
            if not dry_run:
                await _carry_out(admin, change, replication_factor)
        if changes and not dry_run:
            await _until_shown(admin, want)
        return changes


@asynccontextmanager
async def _admin(bootstrap_servers: str, patience: float, say: Callable[[str], None]) -> AsyncIterator[Any]:
    deadline = asyncio.get_running_loop().time() + patience
    said = False
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=10_000)
        try:
            await admin.start()
            break
        except (KafkaError, OSError) as error:
            await admin.close()
            if asyncio.get_running_loop().time() > deadline:
                raise Unreachable(f"no Kafka broker answers at {bootstrap_servers}") from error
            if not said:
                say(f"waiting for a Kafka broker at {bootstrap_servers}")
                said = True
            await asyncio.sleep(0.3)
    try:
        yield admin
    finally:
        await admin.close()


async def _present(admin: Any, names: Sequence[str]) -> dict[str, Present]:
    existing = set(await admin.list_topics()) & set(names)
    if not existing:
        return {}
    described = await admin.describe_topics(sorted(existing))
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
    settings = await _settings(admin, existing)
    return {name: Present(partitions[name], {key: value for key, value, _ in settings[name]}) for name in existing}


async def _settings(admin: Any, names: Iterable[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Each topic's settings: name, value, and where it comes from."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(names)])
    found = {}
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            _refuse(code, f"settings of {name}", message)
            found[name] = [(entry[0], entry[1], entry[3]) for entry in entries]
    return found


async def _until_shown(admin: Any, want: Sequence[Wanted]) -> None:
    """Wait until the broker shows what it was told; clients that come right after would miss it."""
    for _ in range(100):
        if not plan(want, await _present(admin, [topic.name for topic in want])):
            return
        await asyncio.sleep(0.05)


async def _carry_out(admin: Any, change: Change, replication_factor: int) -> None:
    topic = change.topic
    if change.create:
        new = NewTopic(topic.name, topic.partitions, replication_factor, {}, topic_configs=dict(topic.settings))
        if replication_factor != BROKER_DEFAULT:
            new = NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=dict(topic.settings))
        answer = await admin.create_topics([new])
        _, code, message = answer.topic_errors[0][:3]
        if for_code(code) is not TopicAlreadyExistsError:  # somebody else applies at the same time
            _refuse(code, f"create {topic.name}", message)
    if change.grow_from is not None:
        await admin.create_partitions({topic.name: NewPartitions(topic.partitions)})
    if change.settings:
        await _correct(admin, topic)


async def _correct(admin: Any, topic: Wanted) -> None:
    """Alter settings. The request replaces all that the topic has of its own, so those are sent again."""
    own = {name: value for name, value, source in (await _settings(admin, [topic.name]))[topic.name] if source == 1}
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, {**own, **topic.settings})
    for answer in await admin.alter_configs([resource]):
        for code, message, _, name in answer.resources:
            _refuse(code, f"settings of {name}", message)


def _refuse(code: int, what: str, message: str | None) -> None:
    if code:
        error = for_code(code)
        raise error(f"{what}: {message or error.__name__}")
