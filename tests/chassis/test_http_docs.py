"""The documentation: complete, served from here alone, under a strict policy."""

import re
from html.parser import HTMLParser

import pytest

from chassis.http.docs import ASSETS
from tests.chassis.garden import Garden


class Addresses(HTMLParser):
    """Everything that a page makes a browser load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        self.inline += (tag == "script" and "src" not in dict(attrs)) or tag == "style"


async def test_the_page_loads_nothing_from_elsewhere(garden: Garden) -> None:
    answer = await garden.send("GET", "/docs")
    page = Addresses(answer.body.decode())
    assert answer.headers["Content-Type"].startswith("text/html")
    assert page.inline == 0
    assert len(page.found) >= 4
    assert [address for address in page.found if re.match(r"^([a-z]+:)?//|^https?:", address)] == []
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"


@pytest.mark.parametrize("name", list(ASSETS))
async def test_what_the_page_loads_is_here_and_loads_nothing_else(garden: Garden, name: str) -> None:
    answer = await garden.send("GET", f"/docs/{name}")
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, ASSETS[name])
    text = answer.body.decode()
    assert len(text) > 300
    assert not re.search(r"@import|url\(['\"]?(https?:)?//|sourceMappingURL|importScripts\(", text)


async def test_every_answer_has_the_security_headers(garden: Garden) -> None:
    for path in ("/docs", "/openapi.json", "/v1/weather", "/nowhere", "/livez"):
        headers = (await garden.send("GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers


async def test_the_document_says_what_the_edge_does(garden: Garden) -> None:
    document = (await garden.send("GET", "/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    dig = document["paths"]["/v1/beds"]["post"]
    plant = document["paths"]["/v1/beds/{bed_id}/planting"]["post"]
    weather = document["paths"]["/v1/weather"]["get"]
    assert _headers(dig) == {"Idempotency-Key": True}
    assert _headers(plant) == {"If-Match": True, "Idempotency-Key": False}
    assert dig["security"] == [{"token": []}]
    assert "security" not in weather
    assert dig["responses"].keys() == {"201", "503", "default"}
    assert dig["responses"]["503"]["headers"].keys() == {"Retry-After"}
    assert "application/problem+json" in dig["responses"]["default"]["content"]
    assert document["components"]["schemas"]["DigBed"]["additionalProperties"] is False


def _headers(operation: dict[str, list[dict[str, object]]]) -> dict[object, object]:
    return {each["name"]: each["required"] for each in operation["parameters"] if each["in"] == "header"}
