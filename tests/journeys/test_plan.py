"""The territory's plan: the role `matcher` beside the others, from two requests for one van to events on the topics."""

import pytest

from chassis.testing import eventually
from tests.journeys.territory import Member, a_pole, hours, types_of
from tests.journeys.town import Town
from tests.support.membership import Json
from tests.support.pooling import need

pytestmark = pytest.mark.timeout(600)  # the engine may have to be compiled first


async def asked(member: Member, **changes: object) -> Json:
    """A request for two hours of a van, from 8 to 10."""
    line = need(hours(8, 10), minutes=120, **changes)
    made: Json = await eventually(lambda: member.pooling.request(member.pole_id, member.organisation_id, [line]))
    return made


async def planned(member: Member, request: Json) -> Json:
    """What the plan has for a request of one line."""
    (item,) = (await member.pooling.get(f"/v1/requests/{request['id']}/plan"))["items"]
    return dict(item)


async def test_the_plan_serves_both_and_says_so_on_the_topics_and_to_nobody_else(town: Town) -> None:
    matcher = town.pooling.beside("matcher")
    await matcher.start(PLAN_QUIET_SECONDS="0.2")
    try:
        pole = await a_pole(town)
        anne, bob, carole = await pole.member(), await pole.member(), await pole.member()
        ramp = await anne.offer()
        plain = await anne.offer(
            title="Grand car", characteristics={"kind": "vehicle", "seats": 30, "energy": "diesel", "ramp": False}
        )
        easy, needy = await asked(bob, features=[]), await asked(carole)
        plans: list[Json] = []

        async def both() -> bool:
            plans[:] = [await planned(bob, easy), await planned(carole, needy)]
            return all(each["status"] == "planned" for each in plans)

        await eventually(both, 60)
        assert [each["match"]["resource_id"] for each in plans] == [plain["id"], ramp["id"]]
        stranger = await bob.pooling.send("GET", f"/v1/requests/{needy['id']}/plan")
        assert stranger.status_code == 404
        match = plans[1]["match"]
        assert (await types_of(town, match["id"]))[0] == "match_proposed"
        booking = await carole.pooling.hold(match)
        assert booking["resource_id"] == ramp["id"]
        said = (await matcher.http.get("/metrics")).text
        assert "polepool_plan_gap 0.0" in said
        assert "polepool_plan_solve_seconds_count" in said
    finally:
        await matcher.stop()
        await matcher.http.aclose()
