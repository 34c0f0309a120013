"""Tokens for machines (OAuth 2 client credentials, RFC 6749 section 4.4), and the keys that verify every token."""

import base64
import hashlib
import hmac
from binascii import Error as NotBase64
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import Request
from starlette.responses import JSONResponse

from chassis.access import Identity
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.http import Router
from membership.authority import Authority, Token, service_id
from membership.settings import matches
from membership.store import organisations as store

router = Router(tags=["access"])

TOKEN_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "client_id": {"type": "string", "description": "Here or by HTTP Basic."},
                        "client_secret": {"type": "string", "description": "Here or by HTTP Basic."},
                    },
                    "required": ["grant_type"],
                }
            }
        },
    },
    "responses": {
        "400": {"description": 'What is wrong with the request, as {"error": code}.'},
        "401": {"description": 'The client is unknown or its secret is wrong: {"error": "invalid_client"}.'},
    },
}


class TokenRefused(Exception):
    """A refusal as RFC 6749 section 5.2 wants it told."""

    STATUS: ClassVar[dict[str, int]] = {"invalid_client": 401}

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code

    def response(self) -> JSONResponse:
        """The answer to send."""
        status = self.STATUS.get(self.code, 400)
        headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Basic"} if status == 401 else {})
        return JSONResponse({"error": self.code, "error_description": str(self)}, status, headers)


@router.post("/v1/oauth/token", response_model=Token, openapi_extra=TOKEN_FORM)
async def token(request: Request) -> JSONResponse:
    """Exchange an API key for a token of 15 minutes; `client_id` and `client_secret` in the form or by HTTP Basic."""
    authority: Authority = request.app.state.authority
    try:
        form = await _form(request)
        client_id, secret = _basic(request, form) or _posted(form)
        _require_client_credentials(form)
        identity = await _identify(request.app.state.ground.pool, authority, client_id, secret)
    except TokenRefused as refusal:
        return refusal.response()
    return JSONResponse(authority.token(identity).model_dump(), headers={"Cache-Control": "no-store"})


@router.get("/.well-known/jwks.json")
async def jwks(request: Request) -> dict[str, object]:
    """The public keys that verify tokens (RFC 7517)."""
    authority: Authority = request.app.state.authority
    return authority.jwks()


async def _form(request: Request) -> dict[str, str]:
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", "").lower():
        raise TokenRefused("invalid_request", "Send a form: application/x-www-form-urlencoded.")
    fields = (await request.form()).multi_items()
    form = {name: value for name, value in fields if isinstance(value, str)}
    if len(form) < len(fields):
        raise TokenRefused("invalid_request", "A parameter is there twice.")
    return form


def _basic(request: Request, form: dict[str, str]) -> tuple[str, str] | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    if "client_secret" in form:
        raise TokenRefused("invalid_request", "Send the client's secret in one way only.")
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (NotBase64, ValueError):
        raise TokenRefused("invalid_client", "The Authorization header is not valid.") from None
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _posted(form: dict[str, str]) -> tuple[str, str]:
    if "client_id" not in form or "client_secret" not in form:
        raise TokenRefused("invalid_client", "Send client_id and client_secret.")
    return form["client_id"], form["client_secret"]


def _require_client_credentials(form: dict[str, str]) -> None:
    if "grant_type" not in form:
        raise TokenRefused("invalid_request", "grant_type is required.")
    if form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "grant_type must be client_credentials.")


async def _identify(pool: Pool, authority: Authority, client_id: str, secret: str) -> Identity:
    if client_id in authority.clients:
        if matches(authority.clients[client_id], secret):
            return Identity(service_id(client_id), "service")
    elif (key := _uuid(client_id)) and await _is_key(pool, key, secret):
        return Identity(key, "integration")
    raise TokenRefused("invalid_client", "The client is unknown, or its secret is wrong or has expired.")


async def _is_key(pool: Pool, client_id: UUID, secret: str) -> bool:
    async def work(tx: Tx) -> bytes | None:
        await as_system(tx)
        return await store.find_secret(tx, client_id, datetime.now(UTC))

    kept = await in_transaction(pool, work, readonly=True)
    given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    return kept is not None and hmac.compare_digest(kept, given)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
