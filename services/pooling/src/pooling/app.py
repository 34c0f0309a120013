"""The composition root: the only place that builds things; tests use the same door."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from chassis.process import Running, Service
from pooling import consumer, rebuild, workers
from pooling.api import ROUTERS
from pooling.settings import PoolingSettings
from pooling.store.projections import load_scope


def build() -> Service[PoolingSettings]:
    """pooling as a process plays it."""
    return Service(
        settings=PoolingSettings,
        migrations=files("pooling") / "migrations",
        routers=ROUTERS,
        load_scope=load_scope,
        handlers=consumer.HANDLERS,
        workers={"expire": workers.expire, "match": workers.match, "matcher": workers.matcher},
        compose=compose,
        commands={"rebuild": rebuild.rebuild},
    )


@asynccontextmanager
async def compose(running: Running[PoolingSettings]) -> AsyncIterator[Mapping[str, Any]]:
    """What the API needs beyond the chassis."""
    yield {"hold_rules": running.settings.hold_rules}
