"""Creating, changing and reading over HTTP, from the request to the outbox: once, and in order of versions."""

import asyncio
from uuid import UUID, uuid4

import pytest
import structlog
from structlog.testing import capture_logs

from chassis.http import idempotency
from chassis.testing import eventually
from tests.chassis.garden import Answer, Garden


async def test_a_created_thing_is_answered_kept_and_said(garden: Garden) -> None:
    answer = await garden.dig("tomatoes")
    assert answer.status == 201
    assert answer.headers["ETag"] == '"1"'
    assert answer.json["name"] == "tomatoes"
    assert await garden.kept() == (1, 1, 1)


async def test_the_log_of_a_request_says_by_ids_whose_it_was(garden: Garden) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await garden.dig("chard")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["subject"], line["organisations"]) == (str(garden.person), [str(garden.organisation)])


async def test_the_same_request_again_is_answered_the_same_and_done_once(garden: Garden) -> None:
    first = await garden.dig("leeks", key="k")
    again = await garden.dig("leeks", key="k")
    assert (again.status, again.body, again.headers["ETag"]) == (first.status, first.body, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert await garden.kept() == (1, 1, 1)


async def test_the_same_request_many_times_at_once_is_done_once(garden: Garden) -> None:
    answers = await asyncio.gather(*(garden.dig("peas", key="k") for _ in range(16)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert await garden.kept() == (1, 1, 1)


async def test_other_requests_under_one_key_at_once_have_one_winner(garden: Garden) -> None:
    answers = await asyncio.gather(*(garden.dig(f"bed {number}", key="k") for number in range(8)))
    assert sorted(answer.status for answer in answers) == [201, *[422] * 7]
    assert {answer.json["code"] for answer in answers if answer.status == 422} == {"idempotency_key_reused"}
    assert await garden.kept() == (1, 1, 1)


async def test_a_key_used_for_another_body_is_refused_and_nothing_is_done(garden: Garden) -> None:
    await garden.dig("beans", key="k")
    answer = await garden.dig("cress", key="k")
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert await garden.kept() == (1, 1, 1)


async def test_a_key_of_somebody_else_is_another_key(garden: Garden) -> None:
    colleague = uuid4()
    await garden.employ(colleague, garden.organisation)
    mine = await garden.dig("mine", key="k")
    body = {"organisation_id": str(garden.organisation), "name": "theirs"}
    theirs = await garden.send("POST", "/v1/beds", body, key="k", person=colleague)
    assert (mine.status, theirs.status) == (201, 201)
    assert mine.json["id"] != theirs.json["id"]


async def test_a_refusal_is_not_kept_so_the_same_key_may_succeed_later(garden: Garden) -> None:
    body = {"organisation_id": str(uuid4()), "name": "later"}
    refused = await garden.send("POST", "/v1/beds", body, key="k")
    await garden.employ(garden.person, UUID(body["organisation_id"]))
    assert (refused.status, refused.json["code"]) == (404, "not_found")
    assert (await garden.send("POST", "/v1/beds", body, key="k")).status == 201


async def test_a_refusal_by_a_rule_names_what_stands_against_it(garden: Garden) -> None:
    await garden.dig("chard")
    answer = await garden.dig("chard")
    assert answer.status == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": "urn:polepool:problem:name_taken",
        "title": "Name taken",
        "status": 409,
        "code": "name_taken",
        "detail": "Another bed has this name.",
        "instance": "/v1/beds",
        "name": "chard",
    }
    assert await garden.kept() == (1, 1, 1)


async def test_creating_without_a_key_is_refused(garden: Garden) -> None:
    answer = await garden.send("POST", "/v1/beds", {"organisation_id": str(garden.organisation), "name": "x"})
    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_missing")
    assert await garden.kept() == (0, 0, 0)


@pytest.mark.parametrize("key", ["", "é", "a" * 256, "a\tb"])
async def test_a_key_that_is_not_short_printable_ascii_is_refused(garden: Garden, key: str) -> None:
    answer = await garden.dig("x", key=key) if key else await _dig_with_an_empty_key(garden)
    assert (answer.status, answer.broken[0]) == (422, "Idempotency-Key")


async def _dig_with_an_empty_key(garden: Garden) -> Answer:
    body = {"organisation_id": str(garden.organisation), "name": "x"}
    return await garden.send("POST", "/v1/beds", body, Idempotency_Key="")


async def test_a_change_needs_the_version_that_was_read_and_makes_the_next(garden: Garden) -> None:
    bed = (await garden.dig("kale")).json["id"]
    answer = await garden.send("POST", f"/v1/beds/{bed}/planting", {"plants": 3}, If_Match='"1"')
    assert (answer.status, answer.headers["ETag"], answer.json["plants"]) == (200, '"2"', 3)
    stale = await garden.send("POST", f"/v1/beds/{bed}/planting", {"plants": 3}, If_Match='"1"')
    assert (stale.status, stale.json["code"], stale.json["version"]) == (412, "stale", 2)
    assert await garden.kept() == (1, 2, 1)


async def test_of_many_changes_of_one_version_one_is_made(garden: Garden) -> None:
    bed = (await garden.dig("dill")).json["id"]
    changes = [garden.send("POST", f"/v1/beds/{bed}/planting", {"plants": 1}, If_Match='"1"') for _ in range(8)]
    assert sorted(answer.status for answer in await asyncio.gather(*changes)) == [200, *[412] * 7]


async def test_a_change_sent_again_under_its_key_is_answered_the_same(garden: Garden) -> None:
    bed = (await garden.dig("mint")).json["id"]
    path = f"/v1/beds/{bed}/planting"
    first = await garden.send("POST", path, {"plants": 2}, key="k", If_Match='"1"')
    again = await garden.send("POST", path, {"plants": 2}, key="k", If_Match='"1"')
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert await garden.kept() == (1, 2, 2)


async def test_a_change_without_if_match_is_refused(garden: Garden) -> None:
    answer = await garden.send("POST", f"/v1/beds/{uuid4()}/planting", {"plants": 1})
    assert (answer.status, answer.json["code"]) == (428, "precondition_missing")


@pytest.mark.parametrize("given", ['W/"1"', "*", '"1", "2"', "1", '"0"', '"x"', '"' + "9" * 30 + '"', ""])
async def test_an_if_match_that_is_not_one_strong_version_is_refused(garden: Garden, given: str) -> None:
    answer = await garden.send("POST", f"/v1/beds/{uuid4()}/planting", {"plants": 1}, If_Match=given)
    assert (answer.status, answer.broken[0]) == (422, "If-Match")


async def test_what_belongs_to_others_is_as_unknown_as_what_is_not(garden: Garden) -> None:
    bed = (await garden.dig("sage")).json["id"]
    foreign = await garden.send("GET", f"/v1/beds/{bed}", person=uuid4())
    unknown = await garden.send("GET", f"/v1/beds/{uuid4()}", person=uuid4())
    assert (foreign.status, unknown.status) == (404, 404)
    assert {**foreign.json, "instance": ""} == {**unknown.json, "instance": ""}


async def test_a_statement_that_forgets_the_scope_still_sees_no_foreign_row(garden: Garden) -> None:
    await garden.dig("basil")
    assert (await garden.send("GET", "/v1/size")).json == {"beds": 1}
    assert (await garden.send("GET", "/v1/size", person=uuid4())).json == {"beds": 0}


async def test_a_read_tells_the_version(garden: Garden) -> None:
    bed = (await garden.dig("thyme")).json
    answer = await garden.send("GET", f"/v1/beds/{bed['id']}")
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, bed, '"1"')


async def test_a_list_is_read_page_by_page_to_its_end(garden: Garden) -> None:
    dug = [(await garden.dig(f"bed {number}")).json["id"] for number in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        page = (await garden.send("GET", f"/v1/beds?limit=2{after}")).json
        seen += [bed["id"] for bed in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == dug


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("after=%21", "after")]
)
async def test_a_page_that_cannot_be_is_refused(garden: Garden, query: str, field: str) -> None:
    answer = await garden.send("GET", f"/v1/beds?{query}")
    assert (answer.status, answer.broken[0]) == (422, field)


async def test_old_answers_are_forgotten_a_portion_at_a_time_and_newer_ones_stay(
    garden: Garden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 3)
    await _answered(garden, "old", 10, days=8)
    await _answered(garden, "new", 2, days=6)
    async with garden.pool.acquire() as other:
        holding = other.transaction()
        await holding.start()
        await other.execute("SELECT FROM idempotency WHERE subject = $1 AND key = 'old 10' FOR UPDATE", garden.person)
        forgetting = asyncio.create_task(idempotency.forget(garden.pool))
        await eventually(lambda: _kept_are(garden, 3))  # while the last portion waits, the others are gone
        await holding.rollback()
    assert await forgetting == 10
    assert await _kept_are(garden, 2)


async def _answered(garden: Garden, name: str, count: int, days: int) -> None:
    await garden.pool.execute(
        """
        INSERT INTO idempotency (subject, key, request_hash, status, headers, body, created_at)
        SELECT $1, $2::text || ' ' || number, '', 204, '{}', '', now() - make_interval(days => $3)
        FROM generate_series(1, $4) AS number
        """,
        garden.person,
        name,
        days,
        count,
    )


async def _kept_are(garden: Garden, count: int) -> bool:
    return (await garden.kept())[2] == count
