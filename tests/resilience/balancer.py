"""A balancer in front of each service's APIs, as an operator has one: a new connection goes to a process that is ready.

It passes connections on as they are, so that what a process does to a connection is what the client sees.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from polepool_local.ports import HOST

LOOK = 0.25
"""Seconds between two looks at who is ready."""


class Balancer:
    """Listens on one port for each service; `behind` tells the URLs of the processes that there are now."""

    def __init__(self, fronts: Mapping[str, int], behind: Callable[[str], Sequence[str]]) -> None:
        self._fronts = fronts
        self._behind = behind
        self._ready: dict[str, list[int]] = {service: [] for service in fronts}
        self._servers: list[asyncio.Server] = []
        self._looking: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for service, port in self._fronts.items():
            self._servers.append(await asyncio.start_server(self._taker(service), HOST, port, backlog=1000))
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._looking
        for server in self._servers:
            server.close()
        tasks = [self._looking, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            for service in self._fronts:
                urls = self._behind(service)
                ready = await asyncio.gather(*(is_ready(url) for url in urls))
                self._ready[service] = [_port(url) for url, it_is in zip(urls, ready, strict=True) if it_is]
            await asyncio.sleep(LOOK)

    def _taker(self, service: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._pass_on(service, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        return take

    async def _pass_on(self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await self._open(service)
        except ConnectionError:
            writer.close()
            return
        try:
            ways = [asyncio.create_task(_pass(*way)) for way in ((reader, back), (there, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        finally:
            back.close()
            writer.close()

    async def _open(self, service: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ports = self._ready[service] or [_port(url) for url in self._behind(service)]
        for port in random.sample(ports, len(ports)):
            with suppress(ConnectionError):
                return await asyncio.open_connection(HOST, port)
        raise ConnectionRefusedError(service)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def is_ready(url: str) -> bool:
    """Whether the process there answers that it is ready."""
    with suppress(OSError, TimeoutError):  # by hand: many ask often, and an HTTP client is dear to make
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(HOST, _port(url))
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
            return status.startswith(b"HTTP/1.1 200 ")
    return False


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port
