"""Named places where a process may be made to die: at every step between a command and its last effect.

A failpoint wraps one function of the running code, in a process that `tests.resilience.launch` started with
`RESILIENCE_FAILPOINT=name:nth`. The code itself knows nothing of it, so images can't hold one.
"""

import functools
import importlib
import inspect
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

VARIABLE = "RESILIENCE_FAILPOINT"


@dataclass(frozen=True, slots=True)
class Failpoint:
    """Die before (or after) `target`, "module:attribute"; `roles` are the processes that come there."""

    target: str
    before: bool
    roles: tuple[str, ...]
    proves: str
    counts: Callable[[tuple[Any, ...], dict[str, Any], Any], bool] = lambda _args, _kwargs, _result: True
    """Which calls count: by arguments, and by the result (None before the call)."""


def _writes(_args: tuple[Any, ...], kwargs: dict[str, Any], _result: Any) -> bool:
    return not kwargs.get("readonly")


def _something(_args: tuple[Any, ...], _kwargs: dict[str, Any], result: Any) -> bool:
    return bool(result)


APIS = ("membership-api", "pooling-api")
RELAYS = ("membership-relay", "pooling-relay")
CONSUMERS = ("pooling-consume", "notifications-consume")

FAILPOINTS = {
    "http.received": Failpoint(
        "chassis.http.edge:in_transaction", True, APIS, "a command that was only received leaves nothing", _writes
    ),
    "http.recording": Failpoint(
        "chassis.http.idempotency:save", True, APIS, "state and events without their record are rolled back"
    ),
    "http.recorded": Failpoint(
        "chassis.http.idempotency:save", False, APIS, "a record that isn't committed is not kept either"
    ),
    "http.committed": Failpoint(
        "chassis.http.edge:in_transaction", False, APIS, "a retry gets the answer that was never sent", _writes
    ),
    "outbox.appended": Failpoint(
        "chassis.outbox:append", False, APIS, "an event without a committed change is never published"
    ),
    "booking.taken": Failpoint(
        "pooling.store.holds:take", False, ("pooling-api",), "a hold is whole or absent, its free time with it"
    ),
    "unfolding.saved": Failpoint(
        "pooling.handlers.unfolding:save", False, ("pooling-api",), "what follows from a change comes with it or not"
    ),
    "relay.sequencing": Failpoint(
        "chassis.relay.sequencer:run_once", True, RELAYS, "committed events wait for whoever sequences next"
    ),
    "relay.sequenced": Failpoint(
        "chassis.relay.sequencer:run_once",
        False,
        RELAYS,
        "positions given are neither given again nor left out",
        _something,
    ),
    "relay.read": Failpoint(
        "chassis.relay.publisher:read", False, RELAYS, "what was read but not sent is read again", _something
    ),
    "relay.batched": Failpoint(
        "chassis.relay.sending:batch", False, RELAYS, "what only the producer had is sent again"
    ),
    "relay.sending": Failpoint(
        "chassis.relay.sending:Sender.send", True, RELAYS, "a batch that was never sent is sent by the next relay"
    ),
    "relay.acknowledged": Failpoint(
        "chassis.relay.sending:Sender.send", False, RELAYS, "an event published twice has its effect once"
    ),
    "relay.moved": Failpoint("chassis.relay.sharing:move", False, RELAYS, "the next relay goes on from the cursor"),
    "consume.received": Failpoint(
        "chassis.consume.worker:Worker.take", True, CONSUMERS, "records only received come again"
    ),
    "consume.claimed": Failpoint("chassis.inbox:claim", False, CONSUMERS, "an id without its effect isn't remembered"),
    "consume.handled": Failpoint(
        "chassis.consume.effects:_handle", False, CONSUMERS, "an effect that isn't committed happens once, later"
    ),
    "consume.committed": Failpoint(
        "chassis.consume.effects:in_transaction",
        False,
        CONSUMERS,
        "an effect whose offset isn't committed happens once",
    ),
    "consume.offsets": Failpoint(
        "chassis.consume.partitions:_commit_once", False, CONSUMERS, "committed offsets skip nothing"
    ),
    "consume.burying": Failpoint(
        "chassis.dead_letters.sender:Sender.send", True, CONSUMERS, "a poisoned record is buried by the next consumer"
    ),
    "consume.buried": Failpoint(
        "chassis.dead_letters.sender:Sender.send", False, CONSUMERS, "a record buried twice is one letter"
    ),
    "expire.saved": Failpoint(
        "pooling.handlers.unfolding:save", False, ("pooling-expire",), "a hold lapses once, wholly"
    ),
    "worker.committed": Failpoint(
        "pooling.workers:in_transaction", False, ("pooling-expire", "pooling-match"), "done work isn't done again"
    ),
    "match.saved": Failpoint(
        "pooling.store.matches:save",
        False,
        ("pooling-match", "pooling-matcher", "pooling-api"),
        "nothing is half proposed",
    ),
    "plan.solved": Failpoint(
        "pooling.planning.solving:Solver.plan", False, ("pooling-matcher",), "a plan that was only found leaves nothing"
    ),
    "plan.moved": Failpoint(
        "pooling.store.plans:move", False, ("pooling-matcher",), "slots without their matches are rolled back"
    ),
    "plan.saved": Failpoint(
        "pooling.store.plans:save_part", False, ("pooling-matcher",), "a plan is proposed wholly or not at all"
    ),
    "plan.committed": Failpoint(
        "pooling.planning.planner:in_transaction", False, ("pooling-matcher",), "a plan that is kept isn't made again"
    ),
    "news.told": Failpoint(
        "notifications.handlers:tell", False, ("notifications-consume",), "whoever is told is told once"
    ),
    "mail.leased": Failpoint(
        "notifications.workers.mail:_lease",
        False,
        ("notifications-mail",),
        "a leased mail is sent when its lease ends",
        _something,
    ),
    "mail.composed": Failpoint(
        "notifications.workers.mail:_prepare",
        False,
        ("notifications-mail",),
        "a composed mail is sent later",
        _something,
    ),
    "mail.handed_over": Failpoint(
        "notifications.mail.smtp:hand_over",
        False,
        ("notifications-mail",),
        "a mail may come again, with the same Message-ID, and no other does",
    ),
    "mail.settled": Failpoint(
        "notifications.workers.mail:_settle", False, ("notifications-mail",), "a settled mail isn't sent again"
    ),
    "webhook.leased": Failpoint(
        "notifications.workers.webhook:lease",
        False,
        ("notifications-webhook",),
        "a leased delivery is made when its lease ends",
        _something,
    ),
    "webhook.posted": Failpoint(
        "notifications.workers.webhook:post",
        False,
        ("notifications-webhook",),
        "a delivery may come again, with the same webhook-id",
    ),
    "webhook.saved": Failpoint(
        "notifications.workers.webhook:_save", False, ("notifications-webhook",), "a saved delivery isn't made again"
    ),
}


def arm(order: str) -> None:
    """Let this process die at "name:nth", the nth time that it comes there. Raises KeyError for an unknown name."""
    name, _, nth = order.partition(":")
    point, left = FAILPOINTS[name], int(nth or 1)

    def reached(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        nonlocal left
        if point.counts(args, kwargs, result):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    replace(point.target, lambda original: _wrapped(original, point.before, reached))


def replace(target: str, make: Callable[[Any], Any]) -> None:
    """Put something else at "module:attribute" (or "module:Class.attribute"), made of what is there."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    setattr(owner, name, make(getattr(owner, name)))


def _wrapped(original: Any, before: bool, reached: Callable[..., None]) -> Any:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
            if before:
                reached(args, kwargs, None)
            result = await original(*args, **kwargs)
            if not before:
                reached(args, kwargs, result)
            return result

        return wrapped_async

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            reached(args, kwargs, None)
        result = original(*args, **kwargs)
        if not before:
            reached(args, kwargs, result)
        return result

    return wrapped
