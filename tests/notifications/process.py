"""notifications as an operator runs it: `python -m notifications …`, told by its environment alone."""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from cryptography.fernet import Fernet

from chassis.testing import Parts
from tests.notifications.people import Membership
from tests.support.sinks import MailSink, WebhookSink


def environment(parts: Parts, people: Membership, mails: MailSink, hooks: WebhookSink) -> dict[str, str]:
    """The environment of a notifications with a new database and any free port."""
    name = f"notifications_{secrets.token_hex(4)}"
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
        "POLEPOOL_ACCESS__ISSUER": people.access.issuer,
        "POLEPOOL_ACCESS__JWKS_URL": people.access.jwks_url,
        "POLEPOOL_MEMBERSHIP__URL": people.url,
        "POLEPOOL_MEMBERSHIP__CLIENT_ID": "notifications",
        "POLEPOOL_MEMBERSHIP__CLIENT_SECRET": "secret of notifications",
        "POLEPOOL_MAIL__HOST": "127.0.0.1",
        "POLEPOOL_MAIL__PORT": str(mails.port),
        "POLEPOOL_MAIL__TLS": "none",
        "POLEPOOL_MAIL__SENDER": "bonjour@polepool.example",
        "POLEPOOL_WEBHOOK__KEYS": json.dumps([Fernet.generate_key().decode()]),
        "POLEPOOL_WEBHOOK__ALLOWED_TARGETS": json.dumps([hooks.target]),
        "POLEPOOL_POLL_SECONDS": "0.05",
    }


async def command(env: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run it to its end: its exit code, standard output and standard error."""
    process = await _start(env, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 60)
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
        sys.executable, "-m", "notifications", *arguments, env=env, stdout=PIPE, stderr=PIPE, limit=2**20
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
