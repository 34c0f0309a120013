"""Saved answers: a creating request that is sent again gets the answer of the first time, and does nothing again."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from chassis.db import ACQUIRE_TIMEOUT, Pool, Tx
from chassis.errors import Refused

KEPT_DAYS = 7
FORGOTTEN_AT_ONCE = 5000
"""Answers."""
_adapters: dict[type, TypeAdapter[object]] = {}


class IdempotencyKeyMissing(Refused):
    """Send an Idempotency-Key: a new random value per intention, the same one when you send it again."""

    status = 400


class IdempotencyKeyReused(Refused):
    """This Idempotency-Key was used for another request: use a new one."""

    status = 422


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers, as it is kept."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self, *, replayed: bool = False) -> Response:
        """The answer to send."""
        headers = {**self.headers, "Idempotent-Replayed": "true"} if replayed else self.headers
        return Response(self.body, self.status, headers, "application/json" if self.body else None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request under a key."""

    subject: UUID
    key: str
    digest: bytes


def digest(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).digest()


Saved = tuple[bytes | None, int, dict[str, str], bytes]
"""The columns request_hash, status, headers and body of `idempotency`; all None when there is no row."""


class Columns(NamedTuple):
    """What `save` inserts, for a handler that keeps the answer in the statement that writes; None without a key."""

    subject: UUID | None = None
    key: str | None = None
    request_hash: bytes | None = None
    status: int | None = None
    headers: dict[str, str] | None = None
    body: bytes | None = None


class Keeping:
    """How the answer of a request is kept, in each of its transactions: by the handler's own statement, or after it."""

    def __init__(self, attempt: Attempt | None, status: int = 200) -> None:
        self._attempt = attempt
        self._status = status
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier transaction made of it."""
        self._answer: Answer | None = None
        self._looked: Saved | None = None

    @property
    def key(self) -> tuple[UUID | None, str | None]:
        """Whose key it is, and the key; None without one."""
        return (None, None) if self._attempt is None else (self._attempt.subject, self._attempt.key)

    def columns(self, result: object) -> Columns:
        """The row to insert into `idempotency`, unless its key is None: the handler that asks for it answers for it.

        The insert raises asyncpg.UniqueViolationError when the key has been used.
        """
        if self._attempt is None:
            return Columns()
        self._answer = answer = _answer(result, self._status)
        return Columns(*_named(self._attempt), answer.status, answer.headers, answer.body)

    def looked(self, saved: Saved) -> None:
        """Take what the statement of a handler that is about to refuse found under the key: a round trip less."""
        self._looked = saved

    async def end(self, tx: Tx, result: object) -> Answer:
        """What to answer; kept from here on, if the handler has not seen to it. Raises as `save` does."""
        if self._answer is not None:
            return self._answer
        answer = _answer(result, self._status)
        if self._attempt is not None:
            await save(tx, self._attempt, answer)
        return answer

    async def saved(self, pool: Pool) -> Answer | None:
        """The answer of the first time, after a refusal. Raises `IdempotencyKeyReused`."""
        if self._attempt is None:
            return None
        if self._looked is not None:
            return _saved(self._looked, self._attempt)
        return await find(pool, self._attempt)


UNKEPT = Keeping(None)
"""How nothing is kept: for who asks without a key."""


def _named(attempt: Attempt) -> tuple[UUID, str, bytes]:
    return attempt.subject, attempt.key, attempt.digest


def _answer(result: object, status: int) -> Answer:
    if result is None:
        return Answer(204, {}, b"")
    version = getattr(result, "version", None)
    headers = {} if version is None else {"ETag": f'"{version}"'}
    return Answer(status, headers, _json(result))


def _json(result: object) -> bytes:
    if isinstance(result, BaseModel):
        return result.model_dump_json().encode()
    kind = type(result)
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind].dump_json(result)


async def save(tx: Tx, attempt: Attempt, answer: Answer) -> None:
    """Keep the answer; raises asyncpg.UniqueViolationError when the key has been used: the last statement of all."""
    await tx.execute(
        "INSERT INTO idempotency (subject, key, request_hash, status, headers, body) VALUES ($1, $2, $3, $4, $5, $6)",
        *_named(attempt),
        answer.status,
        answer.headers,
        answer.body,
    )


async def find(pool: Pool, attempt: Attempt) -> Answer | None:
    """The answer kept under this key, if any. Raises `IdempotencyKeyReused` when it was given to another request."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
        row = await connection.fetchrow(
            "SELECT request_hash, status, headers, body FROM idempotency WHERE subject = $1 AND key = $2",
            attempt.subject,
            attempt.key,
        )
    return _saved(tuple(row), attempt) if row else None


def _saved(row: Saved, attempt: Attempt) -> Answer | None:
    request_hash, status, headers, body = row
    if request_hash is None:
        return None
    if request_hash != attempt.digest:
        raise IdempotencyKeyReused
    return Answer(status, headers, body)


async def forget(pool: Pool) -> int:
    """Drop what is older than `KEPT_DAYS`, some thousands at a time so that no statement is long; how many went."""
    total = 0
    while True:
        gone = await pool.fetch(
            """
            DELETE FROM idempotency WHERE (subject, key) IN (
                SELECT subject, key FROM idempotency WHERE created_at < now() - make_interval(days => $1) LIMIT $2
            ) RETURNING 1
            """,
            KEPT_DAYS,
            FORGOTTEN_AT_ONCE,
        )
        total += len(gone)
        if len(gone) < FORGOTTEN_AT_ONCE:
            return total
