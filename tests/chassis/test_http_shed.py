"""What is refused before anything is made of it: the connection stays as it should be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.health import Health
from chassis.http import health_app, listen, serve, step_out
from chassis.http.gate import FULL, QUEUE, STUCK, Gate
from chassis.http.protocol import is_whole
from chassis.settings import HttpSettings
from chassis.testing import eventually

pytestmark = pytest.mark.timeout(60)

HEAD = b"POST /v1/beds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("it was given something")


async def nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})


async def unheard(_message: Message) -> None:
    """Send to nobody."""


async def endless(_scope: Scope, receive: Receive, _send: Send) -> None:
    await receive()


async def ask(gate: Gate, app: ASGIApp, send: Send = unheard) -> None:
    """Come to the gate with a body that is there, and stay until there is an answer."""
    await gate.admit(app, {"type": "http", "path": "/"}, never, send, never)


@asynccontextmanager
async def shut_server(stop: asyncio.Event, linger: float = 0) -> AsyncIterator[Connection]:
    """A connection to a server whose only place is taken, and as many as may wait for it."""
    gate = Gate(1, patience=60)
    asking = [asyncio.create_task(ask(gate, endless)) for _ in range(1 + QUEUE)]
    app, listener = health_app(Health()), listen(HttpSettings(port=0))
    app.state.gate = gate
    serving = asyncio.create_task(serve(app, listener, stop, linger=linger))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
    assert gate.closed() == FULL
    yield reader, writer
    for each in asking:
        each.cancel()
    writer.close()
    stop.set()
    await serving


@pytest.fixture
async def shut() -> AsyncIterator[Connection]:
    async with shut_server(asyncio.Event()) as connection:
        yield connection


async def read(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes]]:
    """The status and the headers of the next answer."""
    first, *lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).split(b"\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    await reader.readexactly(int(headers.get(b"content-length", b"0")))
    return first.split()[1], headers


async def test_a_refusal_has_what_every_answer_has(shut: Connection) -> None:
    reader, writer = shut
    writer.write(b"GET /v1/beds HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers = await read(reader)
    assert (status, headers[b"retry-after"], headers[b"content-type"]) == (b"503", b"1", b"application/problem+json")
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"


async def test_the_connection_can_be_used_again_and_bodies_are_dropped(shut: Connection) -> None:
    reader, writer = shut
    for body in (b"", b"x" * 100_000, b"{}"):
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert (await read(reader))[0] == b"503"
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert (await read(reader))[0] == b"503"
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await read(reader))[0] == b"200"


async def test_requests_that_are_sent_together_are_answered_in_order(shut: Connection) -> None:
    reader, writer = shut
    live, other = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1/beds HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(other + live + other + other + live)
    assert [(await read(reader))[0] for _ in range(5)] == [b"503", b"200", b"404", b"404", b"200"]


async def test_who_asks_before_sending_a_body_is_told_at_once(shut: Connection) -> None:
    reader, writer = shut
    writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    status, headers = await read(reader)
    assert (status, headers[b"connection"]) == (b"503", b"close")


async def test_who_wants_it_closed_has_it_closed(shut: Connection) -> None:
    reader, writer = shut
    writer.write(b"GET /v1/beds HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await read(reader))[0] == b"503"
    assert await asyncio.wait_for(reader.read(), 10) == b""


GET = b"GET /v1/beds?limit=2 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "data", [GET, HEAD + b"Content-Length: 2\r\n\r\n{}", HEAD + b"CONTENT-length:\t0\r\nA: b\r\n\r\n"]
)
def test_a_request_that_came_as_a_whole_needs_no_parser_to_be_refused(data: bytes) -> None:
    assert is_whole(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET[:-1],
        GET + b"{}",
        GET + GET,
        b"HEAD" + GET[3:],
        GET.replace(b"/v1/beds?limit=2", b"/livez"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"Host: x", b"Host: x\n\nGET /v1/others HTTP/1.1"),
        HEAD + b"\r\n{}",
        HEAD + b"Content-Length: 2\r\n\r\n{",
        HEAD + b"Content-Length: 2\r\n\r\n{}G",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: +2\r\n\r\n{}",
        HEAD + b"Content-Length : 2\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
        GET.replace(b"Host: x", b"Connection: close"),
        GET.replace(b"Host: x", b"connection: upgrade\r\nUpgrade: websocket"),
    ],
)
def test_whatever_is_not_plainly_one_request_is_left_to_the_parser(data: bytes) -> None:
    assert not is_whole(data)


async def test_who_is_refused_again_and_again_keeps_the_connection(shut: Connection) -> None:
    reader, writer = shut
    for _ in range(3):
        for piece in (GET, GET[:20]):
            writer.write(piece)
            await writer.drain()
            if piece == GET:
                assert (await read(reader))[0] == b"503"
        writer.write(GET[20:] + GET)
        assert [(await read(reader))[0] for _ in range(2)] == [b"503", b"503"]
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await read(reader))[0] == b"200"


async def keep_asking(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(GET)
        await writer.drain()


async def test_who_reads_no_refusals_is_cut_off_before_many_are_kept_for_them(shut: Connection) -> None:
    reader, writer = shut
    writer.write(GET)
    await read(reader)
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a ReadTransport, too
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(keep_asking(writer), 30)


async def test_a_server_that_is_told_to_end_closes_after_a_refusal() -> None:
    stop = asyncio.Event()
    async with shut_server(stop, linger=2) as (reader, writer):
        stop.set()
        writer.write(b"GET /v1/beds HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers = await read(reader)
        assert (status, headers[b"connection"]) == (b"503", b"close")


async def test_a_crowd_that_passes_quickly_is_served_in_full() -> None:
    gate, statuses = Gate(1, patience=60), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        await nothing(scope, receive, send)

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await asyncio.gather(*(ask(gate, app, note) for _ in range(1 + QUEUE)))
    assert statuses == [204] * (1 + QUEUE)


async def test_a_turn_given_to_one_who_was_cancelled_goes_to_the_next() -> None:
    gate, go = Gate(1, patience=60), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await go.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def cancel_second(_message: Message) -> None:
        second.cancel()

    first = asyncio.create_task(ask(gate, app, cancel_second))
    second, third = [asyncio.create_task(ask(gate, app)) for _ in range(2)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.wait_for(asyncio.gather(first, third), 10)
    assert second.cancelled()


async def test_once_the_oldest_has_waited_long_the_gate_is_closed_until_it_has_its_turn() -> None:
    gate, go = Gate(1, patience=60), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await go.wait()

    asking = [asyncio.create_task(ask(gate, app)) for _ in range(2)]
    await asyncio.sleep(0)
    assert gate.closed() is None
    await eventually(lambda: gate.closed() == STUCK)
    go.set()
    await asyncio.gather(*asking)
    assert gate.closed() is None


async def test_who_steps_out_leaves_the_place_to_others() -> None:
    gate, go = Gate(1, patience=60), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        step_out()
        await go.wait()

    asking = [asyncio.create_task(ask(gate, app)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.wait_for(ask(gate, nothing), 10)
    go.set()
    await asyncio.gather(*asking)


async def test_where_turns_come_slowly_fewer_may_wait() -> None:
    gate = Gate(1, patience=60)

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(0.1)

    async def ask_often() -> None:
        for _ in range(8):
            await ask(gate, slow)

    await asyncio.gather(ask_often(), ask_often())
    asking = [asyncio.create_task(ask(gate, slow)) for _ in range(QUEUE - 1)]
    await asyncio.sleep(0)
    assert gate.closed() == FULL
    for each in asking:
        each.cancel()
