"""Bad input is a 4xx problem that names the field and the rule; nothing is written and nothing is said."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from chassis.http.guard import MAX_BODY, Guard
from tests.chassis.garden import Answer, Garden

pytestmark = pytest.mark.timeout(60)


async def dig(garden: Garden, body: bytes, type_: str = "application/json") -> Answer:
    """Send this body, with the organisation's id put in for ORG."""
    answer = await garden.send(
        "POST",
        "/v1/beds",
        body.replace(b"ORG", str(garden.organisation).encode()),
        key=str(uuid4()),
        Content_Type=type_,
    )
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await garden.kept() == (0, 0, 0)
    return answer


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        (b'{"organisation_id":"ORG"}', "name", "is required"),
        (b'{"organisation_id":"ORG","name":"x","colour":1}', "colour", "is not a known field"),
        (b'{"organisation_id":"ORG","name":5}', "name", "must be a valid string"),
        (b'{"organisation_id":"ORG","name":""}', "name", "String should have at least 1 character"),
        (b'{"organisation_id":5,"name":"x"}', "organisation_id", "must be a UUID, as a string"),
        (b'{"organisation_id":"5","name":"x"}', "organisation_id", "must be a UUID"),
        (b'{"organisation_id":"ORG","name":"x","from_when":"2026-11-05T09:00:00"}', "from_when", "must have an offset"),
        (b'{"organisation_id":"ORG","name":"x","from_when":1799999999}', "from_when", "must be a valid datetime"),
        (b'{"organisation_id":"ORG","name":"x","from_when":"2020-11-05T09:00:00Z"}', "from_when", "not be in the past"),
        (b'{"organisation_id":"ORG","name":"a\\u0000b"}', "name", "must not contain the NUL character"),
        (b'{"organisation_id":"ORG","name":"a\\ud800b"}', "name", "must not contain a lone surrogate"),
        (b'{"organisation_id":"ORG","name":"x","a\\u0000b":1}', "a\\u0000b", "must not contain the NUL character"),
        (b'{"organisation_id":"ORG","name":"x","\\udfff":1}', "\\udfff", "must not contain a lone surrogate"),
        (b'{"organisation_id":"ORG","name":"x","name":"y"}', "name", "must not be there twice"),
        (b'{"organisation_id":"ORG","name":"x","list":[{"deep":"\\u0000"}]}', "list.0.deep", "NUL"),
        (b'{"organisation_id":"ORG","name":NaN}', "body", "NaN"),
        (b'{"organisation_id":"ORG","name":-Infinity}', "body", "-Infinity"),
        (b'{"organisation_id":"ORG","name":1e999}', "body", "numbers too large for 64 bits"),
        (b'{"organisation_id":"ORG","name":"x","list":[-1.5E+400]}', "body", "numbers too large for 64 bits"),
        (b'{"organisation_id":"ORG","name":' + b"9" * 5000 + b"}", "body", "integers beyond 64 bits"),
        (b'{"organisation_id":"ORG","name":9223372036854775808}', "body", "integers beyond 64 bits"),
        (b'{"organisation_id":"ORG","name":"\xff"}', "body", "must be UTF-8"),
        ('{"name":"x"}'.encode("utf-16"), "body", "must be"),
        (b'\xef\xbb\xbf{"name":"x"}', "body", "must be valid JSON"),
        (b'{"organisation_id":"ORG","name":"a\nb"}', "body", "must be valid JSON"),
        (b"{", "body", "must be valid JSON"),
        (b"[]", "body", "must be a JSON object"),
        (b"5", "body", "must be a JSON object"),
        (b"null", "body", "must be a JSON object"),
        (b"[" * 100_000, "body", "must not be nested deeper"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "body", "must not be nested deeper"),
        (b"", "body", "is required"),
    ],
)
async def test_a_bad_body_is_refused_by_field_and_rule(garden: Garden, body: bytes, field: str, rule: str) -> None:
    answer = await dig(garden, body)
    assert answer.status == 422
    assert answer.broken[0] == field
    assert rule in answer.broken[1]


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"plants":1}'])
async def test_a_body_where_none_is_read_is_refused(garden: Garden, body: bytes) -> None:
    bed = (await garden.dig("dry")).json
    path = f"/v1/beds/{bed['id']}"
    for method, where in (("POST", f"{path}/watering"), ("GET", path), ("GET", "/v1/weather")):
        answer = await garden.send(method, where, body)
        assert (answer.status, answer.broken) == (422, ("body", "must be empty: nothing reads it here"))
    assert (await garden.send("POST", f"{path}/watering")).status == 200


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/beds?limit=5&colour=red", "colour"), ("/v1/beds?Limit=5", "Limit"), ("/v1/weather?q=x&", None)],
)
async def test_a_parameter_that_nothing_reads_is_refused(garden: Garden, path: str, field: str | None) -> None:
    answer = await garden.send("GET", path)
    assert answer.status == (422 if field else 200)
    assert field is None or answer.broken == (field, "is not a known parameter")


async def test_the_token_is_asked_for_before_parameters_and_bodies_are_judged(garden: Garden) -> None:
    assert (await garden.send("GET", "/v1/beds?colour=red", Authorization="Bearer x")).status == 401
    path = f"/v1/beds/{uuid4()}/watering"
    assert (await garden.send("POST", path, {"nonsense": 1}, Authorization="Bearer x")).status == 401


async def test_brackets_inside_text_are_no_nesting(garden: Garden) -> None:
    answer = await garden.dig('[[{{\\"' * 10)
    assert answer.status == 201, answer.body


