"""Records that can't be handled: they end where an operator finds them, and nothing else is held up."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from chassis.dead_letters import DeadLetter, dead_letters
from chassis.settings import KafkaSettings
from chassis.testing import eventually
from chassis.testing.kafka import Raw, as_record, produce
from schemas import golden
from schemas.catalogue import Topic, topics
from schemas.event import Event
from tests.journeys.town import Service, Town

pytestmark = pytest.mark.timeout(300)


async def has_effect(service: Service, record: Raw) -> bool:
    """Whether the service's inbox has the record's event: it was handled, in the transaction of its effect."""
    connection = await asyncpg.connect(service.database.url.get_secret_value())
    try:
        event_id = UUID(record.header("ce_id"))
        return bool(await connection.fetchval("SELECT count(*) FROM inbox WHERE event_id = $1", event_id))
    finally:
        await connection.close()


async def letter_of(town: Town, group: str, topic: str, record: Raw) -> DeadLetter | None:
    """The dead letter that the record became, if it did."""
    kafka = KafkaSettings(bootstrap_servers=town.parts.kafka_bootstrap)
    letters = await dead_letters(kafka, group, [topic])
    return next((each for each in letters if dict(each.headers).get("ce_id") == dict(record.headers)["ce_id"]), None)


def example_of(topic: Topic) -> Event:
    """A golden example of an event of this topic."""
    return golden.event(next(iter(topic.events)))


async def redriven(service: Service, letter: DeadLetter, corrected: Path) -> None:
    """Have a dead letter handled after all by the operator's command, with its value corrected."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", service.name, "dead-letters", "redrive", letter.id, "--value", str(corrected)),
        env={"PATH": os.environ["PATH"], **{f"POLEPOOL_{name}": value for name, value in service.settings.items()}},
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()


@pytest.mark.parametrize("name", topics())
async def test_a_poisoned_record_waits_for_its_fix_while_the_rest_goes_on(
    town: Town, name: str, tmp_path: Path
) -> None:
    topic = topics()[name]
    good = as_record(example_of(topic))
    poisoned = replace(as_record(example_of(topic)), value=(good.value or b"")[:-1])
    await produce(town.parts, name, [poisoned, good])
    consumers = [service for service in town.services if service.name in topic.events[good.header("ce_type")]]
    assert consumers
    corrected = tmp_path / "corrected.json"
    corrected.write_bytes(good.value or b"")
    for service in consumers:
        await eventually(lambda service=service: has_effect(service, good))
        letter = await eventually(lambda service=service: letter_of(town, service.name, name, poisoned))
        assert isinstance(letter, DeadLetter)
        assert (letter.topic, letter.value) == (name, poisoned.value)
        assert "JSON" in letter.cause
        assert not await has_effect(service, poisoned)
    for service in consumers:
        letter = await letter_of(town, service.name, name, poisoned)
        assert letter is not None
        await redriven(service, letter, corrected)
        assert await has_effect(service, poisoned)
        assert await letter_of(town, service.name, name, poisoned) is None
