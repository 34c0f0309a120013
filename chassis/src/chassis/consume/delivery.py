"""What a handler is given, and what a handler is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

import structlog

from chassis.db import Tx
from chassis.telemetry import continued
from schemas.event import Envelope, Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it was consumed: valid, from its owner, and not seen before by this service."""

    event: Event
    envelope: Envelope
    topic: str
    partition: int
    offset: int

    def of(self, model: type[E]) -> E:
        """The event as the model that its handler is registered for (or a base of several)."""
        if not isinstance(self.event, model):
            raise TypeError(f"{type(self.event).__name__} is not a {model.__name__}: look at the table of handlers")
        return self.event


Handler = Callable[[Tx, Sequence[Delivery]], Awaitable[None]]
"""Handles a run: consecutive deliveries of a batch's topic that have this handler, in order (one, in the fallback).

It never commits. It raises `Refused` or `Poison` to dead-letter, `Retry` to try again later.
"""

Handlers = Mapping[str, Mapping[type[Event], Handler]]
"""A service's table: topic -> event type -> handler. Types that it doesn't name are counted and skipped."""


def each(handle: Callable[[Tx, Delivery], Awaitable[None]]) -> Handler:
    """A handler of one delivery as a handler of runs. What it says continues the trace of what it heard."""

    @wraps(handle)
    async def handle_run(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        if len(deliveries) == 1:  # already in its trace, with its id
            await handle(tx, deliveries[0])
            return
        for delivery in deliveries:
            with (
                continued(delivery.envelope.traceparent, delivery.envelope.type),
                structlog.contextvars.bound_contextvars(event_id=str(delivery.envelope.id)),
            ):
                await handle(tx, delivery)

    return handle_run
