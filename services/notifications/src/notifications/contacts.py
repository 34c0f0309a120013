"""Who a person is: asked of membership when a mail is sent, remembered for a minute, kept nowhere."""

import time
from collections import OrderedDict
from typing import Literal
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ValidationError

from notifications.settings import MembershipSettings

REMEMBERED = 2000
TIMEOUT = aiohttp.ClientTimeout(total=5)
MARGIN = 60.0
"""Seconds before its end at which a token is no longer used."""


class Contact(BaseModel):
    """How to write to a person, and in which language."""

    email: str
    name: str
    language: Literal["fr", "en"]


class PersonUnknown(Exception):
    """Membership knows no such person (any more)."""


class MembershipAway(Exception):
    """Membership can't be asked now; the message says why, without personal data."""


class _Token(BaseModel):
    access_token: str
    expires_in: float = 900.0


class Contacts:
    """Membership's contact endpoint, with its token and a short memory. `close` it."""

    def __init__(self, settings: MembershipSettings) -> None:
        self._settings = settings
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False)
        self._token: _Token | None = None
        self._token_until = 0.0
        self._known: OrderedDict[UUID, tuple[Contact, float]] = OrderedDict()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def of(self, person_id: UUID) -> Contact:
        """How to write to this person. Raises PersonUnknown or MembershipAway."""
        self.forget()
        if person_id in self._known:
            return self._known[person_id][0]
        contact = await self._ask(person_id)
        self._known.pop(person_id, None)  # put behind those that are remembered for less long
        self._known[person_id] = (contact, time.monotonic() + self._settings.contact_seconds)
        return contact

    def forget(self) -> None:
        """Forget whoever has been remembered for long enough, and the oldest of too many."""
        now = time.monotonic()
        while self._known and (next(iter(self._known.values()))[1] <= now or len(self._known) > REMEMBERED):
            self._known.popitem(last=False)

    async def _ask(self, person_id: UUID) -> Contact:
        status, body = await self._get(person_id)
        if status == 401:  # signed with keys that membership no longer has
            self._token = None
            status, body = await self._get(person_id)
        if status == 404:
            raise PersonUnknown
        if status != 200:
            raise MembershipAway(f"contact answered {status}")
        try:
            return Contact.model_validate_json(body)
        except ValidationError:
            raise MembershipAway("contact answered something else than a contact") from None

    async def _get(self, person_id: UUID) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {await self._bearer()}"}
        url = f"{self._settings.url.rstrip('/')}/v1/people/{person_id}/contact"
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise MembershipAway(f"contact: {type(error).__name__}") from None

    async def _bearer(self) -> str:
        if self._token is None or time.monotonic() >= self._token_until:
            self._token = await self._new_token()
            self._token_until = time.monotonic() + self._token.expires_in - MARGIN
        return self._token.access_token

    async def _new_token(self) -> _Token:
        url = f"{self._settings.url.rstrip('/')}/v1/oauth/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
        }
        try:
            async with self._session.post(url, data=form, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise MembershipAway(f"token answered {answer.status}")
                return _Token.model_validate_json(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise MembershipAway(f"token: {type(error).__name__}") from None
        except ValidationError:
            raise MembershipAway("token answered something else than a token") from None
