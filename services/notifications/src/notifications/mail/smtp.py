"""The mail server: one connection for a batch, and what its answers mean.

Reasons hold codes and classes of errors only: a server's words may repeat a person's address.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import errors

from notifications.settings import MailSettings


class ServerAway(Exception):
    """The mail server can't be used now; it took nothing. The message says why."""


class TryLater(Exception):
    """The mail server did not take this mail now; the message says why."""


class Refused(Exception):
    """The mail server will never take this mail; the message says why."""


@asynccontextmanager
async def connected(settings: MailSettings) -> AsyncIterator[aiosmtplib.SMTP]:
    """A connection to the mail server, signed in when the settings say as whom. Raises `ServerAway`."""
    server = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.tls == "tls",
        start_tls=settings.tls == "starttls",
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        timeout=settings.timeout,
    )
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
    """Give the message to the mail server. Raises `TryLater`, `Refused`; `ServerAway` when the connection is gone."""
    try:
        await server.send_message(message)
    except errors.SMTPRecipientsRefused as error:
        codes = [each.code for each in error.recipients]
        raise _by_code(min(codes, default=450), f"{codes[0] if codes else '?'} recipient refused") from None
    except errors.SMTPResponseException as error:
        raise _by_code(error.code, _reason(error)) from None
    except errors.SMTPNotSupported as error:
        raise Refused(_reason(error)) from None
    except (errors.SMTPServerDisconnected, errors.SMTPTimeoutError, OSError) as error:
        raise TryLater(_reason(error)) from None


def _by_code(code: int, reason: str) -> Refused | TryLater:
    return Refused(reason) if 500 <= code < 600 and code != 503 else TryLater(reason)


def _reason(error: BaseException) -> str:
    code = getattr(error, "code", None)
    return f"{code} {type(error).__name__}" if code else type(error).__name__
