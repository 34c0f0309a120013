"""The same story on the containers of docker-compose.yml."""

import asyncio
import os
from collections.abc import Coroutine
from typing import TypeAlias

from rich.console import Console

from polepool_local.demo.load import Keys
from polepool_local.demo.stage import Stage, perform

Play: TypeAlias = Coroutine[object, object, bool]
PASSWORD = "demonstration of polepool"  # noqa: S105 - of invented accounts, on ports of this machine
PORTS = {"MEMBERSHIP": 18001, "POOLING": 18002, "NOTIFICATIONS": 18003}


class ComposeFailed(Exception):
    """docker compose said no; what it said is on the screen."""


async def play(console: Console, administrator: str, *, once: bool) -> bool:
    """Bring the containers up, play, and with `once` take them down again."""
    keys = Keys(administrator, PASSWORD)
    try:
        await _compose("up", "--build", "--detach", "--wait", "--wait-timeout", "300")
        await _compose(
            *("exec", "--no-TTY", "--env", f"POLEPOOL_ADMINISTRATOR_PASSWORD={PASSWORD}", "membership-api"),
            *("python", "-m", "membership", "administrator", "--email", administrator),
        )
        held = await perform(_stage(keys), console)
    except ComposeFailed as error:
        console.print(f"{error}: `docker compose ps -a` and `docker compose logs` tell more", style="red")
        held = False
    if once:
        await _compose("down", "--volumes", "--timeout", "10")
    else:
        console.print("\nIt stays up: `docker compose ps` shows it, `docker compose down --volumes` ends it.")
    return held


def _stage(keys: Keys) -> Stage:
    hooks = f"http://127.0.0.1:{_port('WEBHOOKS', 18026)}"
    return Stage(
        services={name.lower(): f"http://127.0.0.1:{_port(name, port)}" for name, port in PORTS.items()},
        kafka=f"127.0.0.1:{_port('KAFKA', 19092)}",
        mails=f"http://127.0.0.1:{_port('MAIL', 18025)}",
        mails_by_mailpit=True,
        hooks=hooks,
        hooks_from_services="http://webhooks:8000",
        keys=keys,
    )


def _port(name: str, default: int) -> int:
    return int(os.environ.get(f"{name}_PORT", default))


async def _compose(*arguments: str) -> None:
    """Run docker compose; raises ComposeFailed."""
    try:
        process = await asyncio.create_subprocess_exec("docker", "compose", *arguments)
    except FileNotFoundError:
        raise ComposeFailed("docker is not installed") from None
    if await process.wait():
        raise ComposeFailed(f"docker compose {arguments[0]} failed")
