"""What the sink received, kept in a folder, newest last."""

import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from pathlib import Path
from typing import Any

from polepool_local.home import write_whole

KEPT = 1000  # of each kind; older ones are forgotten

Record = dict[str, Any]  # JSON


@dataclass(slots=True)
class Box:
    """Records of one kind, in memory and in a file of one JSON object per line."""

    path: Path
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=KEPT))

    def load(self) -> None:
        """Read what was received before, and leave only what is kept in the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            with suppress(ValueError):  # one that was being written when the sink was killed
                self.records.append(json.loads(line))
        write_whole(self.path, "".join(json.dumps(record) + "\n" for record in self.records))

    def add(self, record: Record) -> None:
        """Keep one more."""
        numbered = {"number": self.records[-1]["number"] + 1 if self.records else 1, "received": _now()} | record
        self.records.append(numbered)
        with self.path.open("a") as file:
            file.write(json.dumps(numbered) + "\n")


def mail(sender: str, recipients: list[str], content: bytes) -> Record:
    """A mail as its reader would see it, with its headers."""
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    return {
        "from": sender,
        "to": recipients,
        "subject": str(message.get("Subject", "")),
        "headers": {name: str(value) for name, value in message.items()},
        "text": _text(plain),
        "html": _text(rich),
    }


def webhook(name: str, headers: Mapping[str, str], body: bytes, signature: str) -> Record:
    """A webhook as it came; `signature` says what became of checking it: valid, invalid or unchecked."""
    text = body.decode(errors="replace")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    return {
        "name": name,
        "headers": {key.lower(): value for key, value in headers.items()},
        "body": text,
        "json": data,
        "signature": signature,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _text(part: MIMEPart | None) -> str:
    return str(part.get_content()).replace("\r\n", "\n") if part else ""
