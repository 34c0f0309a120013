"""One process: its roles share a pool, an HTTP server and an end."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from chassis.db import Pool, open_pool
from chassis.health import Health
from chassis.http import listen, serve
from chassis.process.roles import FIRST, GAUGES, application, register_checks, run_first, run_role
from chassis.process.service import Running, Service
from chassis.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")
log = structlog.get_logger(__name__)

STOP_SECONDS = 8.5
"""How long the roles get to finish, after the API's lingering."""
CANCEL_SECONDS = 3.0
"""How long what must not go on gets to leave the database."""
GARBAGE = 10_000
"""Objects more than before after which cycles are looked for; at 700, they took a twentieth of an API."""


async def run(name: str, service: Service[S], settings: S, roles: Sequence[str]) -> bool:
    """Play the roles until SIGTERM or SIGINT; whether all ended in order.

    Roles that run to their end come first, in the order given.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for role in [role for role in roles if role in FIRST]:
        if not await _unless(stop, run_first(role, name, service, settings)):
            log.warning("stopped before it was done", role=role)
            return False
    lasting = [role for role in roles if role not in FIRST]
    if not lasting:
        return True
    pool = await _unless(stop, open_pool(settings.database))
    if pool is None:
        return True
    try:
        return await _play(service, Running(name, settings, pool, Health(), stop), lasting)
    finally:
        await _close(pool)


async def _play(service: Service[S], running: Running[S], roles: list[str]) -> bool:
    register_checks(service, running, roles)
    listener = listen(running.settings.http)
    async with service.compose(running) as built:
        app = application(service, running, built, roles)
        host, port = listener.getsockname()[:2]
        gc.freeze()  # what was made until now stays: no collection need look at it again
        gc.set_threshold(GARBAGE)
        log.info("started", roles=roles, host=host, port=port)
        played = [*roles, GAUGES]
        tasks = [_supervised(role, run_role(role, service, running, built), running.stop) for role in played]
        http = running.settings.http
        linger = http.linger if "api" in roles else 0.0
        serving = serve(app, listener, running.stop, http.trusted_proxies, linger)
        tasks.append(_supervised("http", serving, running.stop))
        await running.stop.wait()
        done, late = await asyncio.wait(tasks, timeout=STOP_SECONDS + linger)
        for task in late:
            log.error("did not stop in time", role=task.get_name())
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    crashed = [task.get_name() for task in done if not task.result()]
    log.info("stopped", crashed=crashed)
    return not crashed and not late


def _supervised(name: str, playing: Awaitable[None], stop: asyncio.Event) -> asyncio.Task[bool]:
    """Play a part; when it ends before it should, the whole process does, for a supervisor to start it anew."""

    async def play() -> bool:
        task = asyncio.current_task()
        try:
            await playing
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            log.exception("role cancelled from inside a library", role=name)
            stop.set()
            return False
        except Exception:
            log.exception("role crashed", role=name)
            stop.set()
            return False
        if not stop.is_set():
            log.error("role ended by itself", role=name)
            stop.set()
            return False
        return True

    return asyncio.create_task(play(), name=name)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives, or None when the process must end before; what it held is let go of then."""
    task = asyncio.create_task(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait([task], timeout=CANCEL_SECONDS)
    return None


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(1):
            await pool.close()
    except TimeoutError:
        pool.terminate()
