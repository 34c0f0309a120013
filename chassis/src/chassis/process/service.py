"""What a service is made of, as its composition root tells it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Generic, TypeVar

import typer

from chassis.access import Identity, Scope, TokenVerifier, Verifier
from chassis.consume import Handlers
from chassis.db import Pool, Tx
from chassis.health import Health
from chassis.http.router import Router
from chassis.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Running(Generic[S]):
    """What the roles of one process share."""

    service: str
    settings: S
    pool: Pool
    health: Health
    stop: asyncio.Event
    """Set when the process must end: finish what is in hand, take nothing new, return within some seconds."""


Worker = Callable[[Running[S], Mapping[str, Any]], Awaitable[None]]
"""A background loop; it runs until `stop` is set. Its second argument is what `compose` built."""

Command = Callable[..., None] | typer.Typer
"""A command as Typer takes it: a function whose docstring is its help, or several in an app."""


@asynccontextmanager
async def _nothing(_running: object) -> AsyncIterator[Mapping[str, Any]]:
    yield {}


def _by_jwks(settings: ServiceSettings) -> Verifier:
    return TokenVerifier(settings.access)


async def _nobody(_tx: Tx, identity: Identity) -> Scope:
    return Scope(subject=identity.subject)


@dataclass(frozen=True, kw_only=True)
class Service(Generic[S]):
    """A service: give what it has, and the roles follow (api, consume, relay, migrate, provision, and its workers)."""

    settings: type[S]
    migrations: Traversable | Path
    routers: Sequence[Router] = ()
    load_scope: Callable[[Tx, Identity], Awaitable[Scope]] = _nobody
    handlers: Handlers = field(default_factory=dict)
    publishes: bool = True
    """Whether it has a relay."""
    workers: Mapping[str, Worker[S]] = field(default_factory=dict)
    """Background loops by role; their docstrings are the help. One named like a standard role takes its place."""
    compose: Callable[[Running[S]], AbstractAsyncContextManager[Mapping[str, Any]]] = _nothing
    """Builds what else the service needs (clients, keys, worker processes): `request.app.state` gets it by name."""
    verifier: Callable[[S], Verifier] = _by_jwks
    commands: Mapping[str, Command] = field(default_factory=dict)
    """Further commands by name."""

    def lines(self, name: str) -> dict[str, Traversable | Path]:
        """The migrations of the chassis and of the service."""
        return {"chassis": files("chassis") / "migrations", name: self.migrations}
