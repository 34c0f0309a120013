"""uvicorn's HTTP protocol with what it lacks: heads end, in size and in time, and even a broken request gets a problem.

It keeps whatever a client sends before the blank line, and after the last chunk, without limit (seen with 30 MB), and
waits for it for ever.
"""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 32 * 1024
"""Bytes of a request's first line and headers; and of whatever else comes before the next bytes of its body."""
PATIENCE = 20.0
"""Seconds that a head may take to arrive."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _unread = 0
    """Bytes that came since the last ones that were of use: the end of a head, some of a body, the end of a request."""
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(PATIENCE, self._refuse, 408, "request_timeout", "The request took too long.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        self._in_time()
        self._unread = 0
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > MAX_HEAD:
            raise ValueError("head too large")
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MAX_HEAD:
            detail = f"More than {MAX_HEAD} bytes came that are no body."
            self._refuse(431, "request_header_fields_too_large", detail)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._late is None:
            raise ValueError("trailers, which nothing here reads")
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._late is None:
            self._late = self.loop.call_later(PATIENCE, self._refuse, 408, "request_timeout", "It took too long.")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "bad_request", msg)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: int, code: str, detail: str) -> None:
        self._in_time()
        if self.transport.is_closing():
            return
        title = code.replace("_", " ").capitalize()
        members: dict[str, Any] = {"type": f"urn:polepool:problem:{code}", "title": title, "status": status}
        body = orjson.dumps({**members, "code": code, "detail": detail})
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
