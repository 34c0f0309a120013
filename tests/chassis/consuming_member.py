"""A consumer in a process of its own, which a test may kill: `python -m tests.chassis.consuming_member NAME`.

The addresses come from the environment: MEMBER_DATABASE and MEMBER_KAFKA.
"""

import asyncio
import os
import sys

from pydantic import SecretStr

from chassis.db import open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts
from tests.chassis.consuming import house_of


async def main(name: str) -> None:
    """Consume for the house of this name until killed."""
    settings = DatabaseSettings(url=SecretStr(os.environ["MEMBER_DATABASE"]))
    house = house_of(name, Parts("", os.environ["MEMBER_KAFKA"]), settings, await open_pool(settings))
    async with house.consuming():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
