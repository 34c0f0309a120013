"""What journeys ask for."""

from collections.abc import AsyncIterator

import pytest

from chassis.testing import Parts
from tests.journeys.town import Town, raised


@pytest.fixture(scope="module")
async def town(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """All three services as processes. Of one module: other tests take the same topics and groups for themselves."""
    async with raised(parts, tmp_path_factory.mktemp("town")) as standing:
        yield standing
