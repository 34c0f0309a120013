"""A right that was taken away is gone as soon as that is consumed, though the token goes on being valid."""

import pytest

from chassis.testing import eventually
from schemas.pooling import BookingHeld
from tests.journeys.territory import Member, a_pole, hours, member_at
from tests.journeys.town import Town
from tests.support.membership import exchange, sign_up, succeeded
from tests.support.pooling import offered

pytestmark = pytest.mark.timeout(300)  # the first test of a session also starts the parts and the town


async def offering(member: Member) -> int:
    """What pooling answers to an offer."""
    body = offered(member.pole_id, member.organisation_id, [hours(8, 18)])
    return (await member.pooling.send("POST", "/v1/resources", body)).status_code


async def subscribing(town: Town, member: Member) -> int:
    """What notifications answers to a subscription."""
    organisation = member.organisation_id
    body = {"organisation_id": organisation, "url": town.hooks.url(organisation), "event_types": [BookingHeld.TYPE]}
    return (await member.notifications.send("POST", "/v1/webhooks", body)).status_code


async def is_refused_everywhere(town: Town, member: Member) -> bool:
    """Whether both services refuse the right, not the token: that would be 401."""
    return {await offering(member), await subscribing(town, member)} <= {403, 404}


async def test_whoever_is_taken_out_of_an_organisation_acts_for_it_no_longer(town: Town) -> None:
    anne = await (await a_pole(town)).member()
    carole = await sign_up(town.membership.http)
    await anne.person.grant(anne.organisation_id, carole.id, "manager")
    hers = member_at(town, carole, anne.organisation_id, anne.membership)
    await hers.offer()
    await hers.subscribe(town, [BookingHeld.TYPE])
    await anne.person.revoke(anne.organisation_id, carole.id)
    await eventually(lambda: is_refused_everywhere(town, hers))
    assert await offering(anne) == 201


async def test_a_revoked_key_opens_nothing_though_its_token_has_not_expired(town: Town) -> None:
    anne = await (await a_pole(town)).member()
    key = await anne.person.create_key(anne.organisation_id)
    erp = await exchange(town.membership.http, key["client_id"], key["client_secret"])
    its = member_at(town, erp, anne.organisation_id, anne.membership)
    await its.offer()
    await its.subscribe(town, [BookingHeld.TYPE])
    path = f"/v1/organisations/{anne.organisation_id}"
    version = (await anne.person.get(path))["version"]
    succeeded(await anne.person.send("DELETE", f"{path}/api-keys/{key['client_id']}", version=version))
    await eventually(lambda: is_refused_everywhere(town, its))


async def test_a_member_that_left_offers_nothing_more_in_the_pole(town: Town) -> None:
    anne = await (await a_pole(town)).member()
    await anne.offer()
    await anne.person.depart(anne.membership)

    async def refused() -> bool:
        return await offering(anne) in (403, 404, 409, 422)

    await eventually(refused)
