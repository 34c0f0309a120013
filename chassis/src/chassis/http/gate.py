"""How many requests are worked on at once, how long others wait for their turn, and who is refused at once.

Nobody is helped by answers that come too late. As Google's SRE book has it ("Handling Overload", "Addressing Cascading
Failures"), a server that is offered more than it can do goes on doing what it can, and refuses the rest early and
cheaply. Places are as many as keep the database's connections busy. The queue before them is first in, first out, and
short in time rather than in number, as in CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5),
2012) and in what became of it for requests (Maurer, "Fail at Scale", ACM Queue 13(8), 2015): how long they wait
tells a burst that passes from more work than gets done. Then who comes is refused, rather than who waits: a refusal
before anything was read costs least. Whether one would wait too long is told from how fast turns come and how many are
before them (Little's law), since how long the oldest has waited tells it too late.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.problem import busy
from chassis.telemetry.metrics import HTTP_REFUSED, HTTP_UNDER_WAY, HTTP_WAITING

PLACES = 2
"""Per connection of the pool: while some are in the database, others are read, validated and answered."""
QUEUE = 16
"""How many may wait, per place, however fast turns come: each holds a body."""
WAIT = 0.5
"""Seconds. Who would wait longer, by how fast turns come, may not join the queue; nobody may once the oldest has."""
PATIENCE = 1.0
"""Seconds that a request waits for its turn at most: turns may come more slowly than when it joined."""
SMOOTH = 64
"""Turns over which their pace is averaged."""
HEALTH = frozenset(("/livez", "/readyz", "/metrics"))
"""Never refused: whoever watches a service must see it most when it is busy."""

_leave: ContextVar[Callable[[], None]] = ContextVar("leave")

FULL, STUCK, LATE, GONE = "full", "stuck", "late", "gone"
_REFUSED = {reason: HTTP_REFUSED.labels(reason) for reason in (FULL, STUCK, LATE, GONE)}


class Gate:
    """One per process that serves an API."""

    def __init__(self, places: int, patience: float = PATIENCE) -> None:
        self._free = places
        self._patience = patience
        self._most = places * QUEUE
        self._waiting: OrderedDict[asyncio.Future[str | None], float] = OrderedDict()
        self._pace = 0.0
        """Seconds between two turns while others wait."""
        self._turns = SMOOTH // 8
        """How many it is the average of."""
        self._last = 0.0
        """When the last turn was, or when somebody began to wait."""

    def closed(self) -> str | None:
        """Why who comes now is to be refused at once; nothing when they may go on."""
        if not self._waiting:
            return None
        if len(self._waiting) >= self._most or len(self._waiting) * self._pace > WAIT:
            return FULL
        oldest = next(iter(self._waiting.values()))
        return STUCK if asyncio.get_running_loop().time() - oldest > WAIT else None

    async def admit(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, leaving: Receive) -> None:
        """Answer with `app` once there is a place, or refuse. `leaving` tells when the client disconnects meanwhile.

        Call it when the body is there, so that no slow sender has a place. It is given back when the answer begins:
        what was to be done is done, and a slow reader has none either.
        """
        if scope["path"] in HEALTH:
            return await app(scope, receive, send)
        reason = await self._enter(leaving)
        if reason is None:
            return await self._inside(app, scope, receive, send)
        refused(reason)
        return await busy(scope["path"])(scope, receive, send)

    async def _inside(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        inside = True

        def leave() -> None:
            nonlocal inside
            if inside:
                inside = False
                HTTP_UNDER_WAY.dec()
                self._pass_on()

        async def sending(message: Message) -> None:
            leave()
            await send(message)

        HTTP_UNDER_WAY.inc()
        _leave.set(leave)
        try:
            await app(scope, receive, sending)
        finally:
            leave()

    async def _enter(self, leaving: Receive) -> str | None:
        """Take a place, or tell why there was none.

        Who was let in may wait even if the gate was closed since: refusing now would cost several times as much.
        """
        if self._free:
            self._free -= 1
            return None
        return FULL if len(self._waiting) >= self._most else await self._wait(leaving)

    def _pass_on(self) -> None:
        while self._waiting:
            turn, _since = self._waiting.popitem(last=False)
            if not turn.done():
                self._measure()
                return turn.set_result(None)
        self._free += 1
        return None

    def _measure(self) -> None:
        now = asyncio.get_running_loop().time()
        self._turns = min(self._turns + 1, SMOOTH)
        self._pace += (min(now - self._last, WAIT) - self._pace) / self._turns
        self._last = now

    async def _wait(self, leaving: Receive) -> str | None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[str | None] = loop.create_future()
        self._last = self._last if self._waiting else loop.time()
        self._waiting[turn] = loop.time()
        late = loop.call_later(self._patience, self._end, turn, LATE)
        gone = asyncio.ensure_future(leaving())
        gone.add_done_callback(lambda _: self._end(turn, GONE))
        HTTP_WAITING.inc()
        try:
            return await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if not turn.cancelled() and turn.result() is None:
                self._pass_on()
            raise
        finally:
            HTTP_WAITING.dec()
            late.cancel()
            gone.cancel()

    def _end(self, turn: "asyncio.Future[str | None]", reason: str) -> None:
        if self._waiting.pop(turn, None) is not None and not turn.done():
            turn.set_result(reason)


def step_out() -> None:
    """Give the place of the request that is worked on to others: what it waits for next has a limit of its own."""
    if leave := _leave.get(None):
        leave()


def refused(reason: str) -> None:
    """Count a refusal."""
    _REFUSED[reason].inc()
