"""What is refused before it reaches a route: too much, the wrong format, characters that nothing may contain."""

import asyncio
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.errors import Invalid
from chassis.http.gate import Gate
from chassis.http.problem import invalid, problem, unsupported
from chassis.http.strict import check_json, check_text

MAX_BODY = 256 * 1024
MAX_DISCARDED = 16 * 1024 * 1024
"""How much more is read and dropped: a client that is cut off while it sends never reads the answer."""
PATIENCE = 20.0
"""Seconds that a body may take to arrive."""
MAX_QUERY = 8 * 1024
JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"


class TooLarge(Exception):
    """The body is larger than `MAX_BODY`; whether it was read to its end, so that the connection can be used again."""

    def __init__(self, *, at_end: bool) -> None:
        self.at_end = at_end


class Gone(Exception):
    """The client went away before the body was there."""


class Guard:
    """ASGI middleware: reads the whole body, up to a limit, and looks at it before the app does.

    What it finds well goes through the gate, if there is one.
    """

    def __init__(self, app: ASGIApp, gate: Gate | None = None, patience: float = PATIENCE) -> None:
        self.app = app
        self._gate = gate
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            again, refusal = await _body(scope, receive, self._patience)
        except Gone:
            return None
        refusal = refusal or _address(scope)
        if refusal is not None or self._gate is None:
            return await (refusal or self.app)(scope, again, send)
        return await self._gate.admit(self.app, scope, again, send, leaving=receive)


def _address(scope: Scope) -> Response | None:
    path, query = scope["path"], scope["query_string"]
    if "\0" in path:
        return invalid("path", "must not contain the NUL character", path.replace("\0", "%00"))
    if len(query) > MAX_QUERY:
        return problem(414, "uri_too_long", f"The query is longer than {MAX_QUERY} bytes.", instance=path)
    return _pairs(query, path) if b"%" in query else None


def _pairs(pairs: bytes, path: str) -> Response | None:
    try:
        for name, value in parse_qsl(pairs.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
            check_text("query" if "\0" in name else name, value)
            check_text("query", name)
    except Invalid as error:
        return invalid(error.field, error.rule, path)
    return None


async def _body(scope: Scope, receive: Receive, patience: float) -> tuple[Receive, Response | None]:
    path = scope["path"]
    try:
        async with asyncio.timeout(patience):
            body = await _read(receive)
    except TooLarge as error:
        detail = f"The body is larger than {MAX_BODY} bytes."
        close = {} if error.at_end else {"Connection": "close"}
        return receive, problem(413, "content_too_large", detail, instance=path, headers=close)
    except TimeoutError:
        detail = f"The body did not arrive within {patience:g} s."
        return receive, problem(408, "request_timeout", detail, instance=path, headers={"Connection": "close"})
    return _again(body, receive), _look(_content_type(scope), body, path) if body else None


def _content_type(scope: Scope) -> bytes:
    """What the body is said to be; nothing when that is said twice, since readers differ on which of them counts."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return types[0] if len(types) == 1 else b""


async def _read(receive: Receive) -> bytes:
    """The body. Raises `TooLarge`, `Gone`."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body, message = await _read_on(body, receive)
    if message["type"] == "http.disconnect":
        raise Gone
    if len(body) > MAX_BODY:
        raise TooLarge(at_end=True)
    return body


async def _read_on(first: bytes, receive: Receive) -> tuple[bytes, Message]:
    parts, size = [first], len(first)
    message: Message = {"type": "http.request", "more_body": True}
    while message.get("more_body"):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        elif size > MAX_DISCARDED:
            raise TooLarge(at_end=False)
    if size > MAX_BODY and message["type"] != "http.disconnect":
        raise TooLarge(at_end=True)
    return b"".join(parts), message


def _look(content_type: bytes, body: bytes, path: str) -> Response | None:
    kind, _, parameters = content_type.lower().partition(b";")
    kind = kind.strip()
    if kind not in (JSON, FORM) or not _is_utf8(parameters):
        return unsupported(path)
    try:
        if kind == FORM:
            return _pairs(body, path)
        check_json(body)
    except Invalid as error:
        return invalid(error.field, error.rule, path)
    return None


def _is_utf8(parameters: bytes) -> bool:
    name, _, value = parameters.strip().partition(b"=")
    return name != b"charset" or value.strip(b'" ') in (b"utf-8", b"utf8")


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read already."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
