"""The one folder in which everything on this machine keeps its state: secrets, ports, data, logs."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, Field

from polepool_local.ports import free_ports, is_free
from polepool_local.processes import NotStarted

SERVICES = ("membership", "pooling", "notifications")
LISTENERS = ("postgres", "kafka", "kafka-controller", "smtp", "sink", *SERVICES)
LOG_LIMIT = 20_000_000  # bytes; a longer log starts anew at the next start, the old one is kept once


def _token() -> str:
    return secrets.token_urlsafe(24)


class Secrets(BaseModel):
    """Made once, never shown, kept where only this user reads."""

    postgres: str = Field(default_factory=_token)
    owners: dict[str, str] = Field(default_factory=lambda: {service: _token() for service in SERVICES})
    apps: dict[str, str] = Field(default_factory=lambda: {service: _token() for service in SERVICES})
    notifications_client: str = Field(default_factory=_token)
    demonstration: str = Field(default_factory=_token)
    webhook_key: str = Field(default_factory=lambda: Fernet.generate_key().decode())


@dataclass(frozen=True, slots=True)
class Home:
    """Paths and files below the folder."""

    folder: Path

    @property
    def state(self) -> Path:
        """What the supervisor last said of its processes."""
        return self.folder / "state.json"

    @property
    def launched(self) -> Path:
        """Every process launched, a line each, so that none is forgotten if the supervisor is killed."""
        return self.folder / "launched.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the running supervisor."""
        return self.folder / "lock"

    @property
    def signing_key(self) -> Path:
        """membership's key for tokens, as PEM."""
        return self.folder / "signing-key.pem"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.folder / "logs" / f"{name}.log"

    def open(self) -> Secrets:
        """Make the folder if it is new, and read its secrets, making those that don't exist yet.

        Raises NotStarted when there are databases, but their passwords are gone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "logs").mkdir(exist_ok=True)
        path = self.folder / "secrets.json"
        if (self.folder / "postgres" / "data").exists() and not path.exists():
            raise NotStarted(f"{path} is gone, and the databases can't be opened without: put it back, or `reset`")
        kept = Secrets.model_validate_json(path.read_text()) if path.exists() else Secrets()
        text = kept.model_dump_json(indent=2)
        if not path.exists() or path.read_text() != text:  # new, or of a version that had fewer
            write_private(path, text)
        if not self.signing_key.exists():
            key = Ed25519PrivateKey.generate()
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_private(self.signing_key, pem.decode())
        return kept

    def ports(self) -> dict[str, int]:
        """The port of every listener: the one it had, or another if somebody took that meanwhile. Writes them down."""
        path = self.folder / "ports.json"
        had: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        fresh = iter(free_ports(2 * len(LISTENERS)))
        ports: dict[str, int] = {}
        for name in LISTENERS:
            before = had.get(name)
            ports[name] = before if before and is_free(before) else next(p for p in fresh if p not in had.values())
        write_whole(path, json.dumps(ports, indent=2))
        return ports

    def turn_logs(self) -> None:
        """Put long logs aside; only while nothing writes them."""
        for log in (self.folder / "logs").glob("*.log"):
            if log.stat().st_size > LOG_LIMIT:
                log.replace(log.with_suffix(".log.1"))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    making = path.with_suffix(".new")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    making.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    making = path.with_suffix(".new")
    making.write_text(text)
    making.replace(path)
