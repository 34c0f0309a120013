"""Waiting for an outcome by asking for it, never by sleeping for a guess."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

PAUSE = 0.02
"""Seconds between two looks."""


async def eventually(
    check: Callable[[], Any] | Callable[[], Awaitable[Any]],
    timeout: float = 10.0,  # noqa: ASYNC109 - it says what it waited for
    pause: float = PAUSE,
) -> Any:
    """Ask until the answer is truthy, and return it; a check that raises AssertionError is asked again too.

    `timeout` is in seconds; after it, AssertionError with the check's last answer or complaint.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        complaint = None
        try:
            answer = check()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
        except AssertionError as error:
            answer, complaint = None, error
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {complaint or answer!r}") from complaint
        await asyncio.sleep(pause)
