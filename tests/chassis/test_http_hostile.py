"""What is sent to wear a service down, without a token, costs the sender more than the service."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict
from starlette.types import Message, Receive, Scope, Send

from chassis.errors import Invalid
from chassis.http.guard import Guard
from chassis.http.strict import check_json
from tests.chassis.garden import Garden

pytestmark = pytest.mark.timeout(60)

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
CHUNKED = b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def spent(body: bytes) -> float:
    """Seconds of this process's time that looking at a body takes."""
    began = time.process_time()
    with suppress(Invalid):
        check_json(body)
    return time.process_time() - began


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 33 + b'"' + b'\\"' * 20_000,
        b"[" * 33 + b'"' * 40_000,
        b'{"' + b"n" * 40_000 + b'\\ud83c\\udf31":[' + b'"",' * 20_000 + b'""]}',
        b"{" * 33 + b'"a\\' * 20_000,
    ],
    ids=["a string without end", "quotes", "a long name of many texts", "backslashes"],
)
def test_looking_at_a_body_takes_no_longer_than_its_length_deserves(body: bytes) -> None:
    assert spent(body) < 1


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (b"[" * 32 + b'"[\\"["' + b"]" * 32, True),
        (b"[" * 33 + b'"]]]\\"]"' + b"]" * 33, False),
        (b"[" * 32 + b'"\\\\"' + b"]" * 32, True),
        (b"[" * 32 + b'"a' + b"[" * 50, False),
    ],
)
def test_only_brackets_outside_strings_nest(body: bytes, good: bool) -> None:
    if good:
        return check_json(body)
    with pytest.raises(Invalid):
        check_json(body)
    return None


@pytest.mark.parametrize("types", [(JSON, FORM), (FORM, JSON), (JSON, JSON)])
async def test_a_body_that_is_said_twice_what_it_is_is_refused_unread(garden: Garden, types: tuple[str, str]) -> None:
    headers = CIMultiDict(garden.issuer.headers(garden.person), **{"Idempotency-Key": "k"})
    headers.extend([("Content-Type", each) for each in types])
    body = b'{"organisation_id":"%s","name":"x"}' % str(garden.organisation).encode()
    async with garden.client.post(garden.url + "/v1/beds", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (415, "unsupported_media_type")
    assert await garden.kept() == (0, 0, 0)


async def test_a_body_that_never_comes_is_waited_for_only_so_long() -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("it reached the app")

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("it was given something")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await asyncio.wait_for(Guard(app, patience=0.01)(scope, receive, send), 5)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("after", "status"),
    [
        (b"1\r\n{\r\n0\r\nX-Sum: 5\r\n\r\n", 400),
        (b"1\r\n{\r\n0\r\nX-Sum: " + b"5" * 400_000, 431),
        (b"1;" + b"x" * 400_000, 431),
        (b"1\r\n{\r\n0;" + b"x" * 400_000, 431),
    ],
    ids=["a trailer", "a trailer without end", "a chunk's extension without end", "the last chunk's too"],
)
async def test_what_comes_between_and_after_chunks_is_not_kept(garden: Garden, after: bytes, status: int) -> None:
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(CHUNKED + after)
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).split()[1] == str(status).encode()
    writer.close()


async def test_chunks_without_trailers_are_a_body(garden: Garden) -> None:
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(CHUNKED + b"2\r\n{}\r\n0\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).split()[1] == b"401"
    writer.close()


async def test_many_requests_on_one_connection_are_not_one_large_head(garden: Garden) -> None:
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for _ in range(40):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000 + b"\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.split()[1] == b"200"
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()
