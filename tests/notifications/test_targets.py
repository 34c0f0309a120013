"""Where webhooks may go. One test for each trap: ipaddress' ideas, short and decimal forms, names that resolve anew."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from chassis.errors import Invalid
from notifications.targets import (
    AddressRefused,
    GuardedResolver,
    check_target,
    guarded_session,
    guarded_socket,
    is_public,
    plain_session,
)

TIMEOUT = aiohttp.ClientTimeout(total=5)
PRIVATE = [
    "0.0.0.0",  # noqa: S104 - not to listen on
    "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.8.8", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
NOT_CANONICAL = ["2130706433", "127.1", "0", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost", "", "1.2.3.4 "]
ASCII = "must be printable ASCII: write other characters as punycode or percent-encoded"
PUBLIC = ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a01:e0a::1"]


@pytest.mark.parametrize("address", PRIVATE + NOT_CANONICAL)
def test_what_is_not_a_public_address_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.org/in", "must be an https address"),
        ("ftp://example.org/in", "must be an https address"),
        ("//example.org/in", "must be an https address"),
        ("https:///in", "must name a host"),
        ("not-a-url", "must name a host"),
        ("https://example.org/\r\nx", ASCII),
        ("https://user:secret@example.org/", "must not hold a user name or password"),
        ("https://example.org/#part", "must not have a fragment"),
        ("https://example.org:22/", "must use one of the ports 443, 8443"),
        ("https://example.org:99999/", "must be a valid URL"),
        ("https://127.0.0.1/", "must lead to a public address"),
        ("https://[::1]/", "must lead to a public address"),
        ("https://[::ffff:10.0.0.1]/", "must lead to a public address"),
        ("https://2130706433/", "must lead to a public address"),
        ("https://127.1/", "must lead to a public address"),
        ("https://0x7f.1/", "must lead to a public address"),
        ("https://0/", "must lead to a public address"),
        ("https://localhost/", "must lead to a public address"),
        ("https://a.localhost/", "must lead to a public address"),
        ("https://metadata.google.internal/", "must lead to a public address"),
        ("https://kafka/", "must lead to a public address"),
        ("https://127。0。0。1/", ASCII),
        ("https://①②⑦.⓪.⓪.①/", ASCII),
        ("https://exa mple.org/", ASCII),
        ("https://[::1", "must be a valid URL"),
    ],
)
def test_an_address_is_refused_with_the_rule_that_it_breaks(url: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_target(url, frozenset(), frozenset({443, 8443}))
    assert refused.value.field == "url"
    assert refused.value.rule == rule


def test_a_public_https_address_is_taken_and_an_allowed_target_whatever_it_is() -> None:
    ports = frozenset({443, 8443})
    assert check_target("https://erp.example.org/in?x=1", frozenset(), ports).host == "erp.example.org"
    assert check_target("https://erp.example.org:8443/", frozenset(), ports).port == 8443
    assert check_target("http://127.0.0.1:9000/a", frozenset({"127.0.0.1:9000"}), ports).port == 9000
    with pytest.raises(Invalid):
        check_target("http://127.0.0.1:9001/a", frozenset({"127.0.0.1:9000"}), ports)


class Names(AbstractResolver):
    """Resolves a name to other addresses each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer; the last one again and again."""
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in answer
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[str]]]:
    """A server on loopback that must never be reached: its port, and what reached it."""
    reached: list[str] = []

    async def take(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response(text="secret")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], reached
    await runner.cleanup()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0", "localhost", "[::ffff:127.0.0.1]", "[::1]"])
async def test_no_form_of_loopback_is_connected_to(host: str, inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    async with guarded_session(TIMEOUT) as session:
        with pytest.raises((aiohttp.ClientError, OSError, ValueError)):
            await session.get(f"http://{host}:{port}/{host}")
    assert reached == []


async def test_a_name_with_one_private_address_is_refused_altogether(inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    with pytest.raises(AddressRefused):
        await GuardedResolver(Names(["8.8.8.8", "127.0.0.1"])).resolve("erp.example.org")
    async with guarded_session(TIMEOUT, Names(["8.8.8.8", "127.0.0.1"])) as session:
        with pytest.raises(OSError, match="address refused"):
            await session.get(f"http://erp.example.org:{port}/")
    assert reached == []


async def test_a_name_that_resolves_anew_after_a_check_is_checked_anew(inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    assert (await names.resolve("erp.example.org"))[0]["host"] == "8.8.8.8"  # what a check before would have seen
    async with guarded_session(TIMEOUT, names) as session:
        with pytest.raises(OSError, match="address refused"):
            await session.get(f"http://erp.example.org:{port}/")
    assert reached == []


async def test_the_socket_itself_refuses_when_the_resolver_lies(inside: tuple[int, list[str]]) -> None:
    """The wall that counts: what is connected to is what was checked, whoever resolved it."""
    port, _ = inside
    with pytest.raises(AddressRefused):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)))
    open_socket = guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)))
    open_socket.close()


async def test_proxies_of_the_environment_are_not_asked(
    inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, reached = inside
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    async with guarded_session(TIMEOUT) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get("http://127.0.0.1:1/never")
    async with plain_session(TIMEOUT) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get("http://127.0.0.1:1/never")
    assert reached == []
