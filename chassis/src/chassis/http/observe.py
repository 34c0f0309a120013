"""The outermost layer: trace, metrics, one log line, security headers, and an answer to whatever went wrong."""

import time
from collections.abc import MutableMapping
from functools import cache
from typing import Any

import asyncpg
import structlog
from prometheus_client import Histogram
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.db import is_transient
from chassis.http.gate import HEALTH
from chassis.http.problem import busy, problem
from chassis.telemetry import continued, current_traceparent
from chassis.telemetry.metrics import HTTP_SECONDS

log = structlog.get_logger("chassis.http")

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Sent with every answer that doesn't say otherwise itself."""
_LINES = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]


class Observe:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        with continued(_traceparent(scope), f"{scope['method']} {scope['path']}"):
            await self._observed(scope, receive, send)
        return None

    async def _observed(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message)
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            if status:
                log.exception("failed while answering")
                raise
            await _answer(error, scope["path"])(scope, receive, sending)
        _record(scope, status, time.perf_counter() - began)


def _traceparent(scope: Scope) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)


def _add_headers(message: MutableMapping[str, Any]) -> None:
    headers = message["headers"]
    given = {name for name, _ in headers}
    message["headers"] = [*headers, *(line for line in _LINES if line[0] not in given)]
    MutableHeaders(raw=message["headers"])["traceparent"] = current_traceparent()


def _answer(error: Exception, path: str) -> Response:
    if is_transient(error):
        log.warning("unavailable", error=type(error).__name__)
        return busy(path)
    if isinstance(error, asyncpg.DataError):
        log.warning("a value that the database refuses", error=type(error).__name__)
        return problem(422, "invalid", "A value is out of range for what it is.", instance=path)
    log.error("failed", exc_info=error)
    return problem(500, "internal_error", "Something went wrong here, and was noted.", instance=path)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = _template(scope)
    _histogram(scope["method"], route, status).observe(seconds)
    if route not in HEALTH:
        log.info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 2))


def _template(scope: Scope) -> str:
    """The route's path with the names of its parameters: paths themselves would be endless, and may name people."""
    path: str = scope["path"]
    return path if path in HEALTH else str(getattr(scope.get("route"), "path", "unmatched"))


@cache
def _histogram(method: str, route: str, status: int) -> Histogram:
    known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    return HTTP_SECONDS.labels(known, route, str(status))
