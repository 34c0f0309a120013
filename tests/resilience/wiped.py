"""The broker loses its data: an empty one is filled from the services' event logs, as docs/operations.md says."""

import asyncio
import os
import random
import sys

from chassis.relay.republish import positions_left
from chassis.testing import eventually
from chassis.topics import apply, wanted
from polepool_local import processes
from schemas.catalogue import topics
from tests.resilience.attack import until_answered
from tests.resilience.evidence import connect
from tests.resilience.outages import SAID
from tests.resilience.system import System
from tests.resilience.verdict import verdict

WITHIN = 60.0
"""Seconds within which the logs are published again."""


async def broker_wiped(system: System, _rng: random.Random) -> None:
    """What the topics held is gone; members go on working all the while.

    The tap begins a new ledger, so that the checker judges what the new topics hold: everything that was ever said.
    """
    system.faults["broker's data lost"] += 1
    await system.broker.lose()
    await until_answered(system, 40)
    await processes.kill(system.products["tap"])
    system.ledger("tap").unlink()
    await system.broker.start()
    for service in SAID:
        await _republish(system, service)
    await apply(wanted(topics().values()), system.broker.bootstrap)
    system.start_product("tap")
    await eventually(lambda: _published(system), WITHIN, 0.5)
    system.findings.append(verdict(f"the logs are published again within {WITHIN:g} s", len(SAID), []))
    await until_answered(system, 100)


async def _republish(system: System, service: str) -> None:
    environment = {f"POLEPOOL_{name}": value for name, value in system.roles[f"{service}-relay"].settings.items()}
    command = (sys.executable, "-m", service, "republish", "--yes", "--no-wait")
    process = await asyncio.create_subprocess_exec(
        *command, env={"PATH": os.environ["PATH"], **environment}, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()


async def _published(system: System) -> bool:
    """Whether all that was to be published again is."""
    left = 0
    for service in SAID:
        connection = await connect(system, service)
        try:
            left += await positions_left(connection)
        finally:
            await connection.close()
    return left == 0
