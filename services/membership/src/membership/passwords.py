"""Password hashes: argon2id, in a thread of their own, so that the event loop goes on."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.errors import Retry
from chassis.http import step_out

T = TypeVar("T")

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 iterations, 1 lane."""

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
"""One at a time, about 30 a second: each takes a core, and 19 MiB that its thread never gives back."""

_room = threading.BoundedSemaphore(64)
"""How many may wait, about two seconds' worth; who comes then is told to come again."""

_NOBODY = HASHER.hash("the password of nobody: whose address is unknown waits as long as whose password is wrong")


async def hashed(password: str) -> str:
    """The hash to keep of a password; raises Retry when too many wait."""
    return await _in_turn(HASHER.hash, password)


async def verified(password: str, password_hash: str | None) -> bool:
    """Whether this is the password of the hash; the same work, and False, without a hash. Raises Retry as `hashed`."""
    matches = await _in_turn(_verify, password_hash or _NOBODY, password)
    return matches and password_hash is not None


async def _in_turn(work: Callable[..., T], *arguments: str) -> T:
    if not _room.acquire(blocking=False):
        raise Retry("too many passwords at once", after=2)
    step_out()
    try:
        return await asyncio.get_running_loop().run_in_executor(_thread, work, *arguments)
    finally:
        _room.release()


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
