"""The same story on the containers of docker-compose.yml."""

import asyncio
import os
import subprocess
import time
from collections.abc import Coroutine
from typing import TypeAlias

from rich.console import Console

from polepool_local.addresses import Addresses
from polepool_local.demo.load import Keys
from polepool_local.demo.stage import Stage, perform, show_where_to_look

Play: TypeAlias = Coroutine[object, object, bool]
PASSWORD = "demonstration of polepool"  # noqa: S105 - of invented accounts, on ports of this machine


class ComposeFailed(Exception):
    """docker compose said no; what it said is on the screen."""


async def play(console: Console, administrator: str, *, once: bool) -> bool:
    """Bring the containers up, play, and with `once` take them down again, unless they were up before.

    What they made stays, as it does without containers.
    """
    try:
        ran = bool(await _compose("ps", "--quiet", stdout=subprocess.PIPE))
        try:
            stage = _stage(Keys(administrator, PASSWORD))
            held = await _played(stage, console)
        finally:
            if once and not ran:
                await _compose("down", "--timeout", "10")
    except ComposeFailed as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return False
    if not once:
        show_where_to_look(stage, console)
        console.print("It stays up: `docker compose down` stops it, and forgets all with `--volumes`.")
    return held


async def _played(stage: Stage, console: Console) -> bool:
    began = time.monotonic()
    await _compose("up", "--detach", "--wait", "--wait-timeout", "300")
    console.print(f"\nEverything runs, after {time.monotonic() - began:.1f} s.")
    await _compose(
        *("exec", "--no-TTY", "--env", f"POLEPOOL_ADMINISTRATOR_PASSWORD={stage.keys.password}", "membership-api"),
        *("python", "-m", "membership", "administrator", "--email", stage.keys.administrator),
    )
    return await perform(stage, console)


def _stage(keys: Keys) -> Stage:
    addresses = Addresses(
        membership=f"http://127.0.0.1:{_port('MEMBERSHIP', 18001)}",
        pooling=f"http://127.0.0.1:{_port('POOLING', 18002)}",
        notifications=f"http://127.0.0.1:{_port('NOTIFICATIONS', 18003)}",
        kafka=f"127.0.0.1:{_port('KAFKA', 19092)}",
        mails=f"http://127.0.0.1:{_port('MAIL', 18025)}",
        webhooks=f"http://127.0.0.1:{_port('WEBHOOKS', 18026)}",
    )
    return Stage(addresses, mails_by_mailpit=True, hooks_from_services="http://webhooks:8000", keys=keys)


def _port(name: str, default: int) -> int:
    return int(os.environ.get(f"{name}_PORT", default))


async def _compose(*arguments: str, stdout: int | None = None) -> bytes:
    """Run docker compose; returns what it said if that goes to a pipe. Raises ComposeFailed."""
    try:
        process = await asyncio.create_subprocess_exec("docker", "compose", *arguments, stdout=stdout)
    except FileNotFoundError:
        raise ComposeFailed("docker is not installed") from None
    said, _ = await process.communicate()
    if process.returncode:
        told = "`docker compose ps -a` and `docker compose logs` tell more"
        raise ComposeFailed(f"docker compose {arguments[0]} failed: {told}")
    return said or b""
