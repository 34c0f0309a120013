"""Logs without personal data, and one trace from the request to the outbox."""

import asyncio
import gzip
import json
import subprocess
import sys
import time
from uuid import uuid4

import pytest
from aiohttp import web

from chassis.telemetry import continued, current_traceparent
from tests.chassis.garden import Garden

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_a_trace_goes_on_with_a_new_span() -> None:
    assert current_traceparent() == ""
    with continued(PARENT, "work"):
        inside = current_traceparent()
        with continued(inside, "part"):
            deeper = current_traceparent()
    assert current_traceparent() == ""
    assert inside.startswith(f"00-{TRACE}-")
    assert inside.endswith("-01")
    assert len({PARENT, inside, deeper}) == 3
    assert deeper.split("-")[1] == TRACE


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        "nonsense",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        PARENT + "-more",
        PARENT + "\n",
    ],
)
def test_a_malformed_parent_starts_a_new_trace(malformed: str | None) -> None:
    with continued(malformed, "work"):
        assert TRACE not in current_traceparent()
        assert len(current_traceparent()) == 55


def test_a_later_version_of_the_format_is_understood() -> None:
    with continued(f"01-{TRACE}-b7ad6b7169203331-01-more", "work"):
        assert current_traceparent().startswith(f"00-{TRACE}-")


async def test_a_trace_goes_from_the_request_to_the_outbox(garden: Garden) -> None:
    body = {"organisation_id": str(garden.organisation), "name": "x"}
    answer = await garden.send("POST", "/v1/beds", body, key=str(uuid4()), traceparent=PARENT)
    said = await garden.pool.fetchval("SELECT traceparent FROM outbox WHERE key = $1::uuid", answer.json["id"])
    assert said.split("-")[1] == TRACE
    assert answer.headers["traceparent"].split("-")[1] == TRACE


LOGGING = """
import logging, structlog
from pydantic import BaseModel
from chassis import telemetry
from chassis.settings import TelemetrySettings
telemetry.configure("garden", TelemetrySettings(log_level="INFO"))
log = structlog.get_logger("x")
with telemetry.continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "work"):
    structlog.contextvars.bind_contextvars(event_id="e", organisation_id="o")
    log.info("said", number=1)
    log.debug("not said")
    logging.getLogger("uvicorn.error").warning("routed %s", "too")
    logging.getLogger("aiokafka.consumer").info("noise")
    logging.getLogger("asyncpg").error("routed as well")

class Person(BaseModel):
    age: int
try:
    Person(age="marie@example.org")
except ValueError:
    log.exception("failed")

class Unique(Exception):
    pass
try:
    raise Unique("duplicate key value\\nDETAIL:  Key (email)=(marie@example.org) already exists.")
except Unique:
    logging.getLogger("lib").exception("failed too")
"""


def test_every_line_is_json_with_the_trace_and_without_personal_data() -> None:
    ran = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True)  # noqa: S603
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["said", "routed too", "routed as well", "failed", "failed too"]
    assert all(line["service"] == "garden" and line["level"] and line["timestamp"] for line in lines)
    assert all(line["trace_id"] == TRACE for line in lines[:3])
    assert (lines[0]["event_id"], lines[0]["organisation_id"], lines[0]["number"]) == ("e", "o", 1)
    assert "ValidationError" in lines[3]["exception"]
    assert "Unique" in lines[4]["exception"]
    assert "marie" not in ran.stdout
    assert ran.stderr == ""


TRACING = """
import sys
from chassis import telemetry
from chassis.settings import TelemetrySettings
telemetry.configure("garden", TelemetrySettings(otlp_endpoint=sys.argv[1]))
with telemetry.continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "dig"):
    with telemetry.continued(telemetry.current_traceparent(), "handle"):
        pass
telemetry.flush_traces()
"""


async def test_spans_go_to_the_endpoint_given() -> None:
    received: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        body = await request.read()
        received.append(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    tracing = await asyncio.create_subprocess_exec(sys.executable, "-c", TRACING, endpoint)
    assert await tracing.wait() == 0
    await runner.cleanup()
    sent = b"".join(received)
    assert all(word in sent for word in (b"garden", b"dig", b"handle", bytes.fromhex(TRACE)))


def test_an_endpoint_that_is_away_does_not_hold_up_the_end() -> None:
    began = time.monotonic()
    run = [sys.executable, "-c", TRACING, "http://127.0.0.1:9/v1/traces"]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0  # noqa: S603
    assert time.monotonic() - began < 5
