"""The sink takes mails and webhooks, checks signatures, and shows both."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from standardwebhooks.webhooks import Webhook

from polepool_local.ports import HOST, free_ports
from polepool_local.sink.server import serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Served:
    """A sink that runs, and a client of it."""

    def __init__(self, smtp: int, http: int, client: aiohttp.ClientSession) -> None:
        self.smtp, self.url, self.client = smtp, f"http://{HOST}:{http}", client

    async def json(self, path: str) -> list[dict[str, object]]:
        async with self.client.get(self.url + path) as answer:
            records: list[dict[str, object]] = await answer.json()
            return records

    async def text(self, path: str) -> str:
        async with self.client.get(self.url + path) as answer:
            return await answer.text()

    async def hook(self, name: str, body: bytes, **headers: str) -> int:
        async with self.client.post(f"{self.url}/webhooks/{name}", data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Served]:
    smtp, http = free_ports(2)
    async with serving(smtp, http, tmp_path), aiohttp.ClientSession() as client:
        yield Served(smtp, http, client)


def mail(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "pole@example.org", "lea@example.org", subject
    message.set_content("Le minibus est à vous.")
    message.add_alternative("<p>Le minibus est à vous.</p>", subtype="html")
    return message


async def test_a_mail_is_listed_with_its_parts_decoded(sink: Served) -> None:
    await aiosmtplib.send(mail("Réservation confirmée"), hostname=HOST, port=sink.smtp)
    (received,) = await sink.json("/mails.json")
    assert received["to"] == ["lea@example.org"]
    assert received["subject"] == "Réservation confirmée"
    assert received["text"] == "Le minibus est à vous.\n"
    assert received["html"] == "<p>Le minibus est à vous.</p>\n"
    assert "Réservation confirmée" in await sink.text("/")
    assert "Le minibus est à vous." in await sink.text("/mails/1")


async def test_foreign_text_is_shown_as_text(sink: Served) -> None:
    await aiosmtplib.send(mail("<script>alert(1)</script>"), hostname=HOST, port=sink.smtp)
    await sink.hook("erp", b"<script>alert(2)</script>")
    for page in ("/", "/mails/1", "/webhooks/1"):
        assert "<script" not in await sink.text(page)


async def test_pages_load_nothing_from_elsewhere(sink: Served) -> None:
    await sink.hook("erp", b"{}")
    for page in ("/", "/webhooks/1"):
        text = await sink.text(page)
        assert "http:" not in text
        assert "src=" not in text


async def test_a_signature_is_checked_once_the_secret_is_known(sink: Served) -> None:
    body = json.dumps({"type": "polepool.pooling.booking_confirmed.v1"})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("m1", now, body),
    }
    assert await sink.hook("erp", body.encode(), **headers) == 200
    async with sink.client.put(f"{sink.url}/webhooks/erp/secret", json={"secret": SECRET}) as answer:
        assert answer.status == 204
    assert await sink.hook("erp", body.encode(), **headers) == 200
    assert await sink.hook("erp", body.replace("confirmed", "cancelled").encode(), **headers) == 401
    assert await sink.hook("erp", body.encode()) == 401
    signatures = [hook["signature"] for hook in await sink.json("/webhooks.json")]
    assert signatures == ["unchecked", "valid", "invalid", "invalid"]


@pytest.mark.parametrize("told", [b"", b"[]", b'{"secret": 1}', b'{"secret": "whsec_*"}'])
async def test_a_secret_that_is_none_is_refused(sink: Served, told: bytes) -> None:
    async with sink.client.put(f"{sink.url}/webhooks/erp/secret", data=told) as answer:
        assert answer.status == 422


async def test_a_line_that_was_being_written_when_the_sink_was_killed_does_not_keep_it_from_starting(
    tmp_path: Path,
) -> None:
    (tmp_path / "webhooks.jsonl").write_text('{"number": 1, "headers": {}}\n{"number": 2, "headers": {}')
    smtp, http = free_ports(2)
    async with serving(smtp, http, tmp_path), aiohttp.ClientSession() as client:
        sink = Served(smtp, http, client)
        await sink.hook("erp", b"{}")
        assert [hook["number"] for hook in await sink.json("/webhooks.json")] == [1, 2]


async def test_what_was_received_survives_a_restart_and_numbers_go_on(tmp_path: Path) -> None:
    for number in (1, 2):
        smtp, http = free_ports(2)
        async with serving(smtp, http, tmp_path), aiohttp.ClientSession() as client:
            sink = Served(smtp, http, client)
            await sink.hook("erp", b"not json \xff")
            assert [hook["number"] for hook in await sink.json("/webhooks.json")] == list(range(1, number + 1))
