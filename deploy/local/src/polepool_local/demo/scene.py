"""What every step of the story needs, and how it waits for what must come."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from polepool_local.demo.load import Cast, Keys
from polepool_local.demo.narrator import Narrator
from polepool_local.demo.sinks import Sinks
from polepool_local.demo.tap import Tap

T = TypeVar("T")


class Broken(Exception):
    """The story did not hold; the message says where."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What every step of the story needs."""

    cast: Cast
    keys: Keys
    tap: Tap
    sinks: Sinks
    tell: Narrator

    @property
    def niort(self) -> UUID:
        """The pole where the story takes place."""
        return self.cast.poles["niort"]


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = 15) -> T:
    """Look again until there is something; raises Broken naming what did not come."""
    try:
        async with asyncio.timeout(seconds):
            while (found := await look()) is None:  # noqa: ASYNC110 - nothing tells when it is there
                await asyncio.sleep(0.1)
            return found
    except TimeoutError:
        raise Broken(f"not within {seconds:g} s: {what}") from None
