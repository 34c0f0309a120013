"""From a leased mail to a message: plain text and HTML, headers that nobody can add to, an id that stays the same."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UniqueAddressHeader, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import idna
from jinja2 import Environment, StrictUndefined, Template

from notifications.contacts import Contact
from notifications.settings import MailSettings
from notifications.texts import Words, mail_words, one_line, render_together

ADDRESS = re.compile(r"([^\s@<>,;:()\[\]\\\"\x00-\x1f\x7f]{1,64})@([^\s@<>,;:()\[\]\\\"\x00-\x1f\x7f]+)")
"""local@domain, without quoted forms: none of the characters that mean something in a header."""
MAX_ADDRESS = 254
"""Characters of an address (RFC 5321, erratum 1690)."""


class _Encoded(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc] # the stubs' max_count
    """A header whose words come out as they went in: the policy's own folding loses spaces between encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """The header's lines."""
        return f"Subject: {Header(str(self), header_name='Subject').encode(linesep=policy.linesep)}{policy.linesep}"


class _Unfolded(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc] # the stubs' max_count
    """A header whose value is an address that no reader would put together again: ASCII, however long."""

    def fold(self, *, policy: Policy) -> str:
        """The header's line."""
        return f"List-Unsubscribe: {self}{policy.linesep}"


class _Recipient(UniqueAddressHeader, BaseHeader):  # type: ignore[misc] # the stubs' max_count
    """A header with one address: the policy's own folding loses the quotes of a long name, whose commas then divide."""

    def fold(self, *, policy: Policy) -> str:
        """The header's lines; of a name in ASCII, one line."""
        return f"To: {self}{policy.linesep}" if str(self).isascii() else super().fold(policy=policy)


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("to", _Recipient)
_HEADERS.map_to_type("subject", _Encoded)
_HEADERS.map_to_type("list-unsubscribe", _Unfolded)
_POLICY = SMTP.clone(header_factory=_HEADERS)


class BadAddress(Exception):
    """The person's address can't be written to."""


@cache
def _layout() -> Template:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return environment.from_string((files("notifications.mail") / "layout.html.j2").read_text("utf-8"))


def compose(
    settings: MailSettings,
    contact: Contact,
    *,
    notification_id: UUID,
    told: Sequence[tuple[str, Mapping[str, Any]]],
    created_at: datetime,
) -> EmailMessage:
    """The message that tells a person of a notification, or of several together. Raises `BadAddress`.

    The same notification always gives the same Message-ID, so that receivers can drop a copy.
    """
    words = render_together(told, contact.language)
    around = mail_words(contact.language, contact.name, settings.portal_url or "")
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(settings.sender_name, addr_spec=settings.sender)
    message["To"] = _address(contact)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(created_at)
    message["Message-ID"] = f"<{notification_id}@{settings.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if settings.unsubscribe:
        message["List-Unsubscribe"] = f"<{settings.unsubscribe}>"
    message.set_content(_plain(words, around), cte="quoted-printable")
    message.add_alternative(_html(words, around, contact.language), subtype="html", cte="quoted-printable")
    message["Content-Language"] = contact.language  # last: the parts take all Content-* headers before
    return message


def _address(contact: Contact) -> Address:
    """The person's address, with their name on one line; its domain as every mail server can take it."""
    match = ADDRESS.fullmatch(contact.email)
    if match is None or len(contact.email) > MAX_ADDRESS:
        raise BadAddress
    return Address(one_line(contact.name), username=match[1], domain=_ascii(match[2]))


def _ascii(domain: str) -> str:
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise BadAddress from None


def _plain(words: Words, around: Mapping[str, str]) -> str:
    link = f"{around['link_line']}\n\n" if around["link"] else ""
    return f"{around['greeting']}\n\n{words.body}\n\n{link}-- \n{around['footer']}\n"


def _html(words: Words, around: Mapping[str, str], language: str) -> str:
    paragraphs = [paragraph.split("\n") for paragraph in words.body.split("\n\n")]
    return _layout().render(around, language=language, subject=words.subject, paragraphs=paragraphs)
