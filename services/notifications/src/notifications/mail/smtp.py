"""The mail server: one connection for a batch, and what its answers mean.

Reasons hold codes and classes of errors only: a server's words may repeat a person's address.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTPResponse, errors

from notifications.settings import MailSettings

SIGN_IN_FIRST = 530
"""The code with which a server asks for a sign-in (RFC 4954)."""
NOT_ALLOWED = "5.7."
"""The start of the enhanced codes for what isn't allowed (RFC 3463). Many servers say only for the recipient that they
don't take mails from this sender or don't relay, so this may be a fault of the installation: worth another try."""


class ServerAway(Exception):
    """The mail server can't be used now, by us or by anybody; it took nothing. The message says why."""


class TryLater(Exception):
    """The mail server did not take this mail now; the message says why."""


class Refused(Exception):
    """The mail server will never take this mail; the message says why."""


class _Server(aiosmtplib.SMTP):
    """A server that has longer for a mail's content than for other commands, lest it take it and we send it again.

    RFC 5321, section 4.5.3.2.6, asks for ten minutes; here a worker's lease must outlast it.
    """

    def __init__(self, settings: MailSettings) -> None:
        super().__init__(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            timeout=settings.timeout,
        )
        self._content_timeout = settings.content_timeout

    async def data(self, message: str | bytes, /, *, timeout: object = None) -> SMTPResponse:  # noqa: ASYNC109
        """Send the content."""
        return await super().data(message, timeout=self._content_timeout)


@asynccontextmanager
async def connected(settings: MailSettings) -> AsyncIterator[aiosmtplib.SMTP]:
    """A connection to the mail server, signed in when the settings say as whom. Raises `ServerAway`."""
    server = _Server(settings)
    try:
        await server.connect()
    except (errors.SMTPException, OSError, TimeoutError) as error:
        server.close()
        raise ServerAway(_reason(error)) from None
    try:
        yield server
    finally:
        with suppress(errors.SMTPException, OSError, TimeoutError):
            await server.quit(timeout=2)


async def hand_over(server: aiosmtplib.SMTP, message: EmailMessage) -> None:
    """Give the message to the mail server. Raises `TryLater`, `Refused`; `ServerAway` when it takes nothing from us.

    A sender refused, or a sign-in asked for, is a fault of the installation and not of this mail.
    """
    try:
        await server.send_message(message)
    except errors.SMTPSenderRefused as error:
        raise ServerAway(_reason(error)) from None
    except errors.SMTPRecipientsRefused as error:
        refused = error.recipients[0]  # there is one
        raise _by_answer(refused.code, refused.message, f"{refused.code} recipient refused") from None
    except errors.SMTPResponseException as error:
        raise _by_answer(error.code, error.message, _reason(error)) from None
    except errors.SMTPNotSupported as error:
        raise Refused(_reason(error)) from None
    except (errors.SMTPServerDisconnected, errors.SMTPTimeoutError, OSError) as error:
        raise TryLater(_reason(error)) from None


def _by_answer(code: int, words: str, reason: str) -> Refused | TryLater | ServerAway:
    if code == SIGN_IN_FIRST:
        return ServerAway(reason)
    for_good = 500 <= code < 600 and code != 503 and not words.startswith(NOT_ALLOWED)
    return Refused(reason) if for_good else TryLater(reason)


def _reason(error: BaseException) -> str:
    code = getattr(error, "code", None)
    return f"{code} {type(error).__name__}" if code else type(error).__name__
