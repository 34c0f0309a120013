"""The settings that each service's process gets, by environment."""

import json
import os

from polepool_local.addresses import at
from polepool_local.home import Home, Secrets
from polepool_local.ports import HOST

CLIENT = "notifications"  # as which notifications asks membership for contacts
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "SSL_CERT_FILE")


def environment(service: str, home: Home, secrets: Secrets, ports: dict[str, int]) -> dict[str, str]:
    """Everything that the service's `settings.py` asks for, and nothing of another service's secrets."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    settings = _common(service, secrets, ports) | _own(service, home, secrets, ports)
    return inherited | {f"POLEPOOL_{name}": value for name, value in settings.items()} | {"PYTHONUNBUFFERED": "1"}


def app_url(service: str, secrets: Secrets, ports: dict[str, int]) -> str:
    """The service's database as its app role."""
    return f"postgresql://{service}_app:{secrets.apps[service]}@{HOST}:{ports['postgres']}/{service}"


def owner_url(service: str, secrets: Secrets, ports: dict[str, int]) -> str:
    """The service's database as its owner, who migrates."""
    return f"postgresql://{service}_owner:{secrets.owners[service]}@{HOST}:{ports['postgres']}/{service}"


def _common(service: str, secrets: Secrets, ports: dict[str, int]) -> dict[str, str]:
    membership = at(ports).membership
    return {
        "DATABASE__URL": app_url(service, secrets, ports),
        "KAFKA__BOOTSTRAP_SERVERS": at(ports).kafka,
        "KAFKA__INSTANCE": service,  # one process each: back after a kill, it needn't wait for its former self
        "HTTP__HOST": HOST,
        "HTTP__PORT": str(ports[service]),
        "HTTP__LINGER": "0",  # there is no second process to send anybody to
        "ACCESS__ISSUER": membership,
        "ACCESS__JWKS_URL": f"{membership}/.well-known/jwks.json",
    }


def _own(service: str, home: Home, secrets: Secrets, ports: dict[str, int]) -> dict[str, str]:
    if service == "membership":
        return {
            "SIGNING_KEY_FILE": str(home.signing_key.resolve()),
            "SERVICE_CLIENTS": json.dumps({CLIENT: secrets.notifications_client}),
        }
    if service == "notifications":
        return {
            "MEMBERSHIP__URL": at(ports).membership,
            "MEMBERSHIP__CLIENT_ID": CLIENT,
            "MEMBERSHIP__CLIENT_SECRET": secrets.notifications_client,
            "MAIL__HOST": HOST,
            "MAIL__PORT": str(ports["smtp"]),
            "MAIL__TLS": "none",
            "MAIL__SENDER": "polepool@example.org",
            "WEBHOOK__KEYS": json.dumps([secrets.webhook_key]),
            "WEBHOOK__ALLOWED_TARGETS": json.dumps([f"{HOST}:{ports['sink']}"]),
        }
    return {}
