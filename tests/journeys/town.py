"""A town: the three services as processes on real parts, with a mail server and a webhook receiver beside them.

async with raised(parts, folder) as town:
    anne = await sign_up(town.membership.http)
    await town.pooling.restart(HOLD_HOURS="0.0001")    # also .stop(), .kill(), .start()
"""

import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database, fresh_topics
from chassis.topics import apply, wanted
from polepool_local import processes, reaper
from polepool_local.ports import HOST, free_ports
from schemas.catalogue import topics
from tests.membership import process as membership_process
from tests.support.membership import Actor, promote, sign_up
from tests.support.sinks import MailSink, WebhookSink, mail_sink, webhook_sink

ROLES = {
    "membership": ("api", "relay"),
    "pooling": ("api", "consume", "relay", "expire", "match"),
    "notifications": ("api", "consume", "mail", "webhook"),
}
CLIENT_SECRET = "a secret of the notifications service"
PATIENCE = 300.0
"""Seconds that a process may take until it is ready: the matching engine may have to be compiled."""


@dataclass
class Service:
    """One service as a process that may be stopped, killed and started again, always at the same address."""

    name: str
    settings: dict[str, str]
    database: DatabaseSettings
    http: httpx.AsyncClient
    log: Path
    roles: Sequence[str]
    process: processes.Process | None = field(default=None, init=False)

    def beside(self, *roles: str) -> "Service":
        """Another process of this service, not started yet, that plays these roles at an address of its own."""
        port = free_ports(1)[0]
        http = httpx.AsyncClient(base_url=_url(port), timeout=30)
        settings = self.settings | {"HTTP__PORT": str(port)}
        return Service(self.name, settings, self.database, http, self.log.with_stem(f"{self.name}-{port}"), roles)

    async def start(self, **changes: str) -> None:
        """Start it and wait until it is ready; `changes` are settings for this start alone."""
        settings = {f"POLEPOOL_{name}": value for name, value in (self.settings | changes).items()}
        command = [sys.executable, "-m", self.name, *self.roles]
        self.process = processes.launch(
            self.name, command, log=self.log, environment={"PATH": os.environ["PATH"], **settings}
        )
        await processes.until_answering(self.process, self.ready, log=self.log, patience=PATIENCE)

    async def ready(self) -> None:
        """Raises an httpx.HTTPError unless it is ready now."""
        (await self.http.get("/readyz")).raise_for_status()

    async def stop(self) -> None:
        """Ask it to stop, in order."""
        if self.process:
            await processes.stop(self.process, patience=15.0)
            self.process = None

    async def kill(self) -> None:
        """Let it die without a word."""
        if self.process:
            await processes.kill(self.process)
            self.process = None

    async def restart(self, **changes: str) -> None:
        """Stop it in order and start it again."""
        await self.stop()
        await self.start(**changes)


@dataclass(frozen=True)
class Town:
    """Everything that runs, and its parts."""

    parts: Parts
    membership: Service
    pooling: Service
    notifications: Service
    mails: MailSink
    hooks: WebhookSink

    @property
    def services(self) -> tuple[Service, ...]:
        """The three services, in the order in which they start."""
        return self.membership, self.pooling, self.notifications

    async def administrator(self) -> Actor:
        """A new network administrator."""
        actor = await sign_up(self.membership.http)
        await promote(self.membership.database, actor.id)
        return actor


@asynccontextmanager
async def raised(parts: Parts, folder: Path) -> AsyncIterator[Town]:
    """A town with new databases and empty topics; its logs are in `folder`."""
    reaper.tie()
    await fresh_topics(parts, *topics())
    await apply(wanted(topics().values()), parts.kafka_bootstrap)
    async with AsyncExitStack() as stack:
        mails, hooks = await stack.enter_async_context(mail_sink()), await stack.enter_async_context(webhook_sink())
        ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
        own = {
            "membership": await _of_membership(folder),
            "pooling": {"SWEEP_SECONDS": "0.05"},
            "notifications": _of_notifications(ports, mails, hooks),
        }
        made = {name: await _service(stack, parts, ports, name, own[name], folder) for name in ROLES}
        town = Town(parts, **made, mails=mails, hooks=hooks)
        for service in town.services:
            stack.push_async_callback(service.stop)
            await service.start()
        yield town


async def _service(
    stack: AsyncExitStack, parts: Parts, ports: dict[str, int], name: str, own: dict[str, str], folder: Path
) -> Service:
    database = await fresh_database(parts, name, {name: files(name) / "migrations"})
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=_url(ports[name]), timeout=30))
    membership = _url(ports["membership"])
    common = {
        "DATABASE__URL": database.url.get_secret_value(),
        "KAFKA__BOOTSTRAP_SERVERS": parts.kafka_bootstrap,
        "HTTP__HOST": HOST,
        "HTTP__PORT": str(ports[name]),
        "HTTP__LINGER": "0",
        "ACCESS__ISSUER": membership,
        "ACCESS__JWKS_URL": f"{membership}/.well-known/jwks.json",
    }
    return Service(name, common | own, database, http, folder / f"{name}.log", ROLES[name])


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


async def _of_membership(folder: Path) -> dict[str, str]:
    key_file = folder / f"signing-{secrets.token_hex(4)}.pem"
    code, _, complaint = await membership_process.command(
        {"PATH": os.environ["PATH"]}, "signing-key", "--file", str(key_file)
    )
    assert code == 0, complaint
    return {
        "SIGNING_KEY_FILE": str(key_file),
        "SERVICE_CLIENTS__NOTIFICATIONS": CLIENT_SECRET,
        "SIGN_IN__PER_EMAIL": "100000/minute",
        "SIGN_IN__PER_EMAIL_AND_ADDRESS": "100000/minute",
        "SIGN_IN__PER_ADDRESS": "100000/minute",
    }


def _of_notifications(ports: dict[str, int], mails: MailSink, hooks: WebhookSink) -> dict[str, str]:
    return {
        "MEMBERSHIP__URL": _url(ports["membership"]),
        "MEMBERSHIP__CLIENT_ID": "notifications",
        "MEMBERSHIP__CLIENT_SECRET": CLIENT_SECRET,
        "MAIL__HOST": HOST,
        "MAIL__PORT": str(mails.port),
        "MAIL__TLS": "none",
        "MAIL__SENDER": "bonjour@polepool.example",
        "MAIL__FIRST_DELAY": "0.2",
        # What a killed process had in hand is sent when its lease is over.
        "MAIL__TIMEOUT": "1",
        "MAIL__CONTENT_TIMEOUT": "1",
        "MAIL__LEASE": "6",
        "WEBHOOK__TOTAL_TIMEOUT": "4",
        "WEBHOOK__LEASE": "5",
        "WEBHOOK__KEYS": json.dumps([Fernet.generate_key().decode()]),
        "WEBHOOK__ALLOWED_TARGETS": json.dumps([hooks.target]),
        "WEBHOOK__SCHEDULE": "[0.2, 0.2, 0.5, 1, 1, 1]",
        "POLL_SECONDS": "0.05",
    }
