"""Whether a process lives (/livez), may be sent work (/readyz), and what it counts (/metrics)."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Check = Callable[[], Awaitable[str | None]]
"""Nothing when all is well, else the reason; what it raises is a reason too."""

PATIENCE = 2.0
"""Seconds that a check may take, unless told otherwise."""


class Health:
    """The checks of a process. Liveness must never ask another part (the broker): a restart wouldn't heal that."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._ready: dict[str, Check] = {}
        self._live: dict[str, Check] = {}

    def ready(self, name: str, check: Check) -> None:
        """Work may come while `check` finds nothing: database, broker, migrations, assignment."""
        self._ready[name] = check

    def live(self, name: str, check: Check) -> None:
        """The process must be restarted once `check` finds something: a loop that stands still."""
        self._live[name] = check

    async def readiness(self) -> dict[str, str | None]:
        """Each check's reason, None when all is well."""
        return await _run(self._ready, self._patience)

    async def liveness(self) -> dict[str, str | None]:
        """Each check's reason, None when all is well."""
        return await _run(self._live, self._patience)

    def routes(self) -> list[Route]:
        """The three addresses, for an app of its own or beside others."""

        async def livez(_request: Request) -> Response:
            return _report(await self.liveness())

        async def readyz(_request: Request) -> Response:
            return _report(await self.readiness())

        return [
            Route("/livez", livez, include_in_schema=False),
            Route("/readyz", readyz, include_in_schema=False),
            Route("/metrics", _metrics, include_in_schema=False),
        ]


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _run(checks: dict[str, Check], patience: float) -> dict[str, str | None]:
    now = dict(checks)  # a role that begins may add one meanwhile
    reasons = await asyncio.gather(*(_reason(check, patience) for check in now.values()))
    return dict(zip(now, reasons, strict=True))


async def _reason(check: Check, patience: float) -> str | None:
    try:
        async with asyncio.timeout(patience):
            return await check()
    except TimeoutError:
        return f"no answer within {patience:g} s"
    except Exception as error:
        # The type alone: a message may name addresses and roles, and anybody may read this page.
        return type(error).__name__


def _report(reasons: dict[str, str | None]) -> Response:
    well = not any(reasons.values())
    checks = [{"name": name, "state": "ok" if reason is None else reason} for name, reason in reasons.items()]
    body = {"state": "ok" if well else "unavailable", "checks": checks}
    return Response(orjson.dumps(body), status_code=200 if well else 503, media_type="application/json")
