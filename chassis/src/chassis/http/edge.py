"""The edge: authenticate, open the transaction, call the handler, keep its answer, commit, wake the relay."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import asyncpg
import structlog
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from chassis import outbox
from chassis.access import Identity, Scope, Verifier
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.errors import Invalid, PreconditionMissing, Refused, Unauthenticated
from chassis.http import idempotency
from chassis.http.idempotency import Answer, Attempt, IdempotencyKeyMissing, Keeping

C = TypeVar("C")
R = TypeVar("R")
P = ParamSpec("P")
Handler = Callable[[Tx, Scope, C, datetime], Awaitable[object]]
KeepingHandler = Callable[[Tx, Scope, C, datetime, Keeping], Awaitable[object]]
"""A handler whose last statement inserts what `Keeping.columns` gives for its result, beside all else."""
LoadScope = Callable[[Tx, Identity], Awaitable[Scope]]
"""Reads what a caller may see, and lets row-level security see it (`set_scope`).

It calls `as_system` first where its own tables are behind row-level security.
"""

NOBODY = UUID(int=0)
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_VERSION = re.compile(r'"([1-9][0-9]{0,17})"')


@dataclass(frozen=True, slots=True)
class Ground:
    """What the edge of a service stands on."""

    pool: Pool
    verifier: Verifier
    load_scope: LoadScope


class Edge:
    """One request's way to the service's handlers."""

    def __init__(self, request: Request, response: Response, identity: Identity | None) -> None:
        self._request = request
        self._response = response
        self._ground: Ground = request.app.state.ground
        self.identity = identity

    @property
    def caller(self) -> Identity:
        """Who calls; raises `Unauthenticated` where nobody had to say."""
        if self.identity is None:
            raise Unauthenticated
        return self.identity

    @property
    def expected_version(self) -> int:
        """The version that the caller read, from If-Match. Raises `PreconditionMissing`, or `Invalid`."""
        given = self._request.headers.get("if-match")
        if given is None:
            raise PreconditionMissing
        match = _VERSION.fullmatch(given.strip())
        if match is None:
            raise Invalid(field="If-Match", rule='must be one version in quotes, as the ETag gave it, like "3"')
        return int(match[1])

    async def create(self, handler: Handler[C], command: C, *, status: int = 201) -> Response:
        """Create something; needs an Idempotency-Key. Answers what the handler returns, with its version as ETag."""
        key = self._key()
        if key is None:
            raise IdempotencyKeyMissing
        return await self._write(_kept_after(handler), command, key, status)

    async def create_at_once(self, handler: KeepingHandler[C], command: C, *, status: int = 201) -> Response:
        """As `create`, where the handler's own last statement keeps the answer: a round trip less."""
        key = self._key()
        if key is None:
            raise IdempotencyKeyMissing
        return await self._write(handler, command, key, status)

    async def change(self, handler: Handler[C], command: C, *, status: int = 200) -> Response:
        """Change something; needs If-Match (the handler compares `expected_version`), may have an Idempotency-Key."""
        _ = self.expected_version
        return await self._write(_kept_after(handler), command, self._key(), status)

    async def act(self, handler: Handler[C], command: C, *, status: int = 200) -> Response:
        """Do something that is neither: no If-Match, and an Idempotency-Key only if the caller wants."""
        return await self._write(_kept_after(handler), command, self._key(), status)

    async def read(
        self, reader: Callable[Concatenate[Tx, Scope, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Read in a read-only transaction; what has a version sets the ETag."""

        async def work(tx: Tx) -> R:
            return await reader(tx, await self._enter(tx), *args, **kwargs)

        result = await in_transaction(self._ground.pool, work, readonly=True)
        if (version := getattr(result, "version", None)) is not None:
            self._response.headers["ETag"] = f'"{version}"'
        return result

    async def _write(self, handler: KeepingHandler[C], command: C, key: str | None, status: int) -> Response:
        keeping = Keeping(await self._attempt(key) if key else None, status)

        async def work(tx: Tx) -> Answer:
            keeping.begin()
            scope = await self._enter(tx)
            result = await handler(tx, scope, command, datetime.now(UTC), keeping)
            return await keeping.end(tx, result)

        try:
            answer = await in_transaction(self._ground.pool, work)
        except (Refused, asyncpg.IntegrityConstraintViolationError):
            saved = await keeping.saved(self._ground.pool)
            if saved is None:
                raise
            return saved.response(replayed=True)
        outbox.wake(self._ground.pool)
        return answer.response()

    async def _attempt(self, key: str) -> Attempt:
        request = self._request
        subject = self.identity.subject if self.identity else NOBODY
        return Attempt(subject, key, idempotency.digest(request.method, request.scope["path"], await request.body()))

    async def _enter(self, tx: Tx) -> Scope:
        if self.identity is None:
            await as_system(tx)
            return Scope.system()
        scope = await self._ground.load_scope(tx, self.identity)
        organisations = [str(each) for each in scope.organisations]
        structlog.contextvars.bind_contextvars(subject=str(scope.subject), organisations=organisations)
        return scope

    def _key(self) -> str | None:
        key = self._request.headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            raise Invalid(field="Idempotency-Key", rule="must be 1 to 255 printable ASCII characters")
        return key


def _kept_after(handler: Handler[C]) -> KeepingHandler[C]:
    return lambda tx, scope, command, now, _keeping: handler(tx, scope, command, now)


async def authenticate(request: Request) -> Identity:
    """Who calls. Raises `Unauthenticated` without a valid token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    ground: Ground = request.app.state.ground
    return await ground.verifier.verify(token.strip())


async def open_edge(request: Request, response: Response) -> Edge:
    """An edge that anybody may come to."""
    return Edge(request, response, None)


async def reading_edge(request: Request, response: Response) -> Edge:
    """An edge for what changes nothing."""
    return Edge(request, response, await authenticate(request))


async def creating_edge(request: Request, response: Response) -> Edge:
    """An edge for what needs an Idempotency-Key."""
    return Edge(request, response, await authenticate(request))


async def changing_edge(request: Request, response: Response) -> Edge:
    """An edge for what needs If-Match."""
    return Edge(request, response, await authenticate(request))


Opens = Annotated[Edge, Depends(open_edge)]
"""Without a token: sign-up, sign-in. The handler runs with the system's scope, so it answers for all checks."""
Reads = Annotated[Edge, Depends(reading_edge)]
"""With a token, for `edge.read` and `edge.act`."""
Creates = Annotated[Edge, Depends(creating_edge)]
"""With a token, for `edge.create`."""
Changes = Annotated[Edge, Depends(changing_edge)]
"""With a token, for `edge.change`."""
