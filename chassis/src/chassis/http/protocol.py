"""uvicorn's HTTP protocol with what it lacks: heads end, in size and in time, and even a broken request gets a problem.

It keeps whatever a client sends before the blank line, and after the last chunk, without limit (seen with 30 MB), and
waits for it for ever.
"""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.http.gate import HEALTH, Gate, refused
from chassis.http.observe import SECURITY
from chassis.http.problem import busy

MAX_HEAD = 32 * 1024
"""Bytes of a request's first line and headers; and of whatever else comes before the next bytes of its body."""
PATIENCE = 20.0
"""Seconds that a head may take to arrive."""


def _raw(connection: str) -> bytes:
    """The answer of `busy`, ready to be sent."""
    answer = busy("")
    headers = {**dict(answer.headers), **SECURITY, "connection": connection}
    head = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return b"HTTP/1.1 503 Service Unavailable\r\n" + head.encode() + b"\r\n" + bytes(answer.body)


_BUSY, _BUSY_LAST = _raw("keep-alive"), _raw("close")
_ANSWERED: Any = SimpleNamespace(response_complete=True, message_event=asyncio.Event())
"""In the place of a request that was refused: what comes of its body is dropped."""
_HEALTH = frozenset(path.encode() for path in HEALTH)
_FIRST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) (/[!-~]*) HTTP/1\.1\r\n")
_FRAMING = re.compile(
    rb"\r\n(?:content-length:[ \t]*([0-9]{1,6})(?=\r\n|\Z)"
    rb"|(?:content-length|transfer-encoding|expect|connection|upgrade))",
    re.IGNORECASE,
)
"""The headers that say where a request ends, or what becomes of the connection: a length, or something else."""


def is_whole(data: bytes) -> bool:
    """Whether these bytes are one request from its first to its last, which nothing that they say makes special.

    RFC 9112, section 6: a body is there when a length or an encoding says so. Of what is rare, or isn't as it should
    be, it says no: then the parser looks at it.
    """
    first = _FIRST.match(data)
    if first is None or first[1] in _HEALTH:
        return False
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank or head.count(b"\n") != head.count(b"\r\n"):
        return False
    framing = _FRAMING.findall(head)
    return len(body) == int(framing[0] or -1) if len(framing) == 1 else not framing and not body


class Protocol(HttpToolsProtocol):
    """One connection. What comes while the gate is closed is refused before anything is made of it."""

    _unread = 0
    """Bytes that came since the last ones that were of use: the end of a head, some of a body, the end of a request."""
    _late: asyncio.TimerHandle | None = None
    _is_over = False
    """Whether the request is answered by a refusal, and the rest of it dropped."""
    _goes_on = True
    """Whether the connection is used again after it."""
    _rests = False
    """Whether a request has ended, and no other one has begun."""
    _shed_at = 0.0
    """When a request was refused that the parser didn't see."""

    def __init__(self, gate: Gate | None, stop: asyncio.Event, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._gate = gate
        self._stop = stop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(PATIENCE, self._refuse, 408, "request_timeout", "The request took too long.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        self._unread = 0
        self._is_over = self._is_shed()
        if self._is_over:
            return  # its body must be there in time, too
        self._in_time()
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > MAX_HEAD:
            raise ValueError("head too large")
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._rests and self._is_shed_unseen(data):
            return
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
        self._rests = True
        super().on_message_complete()
        if self._is_over:
            self._is_over = False
            self._in_time()
            self.on_response_complete() if self._goes_on else self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._rests = False
        if self._late is None:
            self._late = self.loop.call_later(PATIENCE, self._refuse, 408, "request_timeout", "It took too long.")

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless the last request on it was refused unseen: that one wasn't waited for anew."""
        rests = self._shed_at + self.timeout_keep_alive - self.loop.time()
        if rests > 0:
            self.timeout_keep_alive_task = self.loop.call_later(rests, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _is_shed_unseen(self, data: bytes) -> bool:
        """Whether the bytes were a whole request, and it was answered by a refusal: the parser takes twice as long."""
        if self._gate is None or self._stop.is_set() or not self._is_answered():
            return False
        reason = self._gate.closed()
        if reason is None or not is_whole(data):
            return False
        self._shed_at = self.loop.time()
        self._send_refusal(reason, _BUSY)
        return True

    def _is_shed(self) -> bool:
        """Whether the request was answered by a refusal. Answers come in order, and one to HEAD has no body."""
        if self._gate is None or not self._is_answered():
            return False
        if self.parser.get_method() == b"HEAD" or self.url in _HEALTH:
            return False
        reason = self._gate.closed()
        if reason is None:
            return False
        self.cycle = _ANSWERED
        ends = self.expect_100_continue or self._stop.is_set()
        self._goes_on = self.parser.should_keep_alive() and not ends
        self._send_refusal(reason, _BUSY if self._goes_on else _BUSY_LAST)
        return True

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _send_refusal(self, reason: str, answer: bytes) -> None:
        """Send it; who reads none of them isn't answered any more, since they would be kept for them."""
        refused(reason)
        self.transport.abort() if self.flow.write_paused else self.transport.write(answer)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "bad_request", msg)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: int, code: str, detail: str) -> None:
        self._in_time()
        if self._is_over:
            self.transport.close()
        if self.transport.is_closing():
            return
        title = code.replace("_", " ").capitalize()
        members: dict[str, Any] = {"type": f"urn:polepool:problem:{code}", "title": title, "status": status}
        body = orjson.dumps({**members, "code": code, "detail": detail})
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
