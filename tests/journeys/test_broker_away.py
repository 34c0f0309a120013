"""The broker goes away in the middle: people go on meanwhile, and afterwards everything arrives."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.testing import Parts, eventually
from polepool_local.testing import OwnKafka
from schemas.pooling import BookingConfirmed, BookingHeld
from tests.journeys.territory import a_pole, all_consumed, dead_letters, told_in_order, types_of
from tests.journeys.town import Town, raised
from tests.support.notifications import inbox, mailed, told

pytestmark = pytest.mark.timeout(300)

AWAY = 20.0
"""Seconds: longer than a consumer's session and than a request's patience."""


async def are_published(town: Town, aggregate_id: str, *types: str) -> bool:
    """Whether an aggregate's events on the topics are these."""
    found = await types_of(town, aggregate_id)
    assert found == list(types)
    return True


async def test_what_people_do_while_the_broker_is_away_arrives_once_and_in_order_when_it_is_back(
    parts: Parts, own_kafka: Callable[[], Awaitable[OwnKafka]], tmp_path: Path
) -> None:
    broker = await own_kafka()
    async with raised(replace(parts, kafka_bootstrap=broker.bootstrap), tmp_path) as town:
        pole = await a_pole(town)
        anne, bob = await pole.member(), await pole.member()
        await anne.subscribe(town, [BookingHeld.TYPE, BookingConfirmed.TYPE])
        minibus = await anne.offer()
        (before,) = await bob.pooling.matches(await bob.request(8, 10, minutes=None))

        await broker.stop()
        back = asyncio.Event()
        asyncio.get_running_loop().call_later(AWAY, back.set)
        bookings = [await bob.pooling.hold(before)]
        other = await anne.offer(title="Autre minibus")
        request = await bob.request(14, 16, minutes=None)
        proposed = {match["resource_id"]: match for match in await bob.pooling.matches(request)}
        assert proposed.keys() == {minibus["id"], other["id"]}
        bookings.append(await bob.pooling.hold(proposed[other["id"]]))
        await anne.pooling.confirm(bookings[0])
        await back.wait()
        await anne.pooling.confirm(bookings[1])
        assert await told(anne.notifications, "booking_held_owner") == []
        await broker.start()

        for booking in bookings:
            await eventually(lambda b=booking: are_published(town, b["id"], "booking_held", "booking_confirmed"))
        await eventually(lambda: all_consumed(town), timeout=60)
        assert await are_published(town, other["id"], "resource_offered")
        assert await are_published(town, request["id"], "resource_requested", "request_served")
        for booking in bookings:
            for member in (anne, bob):
                await eventually(lambda b=booking, m=member: told_in_order(town, m, b))
        await eventually(lambda: len(town.hooks.of(anne.organisation_id)) >= 4)
        for member, together in ((anne, 0), (bob, 1)):  # one mail tells bob of both matches of his second request
            expected = len(mailed(await inbox(member.notifications))) - together
            await eventually(lambda m=member, n=expected: len(town.mails.to(m.person.email)) >= n, 30)
            assert len(town.mails.to(member.person.email)) == expected
        assert len({hook.event["id"] for hook in town.hooks.of(anne.organisation_id)}) == 4
        assert await dead_letters(town) == []
