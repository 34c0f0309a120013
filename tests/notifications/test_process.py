"""notifications as a process: from real Kafka to the inbox, the mail server and a webhook receiver; its commands."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from chassis.testing import Parts, eventually, fresh_topics, produce_events, read_topic
from notifications.consumer import HANDLERS
from schemas import pooling as p
from schemas.event import Event
from tests.notifications import process
from tests.notifications.people import Membership, membership
from tests.notifications.world import Story
from tests.support.sinks import MailSink, WebhookSink, mail_sink, webhook_sink

ALL = ("api", "consume", "mail", "webhook")
HELD = "polepool.pooling.booking_held.v1"


@dataclass
class Surroundings:
    """A provisioned and migrated notifications, and all that it speaks to."""

    env: dict[str, str]
    parts: Parts
    people: Membership
    mails: MailSink
    hooks: WebhookSink

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows as an administrator sees them."""
        database = self.env["POLEPOOL_DATABASE__URL"].rpartition("/")[2].partition("?")[0]
        connection = await asyncpg.connect(self.parts.postgres_admin_url, database=database)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


@pytest.fixture
async def surroundings(parts: Parts) -> AsyncIterator[Surroundings]:
    """Fresh topics, a fresh database, sinks."""
    async with membership() as people, mail_sink() as mails, webhook_sink() as hooks:
        env = process.environment(parts, people, mails, hooks)
        code, out, err = await process.command(env, "provision", "migrate")
        assert code == 0, out + err
        await fresh_topics(parts, *HANDLERS)
        yield Surroundings(env, parts, people, mails, hooks)


async def inbox(http: httpx.AsyncClient, headers: Mapping[str, str]) -> list[str]:
    """The codes in somebody's inbox, newest first."""
    answer = await http.get("/v1/inbox", headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["code"] for each in answer.json()["items"]]


async def subscribe(http: httpx.AsyncClient, hooks: WebhookSink, headers: Mapping[str, str], owner: UUID) -> bool:
    """Subscribe as soon as the organisation is known."""
    body = {"organisation_id": str(owner), "url": hooks.url("erp"), "event_types": [HELD]}
    answer = await http.post("/v1/webhooks", json=body, headers={**headers, "Idempotency-Key": str(uuid4())})
    if answer.status_code == 201:
        hooks.secrets["erp"] = answer.json()["secret"]
    return answer.status_code == 201


async def test_from_kafka_to_the_inbox_the_mail_server_and_a_webhook(surroundings: Surroundings) -> None:
    story, people, hooks, mails = Story(), surroundings.people, surroundings.hooks, surroundings.mails
    people.add(story.owner_manager, "anne@ateliers.example", "Anne", "fr")
    people.add(story.requester_manager, "tom@ferme.example", "Tom", "en")
    anne, tom = people.bearer(story.owner_manager), people.bearer(story.requester_manager)
    async with process.running(surroundings.env, *ALL) as address, httpx.AsyncClient(base_url=address) as http:
        await produce_events(surroundings.parts, story.facts)
        await eventually(lambda: subscribe(http, hooks, anne, story.owner_id), 30)
        held = story.held()
        records = await produce_events(surroundings.parts, [held])
        await eventually(lambda: hooks.of("erp"), 20)
        await eventually(lambda: mails.to("anne@ateliers.example") and mails.to("tom@ferme.example"), 20)
        assert await inbox(http, anne) == ["booking_held_owner"]
        assert await inbox(http, tom) == ["booking_held_requester"]
        assert (await http.get("/readyz")).status_code == 200
        metrics = (await http.get("/metrics")).text
    [hook] = hooks.of("erp")
    assert hook.verified
    assert hook.headers["webhook-id"] == records[0].header("ce_id")
    assert 'polepool_mails_total{result="sent"} 2.0' in metrics
    assert 'polepool_webhook_attempts_total{result="delivered"} 1.0' in metrics
    assert 'polepool_due_oldest_seconds{queue="mail"}' in metrics


