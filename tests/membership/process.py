"""membership as an operator runs it: `python -m membership …`, told by its environment alone."""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from chassis.testing import Parts

CLIENT_SECRET = "a secret of the notifications service"


def environment(parts: Parts, key_file: Path) -> dict[str, str]:
    """The environment of a membership with a new database and any free port."""
    name = f"membership_{secrets.token_hex(4)}"
    admin = urlsplit(parts.postgres_admin_url)
    host = admin.netloc.rpartition("@")[2]

    def address(role: str) -> str:
        return urlunsplit(admin._replace(netloc=f"{role}:test@{host}", path=f"/{name}"))

    return {
        "PATH": os.environ["PATH"],
        "POLEPOOL_DATABASE__URL": address(f"{name}_app"),
        "POLEPOOL_DATABASE__OWNER_URL": address(f"{name}_owner"),
        "POLEPOOL_DATABASE__ADMIN_URL": parts.postgres_admin_url,
        "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": parts.kafka_bootstrap,
        "POLEPOOL_HTTP__PORT": "0",
        "POLEPOOL_ACCESS__ISSUER": "https://membership.test",
        "POLEPOOL_ACCESS__JWKS_URL": "http://127.0.0.1:9/never-asked",
        "POLEPOOL_SIGNING_KEY_FILE": str(key_file),
        "POLEPOOL_SERVICE_CLIENTS__NOTIFICATIONS": CLIENT_SECRET,
        "POLEPOOL_SIGN_IN__PER_EMAIL": "100000/minute",
        "POLEPOOL_SIGN_IN__PER_EMAIL_AND_ADDRESS": "100000/minute",
        "POLEPOOL_SIGN_IN__PER_ADDRESS": "100000/minute",
    }


async def command(env: Mapping[str, str], *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Run it to its end: its exit code, standard output and standard error."""
    process = await _start(env, *arguments)
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def running(env: Mapping[str, str], *roles: str) -> AsyncIterator[str]:
    """Its address, while it runs; at the end it must stop in order when asked to."""
    process = await _start(env, *roles)
    assert process.stdout is not None
    reading = None
    try:
        started = await asyncio.wait_for(_started(process), 60)
        reading = asyncio.create_task(process.stdout.read())
        yield f"http://{started['host']}:{started['port']}"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if reading is not None:
            await reading


async def _start(env: Mapping[str, str], *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "membership", *arguments, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=2**20
    )


async def _started(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stderr is not None
    seen: list[bytes] = []
    async for line in process.stdout:
        seen.append(line)
        said = json.loads(line)
        if said["event"] == "started":
            return dict(said)
    raise AssertionError(f"ended before it started: {b''.join(seen)!r} {await process.stderr.read()!r}")
