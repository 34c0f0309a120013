"""The service answers as its OpenAPI document says, whatever it is sent."""

import pytest

from tests.chassis.fuzzing import fuzz
from tests.chassis.garden import Garden


@pytest.mark.timeout(180)
async def test_no_made_up_request_gets_what_the_document_does_not_say(garden: Garden) -> None:
    document = (await garden.send("GET", "/openapi.json")).json
    seen = await fuzz(document, garden.url, garden.issuer.headers(garden.person))
    assert {200, 404, 422} <= seen
    assert max(seen) < 500
