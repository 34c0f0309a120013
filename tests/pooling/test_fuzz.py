"""The API answers as its OpenAPI document says, whatever it is sent, and never with a server's error."""

import asyncio

import pytest
from httpx import AsyncClient
from starlette.applications import Starlette

from chassis.http import listen, serve
from chassis.settings import HttpSettings
from chassis.testing import TokenIssuer
from tests.chassis.fuzzing import fuzz
from tests.pooling.world import World


@pytest.mark.timeout(180)
async def test_no_made_up_request_gets_what_the_document_does_not_say(
    world: World, app: Starlette, http: AsyncClient, tokens: TokenIssuer
) -> None:
    member = await world.member()
    await member.offer()
    listener, stop = listen(HttpSettings(port=0)), asyncio.Event()
    serving = asyncio.create_task(serve(app, listener, stop))
    try:
        document = (await http.get("/openapi.json")).json()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        seen = await fuzz(document, address, tokens.headers(member.person), examples=5)
    finally:
        stop.set()
        await serving
    assert {200, 404, 422} <= seen
    assert max(seen) < 500
