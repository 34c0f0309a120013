"""Everything that a run leaves behind, as plain values: ledgers, tables, topics, offsets. It judges nothing."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.testing import eventually
from schemas.catalogue import topics
from tests.resilience.ledger import Entry, read
from tests.resilience.roles import ROLES
from tests.resilience.system import System
from tests.resilience.tap import decoded

GROUPS = ("pooling", "notifications")
Row = dict[str, Any]
Tables = Mapping[str, list[Row]]


class Record(NamedTuple):
    """A record as the tap saw it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    headers: dict[str, bytes]
    value: bytes

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it stands."""
        return self.topic, self.partition, self.offset

    @property
    def id(self) -> str:
        """The event's id; empty where it has none."""
        return self.headers.get("ce_id", b"").decode(errors="replace")


class Offsets(NamedTuple):
    """How far a group has committed a partition, and where the partition ends."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int


@dataclass(slots=True)
class Intent:
    """What a client meant to do, and all that it was answered."""

    entry: Entry
    answers: list[Entry] = field(default_factory=list)
    unknowns: int = 0

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return str(self.entry["key"])

    @property
    def success(self) -> Entry | None:
        """The first answer that says that it was done."""
        return next((each for each in self.answers if 200 <= each["status"] < 300), None)

    def __str__(self) -> str:
        return f"{self.entry['op']} {self.key}"


@dataclass(slots=True)
class Evidence:
    """What there is to judge by."""

    began: float
    intents: list[Intent]
    poisons: list[Entry]
    tables: dict[str, Tables]
    records: list[Record]
    offsets: list[Offsets]
    mails: list[Entry]
    hooks: list[Entry]
    reads: list[Entry]
    plans: list[Entry]
    """What clients were told of the plans of their requests."""
    deaths: dict[str, int]
    database_deaths: int

    def outbox(self, service: str) -> list[Row]:
        """A service's events in order of position."""
        return sorted(self.tables[service]["outbox"], key=lambda row: row["position"] or 1 << 62)

    def events(self) -> list[Row]:
        """All services' events."""
        return [row for service in ("membership", "pooling") for row in self.outbox(service)]


STUCK = 30.0
"""Seconds without any change after which it doesn't become quiet any more: longer than any lease or session lasts."""
NEWS = "notifications news"
IN_VAIN = 12.0
"""Seconds without any change after which news wait in vain, once all facts are consumed; old ones get longer."""


async def until_quiet(system: System) -> None:
    """Wait until nothing is under way any more. Raises AssertionError naming what is, and doesn't move.

    Topics are asked only once tables don't tell that something moves: asking them takes a second of what has to work.
    """
    waiting: dict[str, int] = {}
    behind: dict[str, int] = {}
    changed = told = time.monotonic()
    while True:
        before = waiting, behind
        waiting = await _waiting(system)
        if _may_be_told(waiting) or waiting[NEWS] != before[0].get(NEWS):
            told = time.monotonic()
        silent = time.monotonic() - told
        in_vain = silent > IN_VAIN and silent > await _longest_pause(system)
        if not waiting or waiting == before[0] or in_vain:
            behind = await _behind(system)
            if not waiting and not behind:
                return
        if (waiting, behind) != before:
            changed = time.monotonic()
        # News wait for facts. Once all is consumed none comes any more, however many mails there are still to be sent.
        assert not (in_vain and not behind), f"waits in vain: {waiting}"
        assert time.monotonic() < changed + STUCK, f"still under way: {waiting}, {behind}"
        await asyncio.sleep(0.25)


def _may_be_told(waiting: Mapping[str, int]) -> bool:
    """Whether no news wait, or facts are still to be published."""
    return NEWS not in waiting or any(name.endswith("outbox") for name in waiting)


async def _longest_pause(system: System) -> float:
    """Seconds within which all news that wait look again for their facts: a tenth of what they waited, and a look."""
    connection = await connect(system, "notifications")
    try:
        oldest = "SELECT coalesce(max(extract(epoch FROM now() - received_at)), 0) FROM news WHERE state = 'waiting'"
        return float(await connection.fetchval(oldest)) / 10 + 2
    finally:
        await connection.close()


async def _waiting(system: System) -> dict[str, int]:
    """How much the services' tables have yet to do, where it is anything."""
    found = await asyncio.gather(*(_waiting_in(system, service) for service in ROLES))
    return {name: count for each in found for name, count in each.items() if count}


async def _behind(system: System) -> dict[str, int]:
    """How many records each group has yet to commit, where it is any."""
    lags: Counter[str] = Counter()
    for each in await offsets(system):
        lags[f"{each.group} lag"] += each.end - each.committed
    return {name: lag for name, lag in lags.items() if lag}


