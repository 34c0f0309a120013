"""Real receivers on loopback: a mail server that can refuse, and a webhook receiver that checks signatures.

async with mail_sink() as mails:           # mails.port; mails.to("anne@example.org")
async with webhook_sink() as hooks:        # hooks.url("erp"); hooks.secrets["erp"] = secret; hooks.of("erp")
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

HOST = "127.0.0.1"


@dataclass
class MailSink:
    """A mail server that keeps what it takes; `answers` says what it answers to a recipient, by default yes."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: Callable[[str], str] = lambda _recipient: "250 OK"
    content_answer: str = "250 Message accepted"
    content_gate: asyncio.Event | None = None
    """The answer to a content waits for it."""
    sender_answer: str = "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """The messages that an address got."""
        return [m for m, to in zip(self.messages, self.recipients, strict=True) if to == address]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender, or not."""
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.sender_answer

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        answer = self.answers(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        if self.content_gate is not None:
            await self.content_gate.wait()
        if self.content_answer.startswith("250"):
            content = envelope.content or b""
            raw = content if isinstance(content, bytes) else content.encode()
            for recipient in envelope.rcpt_tos:
                self.raw.append(raw)
                self.messages.append(message_from_bytes(raw, _class=EmailMessage, policy=policy.default))
                self.recipients.append(recipient)
        return self.content_answer


@asynccontextmanager
async def mail_sink(*, utf8: bool = True) -> AsyncIterator[MailSink]:
    """A mail server on a free port of loopback; without `utf8` it takes ASCII addresses only."""
    sink, loop = MailSink(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="localhost", loop=loop, enable_SMTPUTF8=utf8), HOST, 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        await server.wait_closed()


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """The plain text of a message, or its `html`."""
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


@dataclass
class Hook:
    """A webhook as it came."""

    name: str
    headers: dict[str, str]
    body: bytes
    verified: bool

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent in it."""
        event: dict[str, Any] = orjson.loads(self.body)
        return event


@dataclass
class WebhookSink:
    """A receiver: keeps all that comes, checks signatures by name, and answers what `answers` says (else 204)."""

    port: int = 0
    secrets: dict[str, str] = field(default_factory=dict)
    received: list[Hook] = field(default_factory=list)
    answers: dict[str, list[web.Response]] = field(default_factory=dict)
    """By name: answers to give, one after the other; after the last one, 204."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """By name: answer only once this is set."""

    def url(self, name: str) -> str:
        """Where webhooks of this name go."""
        return f"http://{self.target}/{name}"

    @property
    def target(self) -> str:
        """host:port, for `webhook.allowed_targets`."""
        return f"{HOST}:{self.port}"

    def of(self, name: str) -> list[Hook]:
        """What came under a name."""
        return [hook for hook in self.received if hook.name == name]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take a webhook."""
        name, body = request.match_info["name"], await request.read()
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.received.append(Hook(name, headers, body, self._verified(name, headers, body)))
        if name in self.gates:
            await self.gates[name].wait()
        return self.answers[name].pop(0) if self.answers.get(name) else web.Response(status=204)

    def _verified(self, name: str, headers: dict[str, str], body: bytes) -> bool:
        if name not in self.secrets:
            return False
        try:
            Webhook(self.secrets[name]).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True


@asynccontextmanager
async def webhook_sink() -> AsyncIterator[WebhookSink]:
    """A webhook receiver on a free port of loopback."""
    sink = WebhookSink()
    app = web.Application()
    app.router.add_route("*", "/{name}", sink.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    sink.port = runner.addresses[0][1]
    try:
        yield sink
    finally:
        for gate in sink.gates.values():
            gate.set()
        await runner.cleanup()
