"""Whether consumption moves: what /livez asks."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

STUCK_AFTER = 120.0
"""Seconds with one message in hand after which the process is better restarted: four times a statement's limit."""

STALLS = 2
"""Subscriptions in a row without a record although there were some."""
FAILURES = 5
"""Subscriptions in a row that ended by an error."""


class Progress:
    """Notes what is in hand and when it last moved. Idle isn't stuck, and a broker that is away isn't either."""

    def __init__(self, stuck_after: float = STUCK_AFTER) -> None:
        self._stuck_after = stuck_after
        self._since: float | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._stalls = 0
        self._failures = 0
        self._failure = ""

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A batch is in hand."""
        self._idle.clear()
        self.step()
        try:
            yield
        finally:
            self._since = None
            self._idle.set()

    def step(self) -> None:
        """The batch in hand moved on."""
        self.caught_up()
        self._since = time.monotonic()

    @property
    def in_hand(self) -> bool:
        """Whether a batch is in hand."""
        return self._since is not None

    async def idle_within(self, seconds: float) -> bool:
        """Wait until no batch is in hand, but no longer than `seconds`; whether that was so."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def stalled(self) -> None:
        """The broker answers and has more for us, but the consumer doesn't get it: it is about to subscribe again."""
        self._stalls += 1

    def failed(self, why: str) -> None:
        """A subscription ended by an error that isn't the broker's absence: it is about to be made anew."""
        self._failures += 1
        self._failure = why

    def caught_up(self) -> None:
        """All is well: records come, or there are none."""
        self._stalls = self._failures = 0

    async def alive(self) -> str | None:
        """What is stuck, if anything: a batch, or a consumer that subscribing again didn't heal."""
        if self._stalls >= STALLS:
            return f"no record came although there are some, {self._stalls} subscriptions in a row"
        if self._failures >= FAILURES:
            return f"{self._failures} subscriptions in a row ended by an error: {self._failure}"
        if self._since is not None and time.monotonic() - self._since > self._stuck_after:
            return f"a batch has not moved for over {self._stuck_after:g} s"
        return None