WAITING = {
    "membership": {
        "outbox": "SELECT count(*) FROM outbox o JOIN outbox_cursor c USING (slot) "
        "WHERE o.position IS NULL OR o.position > c.position"
    },
    "pooling": {
        "outbox": "SELECT count(*) FROM outbox o JOIN outbox_cursor c USING (slot) "
        "WHERE o.position IS NULL OR o.position > c.position",
        "rematch": "SELECT count(*) FROM rematch",
        "holds": "SELECT count(*) FROM booking WHERE status = 'held' AND expires_at IS NOT NULL",
        # What happened last may have to be planned yet; how far the matcher is, no table tells.
        "news": "SELECT count(*) FROM outbox WHERE time > now() - interval '6 seconds'",
    },
    "notifications": {
        "news": "SELECT count(*) FROM news WHERE state = 'waiting'",
        "mail": "SELECT count(*) FROM mail WHERE state = 'pending'",
        "webhooks": "SELECT count(*) FROM webhook_delivery WHERE state = 'pending'",
    },
}


async def _waiting_in(system: System, service: str) -> dict[str, int]:
    connection = await connect(system, service)
    try:
        return {f"{service} {name}": await connection.fetchval(query) for name, query in WAITING[service].items()}
    finally:
        await connection.close()


async def connect(system: System, service: str) -> Any:
    """A superuser's connection to a service's database: sees every row."""
    database = (system.databases[service].url.get_secret_value()).rsplit("/", 1)[1]
    return await asyncpg.connect(system.database.admin_url.rsplit("/", 1)[0] + f"/{database}")


async def offsets(system: System) -> list[Offsets]:
    """How far each group is on each partition that it consumes."""
    found: list[Offsets] = []
    for group in GROUPS:
        mine = [each for each in topics().values() if any(group in readers for readers in each.events.values())]
        parts = [TopicPartition(each.name, number) for each in mine for number in range(each.partitions)]
        async with AIOKafkaConsumer(
            bootstrap_servers=system.broker.bootstrap, group_id=group, enable_auto_commit=False
        ) as looker:
            ends = await looker.end_offsets(parts)
        admin = AIOKafkaAdminClient(bootstrap_servers=system.broker.bootstrap)
        await admin.start()
        try:
            committed = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        found += [
            Offsets(group, part.topic, part.partition, max(committed[part].offset if part in committed else 0, 0), end)
            for part, end in ends.items()
        ]
    return found


async def collect(system: System, began: float) -> Evidence:
    """Gather everything, once the system is quiet."""
    folder = system.folder
    told = list(read(folder / "load.ledger"))
    deaths = {name: role.deaths for name, role in system.roles.items()}
    await _until_tapped(system)
    return Evidence(
        began=began,
        intents=_intents(told),
        poisons=[each for each in told if "poison" in each],
        tables={service: await tables(system, service) for service in ROLES},
        records=list(_records(folder / "tap.ledger")),
        offsets=await offsets(system),
        mails=list(read(folder / "mails.ledger")),
        hooks=list(read(folder / "hooks.ledger")),
        reads=list(read(folder / "reader.ledger")),
        plans=[each for each in told if "plan" in each],
        deaths=deaths,
        database_deaths=system.faults["kill postgres"],
    )


def _intents(told: Sequence[Entry]) -> list[Intent]:
    intents = {each["intent"]: Intent(each) for each in told if "intent" in each}
    for each in told:
        if "answer" in each:
            intents[each["answer"]].answers.append(each)
        elif "unknown" in each:
            intents[each["unknown"]].unknowns += 1
    return list(intents.values())


def _records(path: Path) -> list[Record]:
    return [
        Record(
            each["topic"],
            each["partition"],
            each["offset"],
            decoded(each["key"]),
            {name: decoded(value) for name, value in each["headers"] if value is not None},
            decoded(each["value"]),
        )
        for line in read(path)
        for each in line["records"]
    ]


async def _until_tapped(system: System) -> None:
    """Wait until the tap has written down all that the topics hold."""

    async def complete() -> bool:
        seen: dict[tuple[str, int], int] = defaultdict(int)
        for each in await asyncio.to_thread(_records, system.folder / "tap.ledger"):
            seen[each.topic, each.partition] = max(seen[each.topic, each.partition], each.offset + 1)
        return all(seen[each.topic, each.partition] >= each.end for each in await offsets(system))

    await eventually(complete, 60, 0.5)


async def tables(system: System, service: str) -> dict[str, list[Row]]:
    """Every row of every table of a service."""
    connection = await connect(system, service)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {name: [dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')] for (name,) in names}  # noqa: S608
    finally:
        await connection.close()


def parsed(data: str | bytes) -> Any:
    """JSON as values."""
    return json.loads(data)
