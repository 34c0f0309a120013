"""A rolling upgrade and the way back, under load: two releases run side by side, and no client notices.

The checkout is release n; n+1 is made from it (`release.py`). Clients come through a balancer, so what one client reads
from a process of one release it may change at a process of the other.
"""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from chassis.testing import eventually
from polepool_local import processes
from polepool_local.ports import HOST, free_ports
from schemas.pooling import BookingConfirmed, BookingHeld
from tests.resilience.attack import Harm, until_answered
from tests.resilience.evidence import parsed, tables
from tests.resilience.ledger import read
from tests.resilience.release import COLUMNS, VALUE, next_release, run
from tests.resilience.roles import ROLES, Role
from tests.resilience.system import System
from tests.resilience.verdict import Verdict, verdict

PATIENCE = 15.0
"""Seconds that a process may take to end, as in docker-compose.yml."""

CROSSINGS = (("n", "n+1"), ("n+1", "n"))
RACE = ("give up", "503")
"""What a client is answered who gives a request up while a booking is made for it, whether releases change or not."""


def rolling(answers: int = 40) -> Harm:
    """From n to n+1 and back, one process after the other, with so many answers between two steps."""

    async def harm(system: System, rng: random.Random) -> None:
        tree = await next_release(Path.cwd(), system.folder / "next")
        ended: list[str] = []
        old = dict(system.roles)
        await _migrate(system, tree)
        await until_answered(system, answers)
        new = {f"{name}+1": _beside(role, f"{name}+1", tree) for name, role in old.items()}
        for begin, leave in ((new, old), (old, new)):
            await _begin(system, begin)
            await _until_crossed(system)
            ended += await _leave(system, leave, rng, answers)
            await until_answered(system, answers)
        system.findings.append(verdict("who is told to end ends in order", 2 * len(old), ended))
        system.findings += [_no_client_noticed(system.folder), await _both_wrote(system)]

    return harm


async def _migrate(system: System, tree: Path) -> None:
    """As the owner, while all of n serves."""
    for service in ROLES:
        owner = system.databases[service].owner_url
        assert owner
        settings = {f"POLEPOOL_{name}": value for name, value in _settings(system, service).items()}
        settings["POLEPOOL_DATABASE__OWNER_URL"] = owner.get_secret_value()
        code, said = await run(tree, service, "expand", **settings)
        assert code == 0, said
        assert "_pre_note.sql" in said, said
        system.faults[f"migrate {service}"] += 1


def _settings(system: System, service: str) -> dict[str, str]:
    return next(role.settings for role in system.roles.values() if role.command[0] == service)


def _beside(role: Role, name: str, tree: Path) -> Role:
    """The same role of the next release, on a port of its own."""
    (port,) = free_ports(1)
    settings = {**role.settings, "HTTP__PORT": str(port)}
    log = role.log.with_name(f"{name}.log")
    return replace(role, name=name, settings=settings, url=f"http://{HOST}:{port}", log=log, tree=tree, process=None)


async def _begin(system: System, roles: dict[str, Role]) -> None:
    """Start these beside those that run, one after the other."""
    for name, role in roles.items():
        await role.start()
        role.asked = False
        system.roles[name] = role
        system.faults[f"start {name}"] += 1
        await system.until_ready()


async def _leave(system: System, roles: dict[str, Role], rng: random.Random, answers: int) -> list[str]:
    """Tell these to end, one after the other, in an order that the seed decides; what was wrong with how they ended."""
    wrong = []
    for name in rng.sample(sorted(roles), len(roles)):
        role = roles[name]
        assert role.process
        role.asked = True
        wrong += [f"{name} died before it was told"] * (not processes.alive(role.process))
        await processes.stop(role.process, patience=PATIENCE)
        ending = processes.ending(role.process)
        wrong += [f"{name} {ending}"] * (ending != "ended with code 0")
        del system.roles[name]
        system.faults[f"stop {name}"] += 1
        await until_answered(system, answers // 2)
    return wrong


def _no_client_noticed(folder: Path) -> Verdict:
    """No client got a 5xx, a broken connection, or the word that a field isn't known."""
    told, looked = list(read(folder / "load.ledger")), list(read(folder / "reader.ledger"))
    ops = {each["intent"]: each["op"] for each in told if "intent" in each}
    wrong = [
        f"{ops[each['unknown']]} at {each['at']:.2f}: {each['error']}"
        for each in told
        if "unknown" in each and (ops[each["unknown"]], each["error"]) != RACE
    ]
    wrong += [f"read {each['missed']} at {each['at']:.2f}: {each['error']}" for each in told if "missed" in each]
    wrong += [
        f"read {each['path']} at {each['at']:.2f}: {each.get('error') or each['status']}"
        for each in looked
        if "error" in each or each["status"] >= 500
    ]
    answers = [each for each in told if "answer" in each]
    wrong += [str(each["body"]) for each in answers if "not a known" in json.dumps(each["body"])]
    return verdict("no client notices an upgrade", len(answers) + len(looked), wrong)


async def _crossed(system: System) -> Counter[tuple[str, str]]:
    """How many bookings each release held and each confirmed, as (held by, confirmed by).

    n says nothing of the new field when it changes a booking, n+1 fills it.
    """
    held: dict[str, str] = {}
    found: Counter[tuple[str, str]] = Counter()
    rows = [
        row
        for row in (await tables(system, "pooling"))["outbox"]
        if row["type"] in (BookingHeld.TYPE, BookingConfirmed.TYPE)
    ]
    for row in sorted(rows, key=lambda row: int(row["id"])):
        release = "n+1" if parsed(row["data"])["booking"].get("note") == VALUE else "n"
        if row["type"] == BookingHeld.TYPE:
            held[str(row["key"])] = release
        else:
            found[held[str(row["key"])], release] += 1
    return found


async def _until_crossed(system: System) -> None:
    """Wait until each release has confirmed, since now, what the other held."""
    before = await _crossed(system)

    async def both() -> bool:
        now = await _crossed(system)
        return all(now[way] > before[way] for way in CROSSINGS)

    await eventually(both, 180, 0.5)


async def _both_wrote(system: System) -> Verdict:
    """Whether there was anything to see: bookings that crossed, and rows in each service that each release wrote."""
    found = await _crossed(system)
    wrong = [
        f"none was held by {held} and confirmed by {confirmed}"
        for held, confirmed in CROSSINGS
        if not found[held, confirmed]
    ]
    for service, table in COLUMNS.items():
        values = {row["note"] for row in (await tables(system, service))[table]}
        wrong += [f"{service}.{table}: {values}"] * (values != {None, VALUE})
    return verdict("one release confirms what the other held", sum(found[way] for way in CROSSINGS), wrong)
