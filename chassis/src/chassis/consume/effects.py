"""What a service does about events: its table of handlers, and the database in which they have their effects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import structlog

from chassis import inbox, outbox
from chassis.consume.decode import decode
from chassis.consume.delivery import Delivery, Handler, Handlers
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.record import Record
from chassis.telemetry import continued, metrics


class NotReady(Exception):
    """No handler was asked: the database can't be used as it is. No fault of the event's; the cause says why."""


@dataclass(slots=True)
class _Turn:
    """Whether the handlers had theirs: what fails from then on may be their fault, what failed before isn't."""

    handlers: bool = False


class Effects:
    """A service's handlers at work on its database."""

    def __init__(self, handlers: Handlers, pool: Pool, moved: Callable[[], None] = lambda: None) -> None:
        """`moved` is called after each run of a handler."""
        self.pool = pool
        self._handlers = {
            (topic, model.TYPE): handler for topic, table in handlers.items() for model, handler in table.items()
        }
        self._models = {topic: {model.TYPE: model for model in table} for topic, table in handlers.items()}
        self._moved = moved

    def read(self, record: Record) -> Delivery | None:
        """The record's event, or None when nobody here handles its type. Raises `Poison`."""
        return decode(record, self._models[record.topic])

    async def have(self, deliveries: Sequence[Delivery]) -> int:
        """Have the effects of all that were not seen before, in one transaction, or none; how many those were.

        Raises `NotReady`, or what a handler raises, or the database on account of what it wrote.
        """
        if not deliveries:
            return 0
        turn = _Turn()
        try:
            new = await in_transaction(self.pool, partial(self._apply, deliveries, turn))
        except Exception as error:
            if turn.handlers:
                raise
            raise NotReady(repr(error)) from error
        if new:
            outbox.wake(self.pool)  # asking whether the handlers said anything costs more than a ring
        return new

    async def _apply(self, deliveries: Sequence[Delivery], turn: _Turn, tx: Tx) -> int:
        turn.handlers = False
        await as_system(tx)
        # By topic, for each handler one run where batches mix topics: so what it locks, it locks in one order.
        # Nothing is out of order by that: order holds within a key, and a key has one topic.
        new = sorted(await inbox.claim(tx, deliveries), key=lambda delivery: delivery.topic)
        turn.handlers = bool(new)
        for handler, run in groupby(new, key=self._handler_of):
            await _handle(tx, handler, list(run))
            self._moved()
        return len(new)

    def _handler_of(self, delivery: Delivery) -> Handler:
        return self._handlers[delivery.topic, delivery.envelope.type]


async def _handle(tx: Tx, handler: Handler, run: Sequence[Delivery]) -> None:
    """Call the handler within the trace of the run's events, if they are of one, and with the id of a single one."""
    traces = {delivery.envelope.traceparent for delivery in run}
    name = getattr(handler, "__qualname__", type(handler).__name__)
    ids = {"event_id": str(run[0].envelope.id)} if len(run) == 1 else {}
    with (
        metrics.HANDLER_SECONDS.labels(name).time(),
        continued(traces.pop() if len(traces) == 1 else None, name),
        structlog.contextvars.bound_contextvars(**ids),
    ):
        await handler(tx, run)
