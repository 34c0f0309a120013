"""Names that are slow to resolve: whose webhooks they hold up, and for how long."""

import asyncio
import socket
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chassis.testing import eventually
from notifications.hooks import post
from notifications.store.deliveries import Leased
from notifications.targets import Lookups
from notifications.workers.webhook import Sender

NOW = datetime.now(UTC)


async def test_a_name_that_is_slow_to_resolve_holds_up_nobody_else(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), list[str]()

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host == "slow.example.org":
            gate.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    slow = [asyncio.create_task(post(sender.poster, to("slow.example.org", sender), NOW)) for _ in range(64)]
    await eventually(lambda: asked)
    quick = await post(sender.poster, to("quick.example.org", sender), NOW)
    assert quick.error == "the host leads to an address that is not public"
    assert asked == ["slow.example.org", "quick.example.org"]
    assert not any(each.done() for each in slow)
    gate.set()
    assert {each.error for each in await asyncio.gather(*slow)} == {quick.error}


def to(host: str, sender: Sender) -> Leased:
    """A delivery to this host."""
    secret = sender.poster.sealer.new()
    return Leased(uuid4(), uuid4(), uuid4(), f"https://{host}/", f"{host}:443", secret, "{}", 1, NOW)


async def test_a_name_that_is_not_found_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: gate.wait(60) and [])
    lookups = Lookups(patience=0.01)
    with pytest.raises(OSError, match="not found in time"):
        await lookups.resolve("slow.example.org")
    gate.set()
    await lookups.close()
