"""The sink's two servers, in one event loop."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from polepool_local.ports import HOST
from polepool_local.sink import pages, received
from polepool_local.sink.received import Box

BODY_LIMIT = 1_000_000  # bytes


@dataclass(slots=True)
class Sink:
    """What came in. `secrets` are those of webhooks by name, once told, to check signatures with."""

    mails: Box
    webhooks: Box
    secrets: dict[str, str] = field(default_factory=dict)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Take a mail (aiosmtpd calls this)."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self.mails.add(received.mail(envelope.mail_from or "", list(envelope.rcpt_tos), raw))
        return "250 Message accepted"

    async def take(self, request: web.Request) -> web.Response:
        """Take a webhook, whatever it is; answers 401 if its signature is wrong."""
        name, body = request.match_info["name"], await request.read()
        signature = self._check(name, body, dict(request.headers))
        self.webhooks.add(received.webhook(name, request.headers, body, signature))
        return web.json_response({"signature": signature}, status=401 if signature == "invalid" else 200)

    async def learn(self, request: web.Request) -> web.Response:
        """Be told the secret of the webhooks under a name: `{"secret": "whsec_..."}`."""
        try:
            secret = json.loads(await request.read())["secret"]
            Webhook(secret)
        except Exception:
            return web.json_response({"error": 'send {"secret": "whsec_..."}'}, status=422)
        self.secrets[request.match_info["name"]] = secret
        return web.Response(status=204)

    def _check(self, name: str, body: bytes, headers: dict[str, str]) -> str:
        if name not in self.secrets:
            return "unchecked"
        try:
            Webhook(self.secrets[name]).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            return "invalid"
        return "valid"


@asynccontextmanager
async def serving(smtp_port: int, http_port: int, folder: Path) -> AsyncIterator[Sink]:
    """Run both servers on loopback while the block runs; what they receive is kept in the folder."""
    sink = Sink(Box(folder / "mails.jsonl"), Box(folder / "webhooks.jsonl"))
    sink.mails.load()
    sink.webhooks.load()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(sink, hostname="localhost", loop=loop), HOST, smtp_port)
    runner = web.AppRunner(app(sink), access_log=None)
    try:
        await runner.setup()
        await web.TCPSite(runner, HOST, http_port).start()
        yield sink
    finally:
        smtp.close()
        await runner.cleanup()


def app(sink: Sink) -> web.Application:
    """The pages, and the receiver of webhooks."""
    made = web.Application(client_max_size=BODY_LIMIT)
    made.router.add_get("/", pages.overview(sink.mails, sink.webhooks))
    made.router.add_get("/mails.json", pages.listing(sink.mails))
    made.router.add_get("/webhooks.json", pages.listing(sink.webhooks))
    made.router.add_get("/mails/{number}", pages.one(sink.mails, "Mail"))
    made.router.add_get("/webhooks/{number}", pages.one(sink.webhooks, "Webhook"))
    made.router.add_post("/webhooks/{name}", sink.take)
    made.router.add_put("/webhooks/{name}/secret", sink.learn)
    return made
