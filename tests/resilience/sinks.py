"""`python -m tests.resilience.sinks SMTP_PORT HOOKS_PORT FOLDER`: receivers that write down all that comes.

They are independent of what sends: the webhook ledger keeps the body as text and whether its signature is good, the
mail ledger the Message-ID and the recipient. `POST /secrets` tells the receiver which secret a name signs with.
"""

import asyncio
import json
import sys
from contextlib import suppress
from email import message_from_bytes
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from polepool_local.ports import HOST
from tests.resilience.ledger import Ledger


class Mails:
    """An SMTP server that takes everything."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write a message down, then take it: what was acknowledged is on disk."""
        content = envelope.content or b""
        message = message_from_bytes(content if isinstance(content, bytes) else content.encode())
        self._ledger.write(message_id=str(message["Message-ID"]), to=envelope.rcpt_tos)
        return "250 OK"


class Hooks:
    """A webhook receiver that checks signatures, and that can be told to misbehave."""

    def __init__(self, ledger: Ledger, secrets: Path) -> None:
        self._ledger = ledger
        self._kept = secrets
        self._secrets: dict[str, str] = json.loads(secrets.read_text()) if secrets.exists() else {}
        self._manner = "good"

    async def learn(self, request: web.Request) -> web.Response:
        """Know a secret: {"name": ..., "secret": ...}."""
        told = await request.json()
        self._secrets[told["name"]] = told["secret"]
        self._kept.write_text(json.dumps(self._secrets))
        return web.Response(status=204)

    async def behave(self, request: web.Request) -> web.Response:
        """Answer in this manner from now on: {"manner": ...}; one of MANNERS, or good."""
        self._manner = (await request.json())["manner"]
        return web.Response(status=204)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Take a webhook, or misbehave."""
        if self._manner == "good":
            return await self.take(request)
        return await MANNERS[self._manner](request)

    async def take(self, request: web.Request) -> web.Response:
        """Write a webhook down, then take it."""
        body, name = await request.read(), request.match_info["name"]
        headers = {key.lower(): value for key, value in request.headers.items()}
        self._ledger.write(
            name=name,
            webhook_id=headers.get("webhook-id"),
            verified=self._verified(name, headers, body),
            body=body.decode(),
        )
        return web.Response(status=204)

    def _verified(self, name: str, headers: dict[str, str], body: bytes) -> bool:
        if name not in self._secrets:
            return False
        try:
            Webhook(self._secrets[name]).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True


async def slow(_request: web.Request) -> web.StreamResponse:
    """A late answer, and no success."""
    await asyncio.sleep(2)
    return web.Response(status=503)


async def silent(_request: web.Request) -> web.StreamResponse:
    """No answer within anybody's patience."""
    await asyncio.sleep(60)
    return web.Response(status=503)


async def endless(request: web.Request) -> web.StreamResponse:
    """An answer that never ends."""
    stream = web.StreamResponse(status=500)
    await stream.prepare(request)
    with suppress(ConnectionError):
        for _ in range(600):
            await stream.write(b"x" * 65536)
            await asyncio.sleep(0.1)
    return stream


async def error(_request: web.Request) -> web.StreamResponse:
    """It broke."""
    return web.Response(status=500, text="<h1>Error</h1>")


async def redirect(_request: web.Request) -> web.StreamResponse:
    """Sent to where nobody should go."""
    return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/meta-data/"})


async def garbage(request: web.Request) -> web.StreamResponse:
    """No HTTP at all."""
    assert request.transport
    request.transport.write(b"\0\xff" * 1000)
    request.transport.close()
    return web.Response(status=500)


MANNERS = {each.__name__: each for each in (slow, silent, endless, error, redirect, garbage)}


async def run(smtp_port: int, hooks_port: int, folder: Path) -> None:
    """Receive until killed."""
    hooks, mails = (
        Hooks(Ledger(folder / "hooks.ledger"), folder / "secrets.json"),
        Mails(Ledger(folder / "mails.ledger")),
    )
    loop = asyncio.get_running_loop()
    await loop.create_server(
        lambda: SMTP(mails, hostname="localhost", loop=loop, enable_SMTPUTF8=True), HOST, smtp_port
    )
    app = web.Application()
    app.router.add_post("/secrets", hooks.learn)
    app.router.add_post("/manner", hooks.behave)
    app.router.add_post("/hooks/{name}", hooks.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, hooks_port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
