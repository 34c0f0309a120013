"""Projections are copies: read again from the topics, they come out the same, and nobody is told twice."""

import asyncio
import os
import sys

import asyncpg
import pytest

from chassis.testing import eventually
from tests.journeys.territory import Member, a_pole
from tests.journeys.town import Service, Town

pytestmark = pytest.mark.timeout(300)

PROJECTIONS = {
    "pooling": ("pole", "organisation", "member", "project"),
    "notifications": ("known", "known_pole", "known_organisation", "known_member"),
}
TOLD = [1, 2]
"""Mails to the owner, of the membership, and to the requester, of the membership and the match."""


async def state(service: Service) -> dict[str, list[str]]:
    """Every row of the service's projections."""
    connection = await asyncpg.connect(service.database.url.get_secret_value())
    try:
        await connection.execute("SELECT set_config('polepool.system', 'on', false)")
        return {
            table: [row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")]  # noqa: S608
            for table in PROJECTIONS[service.name]
        }
    finally:
        await connection.close()


async def rebuild(service: Service) -> None:
    """Stop the service, forget, start it again."""
    await service.stop()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", service.name, "rebuild"),
        env={"PATH": os.environ["PATH"], **{f"POLEPOOL_{name}": value for name, value in service.settings.items()}},
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    assert not any((await state(service)).values())
    await service.start()


async def test_projections_read_again_from_the_topics_are_the_same_and_tell_nobody_again(town: Town) -> None:
    pole = await a_pole(town)
    anne, bob = await pole.member(), await pole.member()
    await anne.offer()
    await bob.request()
    await eventually(lambda: mails(town, anne, bob) == TOLD, 30)
    before = {service.name: await settled(service) for service in (town.pooling, town.notifications)}
    for service in (town.pooling, town.notifications):
        await rebuild(service)
        await eventually(lambda service=service: same(service, before[service.name]))
    await bob.request()
    await eventually(lambda: mails(town, anne, bob) == [TOLD[0], TOLD[1] + 1], 30)


def mails(town: Town, *members: Member) -> list[int]:
    """How many mails each of them got."""
    return [len(town.mails.to(member.person.email)) for member in members]


async def settled(service: Service) -> dict[str, list[str]]:
    """The state once it stands still."""
    seen: list[dict[str, list[str]]] = [{}]

    async def still() -> bool:
        seen.append(await state(service))
        return seen[-1] == seen[-2] and any(seen[-1].values())

    await eventually(still)
    return seen[-1]


async def same(service: Service, before: dict[str, list[str]]) -> bool:
    """Whether the projections are as they were."""
    return await state(service) == before
