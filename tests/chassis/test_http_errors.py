"""What goes wrong inside is told in a problem without details, and noted with them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from chassis.access import Identity, Scope
from chassis.db import Pool, Tx, open_pool
from chassis.errors import Forbidden, Refused, Retry
from chassis.health import Health
from chassis.http import Reads, Router, create_app, listen, serve
from chassis.http.models import Raw
from chassis.settings import HttpSettings
from chassis.testing import Parts, TokenIssuer, fresh_database


class TooMany(Refused):
    """Not so fast."""

    status = 429


UNREADABLE = {
    "cut": b"{",
    "infinite": b'{"list":1e999}',
    "latin": b"\xff",
    "deep": b"[" * 100_000,
    "short": b'{"list":[]}',
}
"""Bodies in which a field that breaks a rule is not found."""
MISSING = {"type": "missing", "loc": ("body", "list", 3, "name"), "msg": "Field required"}

router = Router()


@router.get("/boom/{what}")
async def boom(what: str, q: str = "") -> Response:
    """Go wrong."""
    failures: dict[str, Exception] = {
        "bug": RuntimeError("the secret is 1234"),
        "later": Retry("the solver is busy", after=7),
        "forbidden": Forbidden(),
        "teapot": HTTPException(418),
        "odd": HTTPException(499),
        "many": TooMany(retry_after=30),
        "group": ExceptionGroup("several", [ValueError("a")]),
        "timeout": TimeoutError(),
        "file": FileNotFoundError("template.html"),
        **{name: RequestValidationError([MISSING], body=Raw(body)) for name, body in UNREADABLE.items()},
    }
    raise failures[what]


@router.get("/client")
async def client(request: Request) -> dict[str, str]:
    """Who the caller seems to be."""
    return {"client": request.client.host if request.client else ""}


@router.get("/halfway")
async def halfway() -> Response:
    """Go wrong while answering."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")

    return StreamingResponse(parts())


@router.get("/number/{number}")
async def number(number: int, edge: Reads) -> dict[str, int]:
    """Ask the database for a number that may not fit."""
    return {"number": await edge.read(ask, number)}


async def ask(tx: Tx, _scope: Scope, number: int) -> int:
    return int(await tx.fetchval("SELECT $1::int", number))


async def nobody(_tx: Tx, identity: Identity) -> Scope:
    return Scope(subject=identity.subject)


@pytest.fixture(scope="module")
async def pool(parts: Parts) -> AsyncIterator[Pool]:
    pool = await open_pool(await fresh_database(parts, "errors"))
    yield pool
    await pool.close()


@pytest.fixture
async def url(pool: Pool) -> AsyncIterator[str]:
    app = create_app("errors", [router], pool=pool, verifier=ISSUER.verifier(), load_scope=nobody, health=Health())
    stop, listener = asyncio.Event(), listen(HttpSettings(port=0))
    serving = asyncio.create_task(serve(app, listener, stop))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    await serving


ISSUER = TokenIssuer()


async def get(url: str) -> tuple[int, dict[str, Any], str | None]:
    headers = ISSUER.headers(Scope.system().subject)
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, json.loads(await answer.read()), answer.headers.get("Retry-After")


@pytest.mark.parametrize("what", ["bug", "group", "nonsense", "timeout", "file"])
async def test_a_bug_is_a_problem_that_tells_nothing_and_a_log_line_that_tells_all(url: str, what: str) -> None:
    with capture_logs() as lines:
        status, body, _ = await get(f"{url}/boom/{what}")
    assert (status, body["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(body)
    failed = next(line for line in lines if line["event"] == "failed")
    assert isinstance(failed["exc_info"], Exception)


async def test_what_may_succeed_later_says_when(url: str) -> None:
    status, body, after = await get(f"{url}/boom/later")
    assert (status, body["code"], after) == (503, "unavailable", "7")


@pytest.mark.parametrize(("what", "status", "code"), [("forbidden", 403, "forbidden"), ("teapot", 418, "im_a_teapot")])
async def test_other_refusals_are_problems_of_their_own(url: str, what: str, status: int, code: str) -> None:
    answered, body, _ = await get(f"{url}/boom/{what}")
    assert (answered, body["code"], body["status"]) == (status, code, status)


async def test_a_refusal_may_say_when_to_come_again(url: str) -> None:
    status, body, after = await get(f"{url}/boom/many")
    assert (status, body["code"], after) == (429, "too_many", "30")


async def test_a_status_without_a_name_is_a_problem_too(url: str) -> None:
    status, body, _ = await get(f"{url}/boom/odd")
    assert (status, body["code"]) == (499, "error")


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_broken_rule_is_told_though_the_body_can_not_be_read_again(url: str, what: str) -> None:
    status, body, _ = await get(f"{url}/boom/{what}")
    assert (status, body["errors"][0]["rule"]) == (422, "is required")
    assert body["errors"][0]["field"].endswith("name")


async def test_only_trusted_proxies_say_who_the_client_is(pool: Pool) -> None:
    async def client(trusted: str | None) -> str:
        app = create_app("x", [router], pool=pool, verifier=ISSUER.verifier(), load_scope=nobody, health=Health())
        stop, listener = asyncio.Event(), listen(HttpSettings(port=0))
        serving = asyncio.create_task(serve(app, listener, stop, trusted))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/client"
        async with aiohttp.ClientSession() as session, session.get(url, headers={"X-Forwarded-For": "1.2.3.4"}) as got:
            answer = await got.json()
        stop.set()
        await serving
        return str(answer["client"])

    assert await client(None) == "127.0.0.1"
    assert await client("10.0.0.0/8") == "127.0.0.1"
    assert await client("10.0.0.0/8,127.0.0.1") == "1.2.3.4"


async def test_a_value_that_the_database_cannot_take_is_the_callers_fault(url: str) -> None:
    assert (await get(f"{url}/number/5"))[1] == {"number": 5}
    for value in (2**31, 2**63, 2**70):
        assert (await get(f"{url}/number/{value}"))[0] == 422


async def test_an_answer_that_breaks_off_is_seen_as_broken(url: str) -> None:
    async with aiohttp.ClientSession() as client, client.get(f"{url}/halfway") as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_the_access_log_names_the_route_and_never_what_was_asked(url: str) -> None:
    with capture_logs() as lines:
        await get(f"{url}/boom/later?q=marie@example.org")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/boom/{what}", 503)
    assert "marie" not in repr(lines)


async def test_requests_are_counted_by_route(url: str) -> None:
    await get(f"{url}/boom/teapot")
    async with aiohttp.ClientSession() as client, client.get(f"{url}/metrics") as answer:
        text = await answer.text()
    assert 'polepool_http_seconds_count{method="GET",route="/boom/{what}",status="418"}' in text
    assert "teapot" not in text


def test_a_router_that_would_not_be_strict_is_refused() -> None:
    from fastapi import APIRouter

    given: Any = [APIRouter()]
    with pytest.raises(TypeError, match=r"chassis\.http\.Router"):
        create_app("x", given, pool=None, verifier=None, load_scope=nobody, health=Health())  # type: ignore[arg-type]
