"""A territory of these tests' own, planned with the real solving process."""

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.resources import files

import pytest

from chassis.db import Pool, open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database
from pooling.planning.planner import Planner
from tests.pooling.planning.town import Interrupted, Town
from tests.pooling.world import World


@pytest.fixture(scope="package")
async def database(parts: Parts) -> DatabaseSettings:
    """A database of its own: a plan is one of everything that is there."""
    return await fresh_database(parts, "pooling", {"pooling": files("pooling") / "migrations"})


@pytest.fixture(scope="package")
async def pool(database: DatabaseSettings) -> AsyncIterator[Pool]:
    opened = await open_pool(database)
    yield opened
    await opened.close()


@pytest.fixture(scope="package")
async def solver() -> AsyncIterator[Interrupted]:
    """One for all: it takes a while to start."""
    async with Interrupted(2048) as made:
        yield made


@pytest.fixture
def planner(pool: Pool, database: DatabaseSettings, solver: Interrupted) -> Planner:
    return Planner(pool, database, solver, 5.0, timedelta(hours=1))


@pytest.fixture
async def town(world: World) -> Town:
    owner = await world.member()
    made = Town(owner, await world.member(owner.pole_id), await world.member(owner.pole_id))
    await made.fill()
    return made