async def test_another_tenants_aggregate_ends_in_the_dead_letter_topic_and_the_rest_goes_on(
    surroundings: Surroundings,
) -> None:
    story = Story()
    stolen = story.resource.resource.model_copy(update={"version": 2, "organisation_id": story.requester_id})
    changed = story.resource.resource.model_copy(update={"version": 3, "title": "Minibus repeint"})
    events: list[Event] = [*story.facts, p.ResourceChanged(resource=stolen), p.ResourceChanged(resource=changed)]
    await produce_events(surroundings.parts, events)

    async def titles() -> bool:
        return ("Minibus repeint", 3) in await surroundings.rows("SELECT title, version FROM known")

    async with process.running(surroundings.env, "consume"):
        await eventually(titles, 30)
        [letter] = await eventually(lambda: read_topic(surroundings.parts, p.ResourceChanged.TOPIC + ".dlt"), 20)
        assert b"another tenant" in dict(letter.headers).values()


async def test_a_rebuild_learns_the_same_again_and_tells_nobody_again(surroundings: Surroundings) -> None:
    story, env = Story(), surroundings.env
    events: list[Event] = [*story.facts, *story.joined, story.match(), story.held()]
    await produce_events(surroundings.parts, events)
    query = "SELECT id, topic, version, tenants, title FROM known ORDER BY id"
    told = "SELECT event_id, person_id, code FROM notification ORDER BY 1, 2"

    async def settled() -> bool:
        waiting = await surroundings.rows("SELECT 1 FROM news WHERE state = 'waiting'")
        return not waiting and len(await surroundings.rows(query)) == len(events)

    async with process.running(env, "consume"):
        await eventually(settled, 40)
        code, _, err = await process.command(env, "rebuild")
        assert code == 2
        assert "Stop every process with the role" in err
    before = await surroundings.rows(query), await surroundings.rows(told)
    assert len(before[1]) == 9
    code, out, err = await process.command(env, "rebuild")
    assert code == 0, out + err
    assert await surroundings.rows(query) == []
    async with process.running(env, "consume"):
        await eventually(settled, 40)
    assert (await surroundings.rows(query), await surroundings.rows(told)) == before
    assert await surroundings.rows("SELECT count(*) FROM mail") == [(7,)]  # none to the two owners of the match


@pytest.mark.parametrize(("role", "missing"), [("mail", "POLEPOOL_MAIL__HOST"), ("webhook", "POLEPOOL_WEBHOOK__KEYS")])
async def test_a_role_that_lacks_its_settings_says_which_and_the_api_goes_without(
    surroundings: Surroundings, role: str, missing: str
) -> None:
    env = {name: v for name, v in surroundings.env.items() if "MAIL__" not in name and "WEBHOOK__" not in name}
    code, out, _ = await process.command(env, role)
    assert code == 1
    assert missing in out
    async with process.running(env, "api") as address, httpx.AsyncClient(base_url=address) as http:
        headers = surroundings.people.bearer(uuid4()) | {"Idempotency-Key": "k"}
        body = {"organisation_id": str(uuid4()), "url": "https://erp.example.org/", "event_types": [HELD]}
        answer = await http.post("/v1/webhooks", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "webhooks_not_configured")


async def test_no_request_that_the_api_describes_gets_a_500(surroundings: Surroundings, tmp_path: Path) -> None:
    story, report = Story(), tmp_path / "report.json"
    bearer = surroundings.people.bearer(story.owner_manager)
    env = surroundings.env
    async with process.running(env, "api", "consume") as address, httpx.AsyncClient(base_url=address) as http:
        await produce_events(surroundings.parts, [*story.facts, story.held()])
        await eventually(lambda: subscribe(http, surroundings.hooks, bearer, story.owner_id), 30)
        fuzzing = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{address}/openapi.json",
            *("--header", f"Authorization: {bearer['Authorization']}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--max-time", "25"),
            *("--checks", "not_a_server_error", "--suppress-health-check", "all", "--continue-on-failure"),
            *("--report", "json", "--report-json-path", str(report), "--no-color"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(fuzzing.communicate(), 110)
        assert fuzzing.returncode == 0, out.decode()[-6000:]
        assert json.loads(report.read_text())
        assert (await http.get("/livez")).status_code == 200