async def test_a_surrogate_pair_is_an_ordinary_character(garden: Garden) -> None:
    body = b'{"organisation_id":"%s","name":"\\ud83c\\udf31"}' % str(garden.organisation).encode()
    answer = await garden.send("POST", "/v1/beds", body, key="k")
    assert (answer.status, answer.json["name"]) == (201, "\N{SEEDLING}")


async def test_every_broken_rule_is_named(garden: Garden) -> None:
    answer = await dig(garden, b'{"name":7,"a":1}')
    assert [error["field"] for error in answer.json["errors"]] == ["organisation_id", "name", "a"]


@pytest.mark.parametrize("type_", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "json"])
async def test_another_format_is_refused(garden: Garden, type_: str) -> None:
    answer = await dig(garden, b'{"organisation_id":"ORG","name":"x"}', type_)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


async def test_a_form_is_refused_where_json_is_read(garden: Garden) -> None:
    answer = await dig(garden, b"name=x", "application/x-www-form-urlencoded")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-16", "latin-1"])
async def test_another_encoding_is_refused(garden: Garden, charset: str) -> None:
    body = b'{"organisation_id":"ORG","name":"x"}'
    assert (await dig(garden, body, f"application/json; charset={charset}")).status == 415


@pytest.mark.parametrize("chunked", [False, True])
async def test_ten_megabytes_are_refused_and_the_client_is_told(garden: Garden, chunked: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65536

    body = parts() if chunked else b" " * 10_485_760
    headers = {**garden.issuer.headers(garden.person), "Idempotency-Key": "k", "Content-Type": "application/json"}
    async with garden.client.post(garden.url + "/v1/beds", data=body, headers=headers) as answer:
        assert (answer.status, orjson.loads(await answer.read())["code"]) == (413, "content_too_large")
    assert await garden.kept() == (0, 0, 0)


async def test_a_body_without_end_is_cut_off(garden: Garden) -> None:
    address = urlsplit(garden.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def flood(chunks: int) -> None:
        for _ in range(chunks):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    with pytest.raises(ConnectionError):
        await flood(512)
    writer.close()


async def test_a_large_body_in_one_piece_is_refused_too() -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("it reached the app")

    async def receive() -> Message:
        return {"type": "http.request", "body": b" " * (MAX_BODY + 1), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await Guard(app)(scope, receive, send)
    assert sent[0]["status"] == 413


async def test_a_body_just_within_the_limit_is_read(garden: Garden) -> None:
    body = b'{"organisation_id":"%s","name":"x"}' % str(garden.organisation).encode()
    padded = body + b" " * (256 * 1024 - len(body))
    assert (await garden.send("POST", "/v1/beds", padded, key="k")).status == 201
    assert (await garden.send("POST", "/v1/beds", padded + b" ", key="l")).status == 413


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/beds/not-an-id", 422, "bed_id"),
        ("/v1/beds/%00", 422, "path"),
        ("/v1/beds?limit=%00", 422, "limit"),
        ("/v1/weather?q=a%00b", 422, "q"),
        ("/v1/weather?q=a%ED%A0%80b", 422, "q"),
        ("/v1/weather?%00=1", 422, "query"),
        ("/v1/weather?q=" + "a" * 9000, 414, None),
        ("/nowhere", 404, None),
        ("/v1/beds/", 404, None),
        ("/v1//beds", 404, None),
        ("/%ff%fe", 404, None),
        ("/v1/beds/../../etc/passwd", 404, None),
        ("/docs/..%2fapp.py", 404, None),
    ],
)
async def test_a_bad_address_is_a_problem(garden: Garden, path: str, status: int, field: str | None) -> None:
    answer = await raw(
        garden, f"GET {path} HTTP/1.1", f"Authorization: {garden.issuer.headers(garden.person)['Authorization']}"
    )
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert field is None or answer.broken[0] == field


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 9000) for n in range(60)), 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 600_000, 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"NONSENSE\r\n\r\n", 400),
        ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ],
)
async def test_a_head_that_is_too_large_or_no_http_is_a_problem(garden: Garden, sent: bytes, status: int) -> None:
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(sent)
    assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == str(status).encode()
    writer.close()


async def test_a_method_that_an_address_does_not_take_is_a_problem(garden: Garden) -> None:
    answer = await garden.send("DELETE", "/v1/beds")
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c", "Bearer é", "Bearer WyJhbGciXQ.e30.x"],
)
async def test_without_a_good_token_nothing_is_answered(garden: Garden, authorization: str | None) -> None:
    lines = [] if authorization is None else [f"Authorization: {authorization}"]
    answer = await raw(garden, "GET /v1/beds HTTP/1.1", *lines)
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_whose_header_is_not_as_it_should_be_is_no_good_token(garden: Garden) -> None:
    head, rest = garden.issuer.token(garden.person).split(".", 1)
    header = orjson.dumps({**orjson.loads(urlsafe_b64decode(head + "==")), "crit": 5})
    token = urlsafe_b64encode(header).rstrip(b"=").decode() + "." + rest
    answer = await garden.send("GET", "/v1/beds", Authorization=f"Bearer {token}")
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


async def test_the_token_is_asked_for_before_the_body_is_judged(garden: Garden) -> None:
    answer = await garden.send("POST", "/v1/beds", {"nonsense": 1}, key="k", Authorization="Bearer x")
    assert answer.status == 401


async def test_a_request_that_breaks_off_leaves_nothing_behind(garden: Garden) -> None:
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    assert await reader.read() == b""
    assert await garden.kept() == (0, 0, 0)
    assert (await garden.dig("after")).status == 201


async def raw(garden: Garden, line: str, *headers: str) -> Answer:
    """Send a request as it is: clients tidy addresses."""
    address = urlsplit(garden.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write("\r\n".join([line, "Host: x", "Connection: close", *headers, "", ""]).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    return Answer(int(first.split()[1]), named, body)
