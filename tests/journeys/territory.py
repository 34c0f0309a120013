"""A pole with two members in a town: Anne's organisation owns a minibus, Bob's is looking for one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.testing import eventually, read_topic
from chassis.testing.kafka import Raw
from schemas.catalogue import DEAD_LETTER_SUFFIX, topics
from tests.journeys.town import Town
from tests.support.membership import Actor, Json, join, sign_up
from tests.support.notifications import at, inbox, subscribe
from tests.support.pooling import Pooler, need, period


@dataclass(frozen=True)
class Member:
    """A member organisation, with the person who manages it at each of the three services."""

    person: Actor
    organisation_id: str
    membership: Json
    pooling: Pooler
    notifications: Actor

    @property
    def pole_id(self) -> str:
        """Where it is a member."""
        return str(self.membership["pole_id"])

    async def offer(self, **changes: object) -> Json:
        """A minibus, all of the day; waits until pooling knows of the membership."""
        made: Json = await eventually(
            lambda: self.pooling.offer(self.pole_id, self.organisation_id, [hours(8, 18)], **changes)
        )
        return made

    async def request(self, start: int = 8, end: int = 12, minutes: int | None = 120) -> Json:
        """Ask for a minibus; waits until pooling knows of the membership."""
        line = need(hours(start, end), minutes=minutes)
        made: Json = await eventually(lambda: self.pooling.request(self.pole_id, self.organisation_id, [line]))
        return made

    async def book(self, resource: Json, start: int, end: int) -> Json:
        """Hold a resource directly; waits until pooling knows of the membership."""
        made: Json = await eventually(
            lambda: self.pooling.book(resource, self.pole_id, self.organisation_id, hours(start, end))
        )
        return made

    async def subscribe(self, town: Town, event_types: Sequence[str]) -> Json:
        """A webhook that the town's receiver can verify; waits until notifications knows the organisation."""
        name = self.organisation_id
        made: Json = await eventually(lambda: subscribe(self.notifications, name, town.hooks.url(name), event_types))
        town.hooks.secrets[name] = made["secret"]
        return made


@dataclass(frozen=True)
class Pole:
    """A pole and who runs it."""

    town: Town
    id: str
    coordinator: Actor

    async def member(self) -> Member:
        """A new organisation that joined."""
        manager = await sign_up(self.town.membership.http)
        organisation = await manager.register()
        joined = await join(self.id, organisation["id"], manager=manager, coordinator=self.coordinator)
        return member_at(self.town, manager, organisation["id"], joined)


def member_at(town: Town, manager: Actor, organisation_id: str, membership: Json) -> Member:
    """The same person at every service."""
    pooling, notifications = Pooler.at(town.pooling.http, manager), at(town.notifications.http, manager)
    return Member(manager, organisation_id, membership, pooling, notifications)


async def a_pole(town: Town) -> Pole:
    """A new pole with a coordinator."""
    coordinator = await sign_up(town.membership.http)
    pole = await (await town.administrator()).open_pole("Val de Saône", [coordinator.id])
    return Pole(town, pole["id"], coordinator)


def hours(start: int, end: int) -> Json:
    """From an hour to another, UTC, on a day about a week ahead."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7)
    return period(day + timedelta(hours=start), day + timedelta(hours=end))


async def published(town: Town) -> list[Raw]:
    """All records on all topics now."""
    return [record for topic in topics() for record in await read_topic(town.parts, topic)]


async def types_of(town: Town, aggregate_id: str | UUID) -> list[str]:
    """The short types of an aggregate's events on the topics, in order: "booking_held".

    A relay that is killed between the broker's acknowledgement and its cursor's move publishes again; an event is its
    id.
    """
    mine = [each for each in await published(town) if each.key == str(aggregate_id).encode()]
    events = {each.header("ce_id"): each.header("ce_type").split(".")[2] for each in mine}
    return list(events.values())


async def told_in_order(town: Town, member: Member, booking: Json) -> bool:
    """Whether a member's inbox has each event of a booking once, and in the order of its versions."""
    events = [record for record in await published(town) if record.key == booking["id"].encode()]
    versions = {record.header("ce_id"): json.loads(record.value or b"")["booking"]["version"] for record in events}
    news = [each["event_id"] for each in reversed(await inbox(member.notifications))]
    assert [versions[each] for each in news if each in versions] == list(range(1, len(versions) + 1))
    return True


async def dead_letters(town: Town) -> list[Raw]:
    """What consumers have set aside; redriven ones are gone."""
    read = [await read_topic(town.parts, topic + DEAD_LETTER_SUFFIX) for topic in topics()]
    return [record for records in read for record in records if record.value is not None]


async def all_consumed(town: Town) -> bool:
    """Whether every service that topics.yaml says consumes a topic has committed all that is on it."""
    for group in ("pooling", "notifications"):
        mine = [each for each in topics().values() if any(group in consumers for consumers in each.events.values())]
        parts = [TopicPartition(each.name, number) for each in mine for number in range(each.partitions)]
        async with AIOKafkaConsumer(
            bootstrap_servers=town.parts.kafka_bootstrap, group_id=group, enable_auto_commit=False
        ) as looker:
            ends = await looker.end_offsets(parts)
            for part, end in ends.items():
                if end and await looker.committed(part) != end:
                    return False
    return True
