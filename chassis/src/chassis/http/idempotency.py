"""Saved answers: a creating request that is sent again gets the answer of the first time, and does nothing again."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from starlette.responses import Response

from chassis.db import ACQUIRE_TIMEOUT, Pool, Tx
from chassis.errors import Refused

KEPT_DAYS = 7


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


async def save(tx: Tx, attempt: Attempt, answer: Answer) -> None:
    """Keep the answer; raises asyncpg.UniqueViolationError when the key has been used: the last statement of all."""
    await tx.execute(
        "INSERT INTO idempotency (subject, key, request_hash, status, headers, body) VALUES ($1, $2, $3, $4, $5, $6)",
        attempt.subject,
        attempt.key,
        attempt.digest,
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
    if row is None:
        return None
    if row["request_hash"] != attempt.digest:
        raise IdempotencyKeyReused
    return Answer(row["status"], row["headers"], row["body"])


async def forget(pool: Pool) -> None:
    """Drop what is older than `KEPT_DAYS`."""
    await pool.execute("DELETE FROM idempotency WHERE created_at < now() - make_interval(days => $1)", KEPT_DAYS)
