"""Where webhooks may go: public addresses only, checked on the address that is actually connected to.

`ipaddress` alone does not do: in Python 3.11 `is_global` is True for the NAT64 and 6to4 forms of loopback and
`is_private` is False for 100.64/10. And a name can resolve to something else after a check (DNS rebinding). So: a
table of our own, asked by the resolver and again by the factory of the very socket that connects.
"""

import asyncio
import errno
import ipaddress
import re
import socket
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from chassis.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2000
LOOKUPS = 100
"""Names that are looked up at a time."""
LOOKUP_PATIENCE = 3.0
"""Seconds that a name may take to be found: less than a connection may, so that the reason is told."""
NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

DENIED_4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared, carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, metadata of one cloud
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # metadata of one cloud, in public space
    )
)
ALLOWED_6 = ipaddress.IPv6Network("2000::/3")
"""Global unicast; all else (loopback, unspecified, IPv4-mapped, NAT64, local, link-local, multicast) is denied."""
DENIED_6 = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


class AddressRefused(OSError):
    """A webhook's host is at an address where webhooks don't go."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"address refused: {address} is not a public address")


def is_public(address: str) -> bool:
    """Whether a numeric address, in canonical form, is one that webhooks may connect to."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in DENIED_4)
    if parsed.scope_id is not None or parsed not in ALLOWED_6:
        return False
    return not any(parsed in network for network in DENIED_6)


class Lookups(AbstractResolver):
    """Resolves names as the system does, in threads of its own; a slow name holds one of them, however often asked.

    The event loop's own threads won't do: uvloop looks up two names at a time for the whole process, so that two slow
    ones would keep everybody waiting.
    """

    def __init__(self, patience: float = LOOKUP_PATIENCE) -> None:
        self._patience = patience
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")
        self._under_way: dict[tuple[str, int, int], asyncio.Future[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError when there are none, or none are found in time."""
        asked = host, port, family
        answer = self._under_way.get(asked)
        if answer is None:
            answer = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *asked)
            self._under_way[asked] = answer
            answer.add_done_callback(lambda done: self._forget(asked, done))
        await asyncio.wait([answer], timeout=self._patience)
        if not answer.done():
            raise OSError(errno.ETIMEDOUT, f"{host} is not found in time")
        return answer.result()

    def _forget(self, asked: tuple[str, int, int], answer: "asyncio.Future[list[ResolveResult]]") -> None:
        del self._under_way[asked]
        if not answer.cancelled():
            answer.exception()  # perhaps nobody waits for it any more

    async def close(self) -> None:
        """Wait for no lookup any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=NUMERIC)
        for kind, _, protocol, _, address in found
    ]


class GuardedResolver(AbstractResolver):
    """Resolves names, refusing one that has any address that isn't public."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or Lookups()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises `AddressRefused`, or OSError when there are none."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise AddressRefused(each["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()


def guarded_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for this `getaddrinfo` entry, which is what gets connected. Raises `AddressRefused`."""
    family, kind, protocol, _, (host, *_rest) = address
    if not is_public(host):
        raise AddressRefused(str(host))
    return socket.socket(family, kind, protocol)


def guarded_session(timeout: aiohttp.ClientTimeout, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A client that connects to public addresses only, keeps nothing between requests and asks no proxy."""
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(resolver),
        socket_factory=guarded_socket,
        use_dns_cache=False,
        force_close=True,
        limit=0,
    )
    return _session(connector, timeout)


def plain_session(timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """A client for the targets that the operator named; keeps nothing between requests and asks no proxy."""
    return _session(aiohttp.TCPConnector(use_dns_cache=False, force_close=True, limit=0), timeout)


def _session(connector: aiohttp.TCPConnector, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Polepool-Webhooks/1"},
    )


def host_and_port(url: URL) -> str:
    """`host:port` of a URL, in lower case, as `allowed_targets` and the limits per host name it."""
    return f"{url.host}:{url.port}".lower()


def check_target(text: str, allowed: Collection[str], ports: Collection[int]) -> URL:
    """The address of a new webhook. Raises `Invalid` naming the rule that it breaks.

    Names are not resolved here: what they resolve to counts when it is connected to.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise Invalid(
            field="url", rule="must be printable ASCII: write other characters as punycode or percent-encoded"
        )
    try:
        url = URL(text)
        target = host_and_port(url) if url.host else ""
    except ValueError:
        raise Invalid(field="url", rule="must be a valid URL") from None
    rules = {
        "must name a host": bool(url.host),
        "must be an https address": url.scheme == "https" or (url.scheme == "http" and target in allowed),
        "must not hold a user name or password": url.user is None and url.password is None,
        "must not have a fragment": not url.fragment,
        f"must use one of the ports {', '.join(map(str, sorted(ports)))}": url.port in ports or target in allowed,
        "must lead to a public address": target in allowed or _may_be_public(url.host or ""),
    }
    for rule, kept in rules.items():
        if not kept:
            raise Invalid(field="url", rule=rule)
    return url


def _may_be_public(host: str) -> bool:
    """Whether a host's text could be public: a public address, or a name with a dot whose last label isn't a number."""
    try:
        return is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        labels = host.rstrip(".").lower().split(".")
        numeric = labels[-1].isdigit() or labels[-1].startswith("0x")
        internal = labels[-1] in ("localhost", "local", "internal", "localdomain", "home", "lan", "arpa")
        return len(labels) > 1 and not numeric and not internal
