"""Serve an ASGI app inside an event loop that others share."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.protocol import Protocol
from chassis.settings import HttpSettings

GRACE = 5
"""Seconds that requests under way get to finish."""
BACKLOG = 4096
"""Connections that wait to be accepted: as many as Linux lets (net.core.somaxconn). Beyond it they aren't refused but
forgotten, and their clients try again ever later."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process."""
        yield


class _LastAnswers:
    """ASGI middleware: each answer is its connection's last one once `stop` is set."""

    def __init__(self, app: ASGIApp, stop: asyncio.Event) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stop.is_set():
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, sending)


def listen(settings: HttpSettings) -> socket.socket:
    """A listening socket; raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


async def serve(
    app: Starlette,
    listener: socket.socket,
    stop: asyncio.Event,
    trusted_proxies: str | None = None,
    linger: float = 0,
) -> None:
    """Serve until `stop` is set, and `linger` seconds more; then take no more, finish what is under way, and return.

    A client can't know that its connection is about to be closed, and a request that it sends meanwhile is lost. So
    while we linger each answer ends its connection: then those that are still open are those that nobody uses.
    """
    config = uvicorn.Config(
        _LastAnswers(app, stop),
        http=partial(Protocol, getattr(app.state, "gate", None), stop),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=trusted_proxies is not None,
        forwarded_allow_ips=trusted_proxies,
        backlog=BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(serving), linger)
    server.should_exit = True
    await serving
