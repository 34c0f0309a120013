"""Webhook secrets: made here, shown once, kept encrypted.

Signing needs the secret itself, so a hash won't do; a stolen database alone must not be able to sign. Fernet
(AES-128-CBC with HMAC-SHA-256) under a key that only the settings hold; several keys allow to rotate it.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet
from pydantic import SecretStr

PREFIX = "whsec_"


class Sealer:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def new(self) -> str:
        """A new secret, sealed: 256 random bits as Standard Webhooks writes them."""
        return self.seal(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())

    def seal(self, secret: str) -> str:
        """The secret as it is kept."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret itself. Raises cryptography's InvalidToken when no key fits."""
        return self._fernet.decrypt(sealed.encode()).decode()
