"""The roles that any service can play."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from starlette.applications import Starlette

from chassis import consume, relay
from chassis.consume import Handlers
from chassis.db import Pool, is_transient
from chassis.http import create_app, health_app, idempotency
from chassis.migrate import migrate, pending
from chassis.process.service import Running, Service
from chassis.provision import provision
from chassis.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
log = structlog.get_logger(__name__)

PRUNE_SECONDS = 3600.0
MIGRATED_SECONDS = 1.0
"""Between two looks whether the tables are there."""

GAUGES = "gauges"
"""What every process with a pool plays beside its roles."""

FIRST = {
    "provision": "create the database and its roles, then go on",
    "expand": "bring the tables up to date as far as the release before can still run on them (pre), then go on",
    "migrate": "bring the tables up to date (pre and post), then go on",
}
"""Roles that run to their end before the others start."""


def described(service: Service[S]) -> dict[str, str]:
    """Every role that the service can play, with what it does."""
    standard = {
        "api": "answer HTTP requests" if service.routers else "",
        "consume": "handle events from Kafka" if service.handlers else "",
        "relay": "publish the outbox to Kafka" if service.publishes else "",
    }
    workers = {name: (worker.__doc__ or "work in the background").split("\n")[0] for name, worker in _named(service)}
    return {**FIRST, **{name: text for name, text in standard.items() if text}, **workers}


def _named(service: Service[S]) -> list[tuple[str, Callable[..., Awaitable[None]]]]:
    return list(service.workers.items())


async def run_first(role: str, name: str, service: Service[S], settings: S) -> bool:
    """Run `provision`, `expand` or `migrate` to its end; always True."""
    if role == "provision":
        await provision(settings.database)
    else:
        applied = await migrate(settings.database, service.lines(name), "pre" if role == "expand" else None)
        log.info("tables are up to date", applied=len(applied))
    return True


async def run_role(role: str, service: Service[S], running: Running[S], built: Mapping[str, Any]) -> None:
    """Play a lasting role until `running.stop` is set, once the tables are there that it works on."""
    settings = running.settings
    if not await _migrated(service, running):
        return
    if role == GAUGES:
        await relay.gauges.run(running.service, running.pool, running.stop)
    elif role in service.workers:
        await service.workers[role](running, built)
    elif role == "api":
        await _keep_idempotency_short(running)
    elif role == "consume":
        await run_consumer(service.handlers, running)
    else:
        source = f"/polepool/{running.service}"
        await relay.run(running.pool, settings.database, settings.kafka, source=source, stop=running.stop)


async def _migrated(service: Service[S], running: Running[S]) -> bool:
    """Wait until no migration is pending; False when the process must end before. Readiness tells which are."""
    said: list[str] = []
    while not running.stop.is_set():
        try:
            waiting = await pending(running.pool, service.lines(running.service))
        except Exception as error:
            log.warning("migrations not known, waiting", error=str(error) or type(error).__name__)
        else:
            if not waiting:
                return True
            if waiting != said:
                log.info("waiting for migrations", pending=waiting)
                said = waiting
        with suppress(TimeoutError):
            await asyncio.wait_for(running.stop.wait(), MIGRATED_SECONDS)
    return False


async def run_consumer(handlers: Handlers, running: Running[S]) -> None:
    """The standard `consume`, for a worker of that name that does more beside it."""
    kafka = running.settings.kafka
    await consume.run(
        running.service, handlers, running.pool, kafka, running.stop, running.health, instance=kafka.instance
    )


def application(service: Service[S], running: Running[S], built: Mapping[str, Any], roles: list[str]) -> Starlette:
    """What the process serves on its port: the API if that is among its roles, in any case its health."""
    if "api" not in roles:
        return health_app(running.health)
    return create_app(
        running.service,
        service.routers,
        pool=running.pool,
        verifier=service.verifier(running.settings),
        load_scope=service.load_scope,
        health=running.health,
        state=built,
    )


def register_checks(service: Service[S], running: Running[S], roles: list[str]) -> None:
    """Tell health what this process must have to be ready."""
    migrated = False

    async def stopping() -> str | None:
        return "stopping" if running.stop.is_set() else None

    async def database() -> str | None:
        await running.pool.fetchval("SELECT 1", timeout=1.5)
        return None

    async def migrations() -> str | None:
        nonlocal migrated
        waiting = [] if migrated else await pending(running.pool, service.lines(running.service))
        migrated = not waiting
        return f"pending: {', '.join(waiting)}" if waiting else None

    async def broker() -> str | None:
        await _reach_any(running.settings.kafka.bootstrap_servers.split(","))
        return None

    running.health.ready("process", stopping)
    running.health.ready("database", database)
    running.health.ready("migrations", migrations)
    if {"consume", "relay"} & set(roles):
        running.health.ready("broker", broker)


async def _reach_any(servers: Sequence[str]) -> None:
    """Return once one of the servers takes a connection; raises the last one's OSError when none does."""
    tries = [asyncio.create_task(_reach(server)) for server in servers]
    try:
        for answer in asyncio.as_completed(tries):
            try:
                return await answer
            except OSError as error:
                refused = error
        raise refused
    finally:
        for each in tries:
            each.cancel()


async def _reach(server: str) -> None:
    host, _, port = server.strip().rpartition(":")
    _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.close()


async def _keep_idempotency_short(running: Running[S]) -> None:
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(_forget_old_answers(running.pool))
        await running.stop.wait()
        keeping.cancel()  # wherever it is: each portion is a statement of its own


async def _forget_old_answers(pool: Pool) -> None:
    while True:
        try:
            await idempotency.forget(pool)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("old answers not dropped", error=type(error).__name__)
        await asyncio.sleep(PRUNE_SECONDS)
