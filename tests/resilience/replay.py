"""A full replay: every group reads its topics again from the beginning, as after a loss of all offsets and inboxes."""

import asyncio
import hashlib

from chassis.consume.rewind import rewind
from chassis.settings import KafkaSettings
from tests.resilience.checker.consumption import handled
from tests.resilience.evidence import GROUPS, connect, tables, until_quiet
from tests.resilience.ledger import read
from tests.resilience.roles import ROLES
from tests.resilience.system import System
from tests.resilience.verdict import Verdict, verdict

MOVING = {"inbox", "idempotency", "outbox_counter", "outbox_cursor"}
"""Tables that tell how far the work is, not what is so."""


async def replayed(system: System) -> Verdict:
    """Whether reading everything again changes no state, says nothing, and sends no mail or webhook."""
    before, sent = await _hashes(system), _sent(system)
    consumers = [name for name, role in system.roles.items() if "consume" in role.command]
    async with system.resting(*consumers):
        for group in GROUPS:
            await _forget_inbox(system, group)
            kafka = KafkaSettings(bootstrap_servers=system.broker.bootstrap)
            await rewind(group, list(handled(group)), kafka)
    await _until_quiet_or_sent(system, sent)
    after = await _hashes(system)
    wrong = [f"{name}: changed" for name in before if before[name] != after[name]]
    wrong += [f"{again - sent[what]} {what} sent again" for what, again in _sent(system).items() if again != sent[what]]
    return verdict("a full replay changes and sends nothing", len(before), wrong)


async def _until_quiet_or_sent(system: System, sent: dict[str, int]) -> None:
    """Wait until nothing is under way any more, or something is sent again: then it is wrong, however much follows."""
    quiet = asyncio.create_task(until_quiet(system))
    while not quiet.done() and _sent(system) == sent:
        await asyncio.wait([quiet], timeout=1)
    if quiet.done():
        quiet.result()
        return
    quiet.cancel()
    await asyncio.wait([quiet])


async def _forget_inbox(system: System, group: str) -> None:
    connection = await connect(system, group)
    try:
        await connection.execute("TRUNCATE inbox")
    finally:
        await connection.close()


async def _hashes(system: System) -> dict[str, str]:
    found: dict[str, str] = {}
    for service in ROLES:
        for table, rows in (await tables(system, service)).items():
            if table not in MOVING:
                content = "\n".join(sorted(repr(sorted(row.items(), key=str)) for row in rows))
                found[f"{service}.{table}"] = hashlib.sha256(content.encode()).hexdigest()
    return found


def _sent(system: System) -> dict[str, int]:
    return {name: sum(1 for _ in read(system.ledger(name))) for name in ("mails", "hooks")}
