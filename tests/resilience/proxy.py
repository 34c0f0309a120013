"""A TCP proxy between a process and its database: a connection that is slow, silent or cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from types import TracebackType
from typing import Self

from polepool_local.ports import HOST


class Line(StrEnum):
    """What a connection is like."""

    OPEN = "open"
    SLOW = "slow"
    SILENT = "silent"
    """Half open: it is there, and nothing comes through."""
    CUT = "cut"


DELAY = 0.05
"""Seconds that each piece takes on a slow line."""


class Proxy:
    """Listens on a port of its own and passes everything on, as its line is."""

    def __init__(self, to_port: int) -> None:
        self._to = to_port
        self._line = Line.OPEN
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def become(self, line: Line) -> None:
        """Change the line, of the connections that there are, too."""
        self._line = line
        self._changed.set()
        self._changed = asyncio.Event()
        if line is Line.CUT:
            for writer in self._writers:
                writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.become(Line.CUT)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._kept(writer):
            if self._line is Line.CUT:
                return
            there, back = await asyncio.open_connection(HOST, self._to)
            async with self._kept(back):
                ways = [asyncio.create_task(self._pass(*way)) for way in ((reader, back), (there, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    @asynccontextmanager
    async def _kept(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._line is Line.SLOW:
                await asyncio.sleep(DELAY)
            while self._line is Line.SILENT:
                await self._changed.wait()
            writer.write(data)
            await writer.drain()
