"""The example service, running once for all the tests of the HTTP side."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from chassis.testing import Parts
from tests.chassis.garden import Garden, open_garden


@pytest.fixture(scope="session")
async def garden_server(parts: Parts) -> AsyncIterator[Garden]:
    async with open_garden(parts) as opened:
        yield opened


@pytest.fixture
async def garden(garden_server: Garden) -> Garden:
    """A gardener of the test's own, in an organisation of their own."""
    own = replace(garden_server, person=uuid4(), organisation=uuid4())
    await own.employ(own.person, own.organisation)
    return own
