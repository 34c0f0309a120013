"""Raising the system under attack: databases, topics, settings, processes; and its end."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path

from cryptography.fernet import Fernet

from chassis.testing import fresh_database, fresh_topics
from chassis.topics import apply, wanted
from polepool_local import processes, reaper, testing
from polepool_local.ports import HOST, free_ports
from schemas.catalogue import topics
from tests.membership import process as membership_process
from tests.resilience import plants
from tests.resilience.balancer import Balancer
from tests.resilience.evidence import connect
from tests.resilience.roles import ROLES, Role
from tests.resilience.system import System

CLIENT_SECRET = "a secret of the notifications service"


@asynccontextmanager
async def raised(
    folder: Path,
    seed: int,
    *,
    planted: Iterable[str] = (),
    twice: Iterable[str] = (),
    balanced: bool = False,
) -> AsyncIterator[System]:
    """The system at work. Each role in `twice` has a second process, with `-2` after its name.

    `balanced` puts a balancer before the APIs.
    """
    reaper.tie()
    system = System(folder, seed, testing.new_postgres(folder / "postgres"), testing.new_kafka(folder / "kafka"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(testing.stop, system.database, system.broker)
        await testing.start(system.database, system.broker)
        await fresh_topics(system.parts, *topics())
        await apply(wanted(topics().values()), system.broker.bootstrap)
        await _lay_out(system, planted=tuple(planted), twice=tuple(twice), balanced=balanced)
        if balanced:
            fronts = {service: system.ports[f"{service}-front"] for service in ROLES}
            await stack.enter_async_context(Balancer(fronts, partial(_apis, system)))
        stack.push_async_callback(_stop, system)
        await _begin(stack, system)
        yield system


async def _lay_out(system: System, *, planted: tuple[str, ...], twice: tuple[str, ...], balanced: bool) -> None:
    names = [(service, role, f"{service}-{role}") for service, roles in ROLES.items() for role in roles]
    names += [(service, role, f"{name}-2") for service, role, name in names if name in twice]
    fronts = {service: f"{service}-{'front' if balanced else 'api'}" for service in ROLES}
    listening = list(dict.fromkeys([*(name for _, _, name in names), *fronts.values(), "smtp", "hooks"]))
    system.ports = dict(zip(listening, free_ports(len(listening)), strict=True))
    system.urls = {service: f"http://{HOST}:{system.ports[name]}" for service, name in fronts.items()}
    fresh = (fresh_database(system.parts, service, {service: files(service) / "migrations"}) for service in ROLES)
    of_membership, databases = await asyncio.gather(_of_membership(system.folder), asyncio.gather(*fresh))
    system.databases = dict(zip(ROLES, databases, strict=True))
    for statement, service in [(sql, service) for name in planted for service, sql in plants.PLANTS[name].sql.items()]:
        await _execute(system, service, statement)
    own = {
        "membership": of_membership,
        "pooling": {
            "SWEEP_SECONDS": "0.1",
            "HOLD_HOURS": "0.003",
            # Plans follow changes at once, and nothing else: when all is quiet, nothing may change any more.
            "PLAN_QUIET_SECONDS": "0.2",
            "PLAN_SECONDS": "1",
            "PLAN_EVERY_SECONDS": "86400",
        },
        "notifications": _of_notifications(system),
    }
    for service, role, name in names:
        system.roles[name] = Role(
            name,
            (service, role),
            _common(system, service, system.ports[name]) | own[service],
            f"http://{HOST}:{system.ports[name]}",
            system.folder / f"{name}.log",
            plants=planted,
        )


def _apis(system: System, service: str) -> list[str]:
    """Where the service's API is served now."""
    return [role.url for role in system.roles.values() if role.command[0] == service and "api" in role.command]


async def _execute(system: System, service: str, statement: str) -> None:
    connection = await connect(system, service)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _common(system: System, service: str, port: int) -> dict[str, str]:
    return {
        "DATABASE__URL": system.databases[service].url.get_secret_value(),
        "DATABASE__POOL_SIZE": "4",
        "KAFKA__BOOTSTRAP_SERVERS": system.broker.bootstrap,
        "HTTP__HOST": HOST,
        "HTTP__PORT": str(port),
        "ACCESS__ISSUER": system.urls["membership"],
        "ACCESS__JWKS_URL": f"{system.urls['membership']}/.well-known/jwks.json",
    }


async def _of_membership(folder: Path) -> dict[str, str]:
    key_file = folder / f"signing-{secrets.token_hex(4)}.pem"
    code, _, complaint = await membership_process.command(
        {"PATH": os.environ["PATH"]}, "signing-key", "--file", str(key_file)
    )
    assert code == 0, complaint
    return {
        "SIGNING_KEY_FILE": str(key_file),
        "SERVICE_CLIENTS__NOTIFICATIONS": CLIENT_SECRET,
        "SIGN_IN__PER_EMAIL": "100000/minute",
        "SIGN_IN__PER_ADDRESS": "100000/minute",
    }


def _of_notifications(system: System) -> dict[str, str]:
    return {
        "MEMBERSHIP__URL": system.urls["membership"],
        "MEMBERSHIP__CLIENT_ID": "notifications",
        "MEMBERSHIP__CLIENT_SECRET": CLIENT_SECRET,
        "MAIL__HOST": HOST,
        "MAIL__PORT": str(system.ports["smtp"]),
        "MAIL__TLS": "none",
        "MAIL__SENDER": "bonjour@polepool.example",
        "MAIL__FIRST_DELAY": "0.2",
        "MAIL__LEASE": "10",
        "MAIL__TIMEOUT": "1.5",
        "MAIL__CONTENT_TIMEOUT": "1.5",
        "WEBHOOK__KEYS": f'["{Fernet.generate_key().decode()}"]',
        "WEBHOOK__ALLOWED_TARGETS": f'["{HOST}:{system.ports["hooks"]}"]',
        "WEBHOOK__SCHEDULE": json.dumps([0.2, 0.2, 0.5, 1, 1, 2] + 30 * [3]),
        "WEBHOOK__TOTAL_TIMEOUT": "5",
        "WEBHOOK__LEASE": "10",
        "POLL_SECONDS": "0.1",
    }


async def _begin(stack: AsyncExitStack, system: System) -> None:
    """Start all, and keep all started."""
    system.start_product("sinks")
    system.start_product("tap")
    await asyncio.gather(*(role.start() for role in system.roles.values()))
    keepers = [asyncio.create_task(role.keep()) for role in system.roles.values()]
    stack.push_async_callback(_cancel, keepers)
    await system.until_ready()


async def _cancel(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stop(system: System) -> None:
    for role in system.roles.values():
        role.asked = True
    running = [role.process for role in system.roles.values() if role.process]
    await asyncio.gather(*(processes.kill(each) for each in (*running, *system.products.values())))
