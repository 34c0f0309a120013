"""Signing up and in, oneself, and the contact details that other services may ask for."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request, Response

from chassis.access import Identity
from chassis.db import Pool, Tx, as_system, in_transaction
from chassis.errors import Unauthenticated
from chassis.http import Changes, Edge, Reads, Router
from chassis.http.problem import problem
from membership import passwords
from membership.authority import Authority, Token
from membership.domain.people import (
    EmailTaken,
    SignInRefused,
    TooManyAttempts,
    checked_password,
    composed,
    normalised_email,
)
from membership.handlers import people as handlers
from membership.store import people as store

router = Router(tags=["people"])


@router.post("/v1/people", status_code=201, response_model=handlers.SignedUp)
async def sign_up(request: Request, response: Response, command: handlers.SignUp) -> handlers.SignedUp | Response:
    """Open an account. Sent again with the same address and password, it answers the same account.

    Needs no Idempotency-Key, and keeps none: a hash of the request would be one of the password.
    """
    email, password = normalised_email(command.email), checked_password(command.password)
    try:
        _authority(request).throttle.attempt(email, _address(request))
    except TooManyAttempts as error:
        return _later(request, error)
    newcomer = handlers.Newcomer(email, command.name, command.language, await passwords.hashed(password))
    person = await _signed_up(request.app.state.ground.pool, newcomer, password)
    response.headers["ETag"] = f'"{person.version}"'
    return person


@router.post("/v1/sign-in", response_model=Token)
async def sign_in(request: Request, response: Response, command: handlers.SignIn) -> Token | Response:
    """Exchange an e-mail address and its password for a token of 15 minutes."""
    authority, email = _authority(request), normalised_email(command.email)
    try:
        authority.throttle.attempt(email, _address(request))
    except TooManyAttempts as error:
        return _later(request, error)
    account = await _account(request.app.state.ground.pool, email)
    matches = await passwords.verified(composed(command.password), account.password_hash if account else None)
    if account is None or not matches:
        raise SignInRefused
    authority.throttle.succeeded(email, _address(request))
    response.headers["Cache-Control"] = "no-store"
    return authority.token(Identity(account.person.id, "person"))


@router.get("/v1/me")
async def me(edge: Reads) -> handlers.Me:
    """Who calls, and what they may do."""
    return await edge.read(handlers.read_me, _identity(edge))


@router.delete("/v1/people/{person_id}", status_code=204)
async def erase(edge: Changes, person_id: UUID) -> Response:
    """Delete oneself: all personal data at once, all rights with it."""
    return await edge.change(handlers.erase, handlers.Erasure(person_id, edge.expected_version))


@router.get("/v1/people/{person_id}/contact")
async def contact(edge: Reads, person_id: UUID) -> handlers.Contact:
    """A person's address and language: for other services, to send to, not to keep."""
    return await edge.read(handlers.read_contact, _identity(edge), person_id)


async def _signed_up(pool: Pool, newcomer: handlers.Newcomer, password: str) -> handlers.SignedUp:
    async def work(tx: Tx) -> handlers.SignedUp:
        await as_system(tx)
        return await handlers.sign_up(tx, newcomer, datetime.now(UTC))

    try:
        return await in_transaction(pool, work)
    except EmailTaken:
        account = await _account(pool, newcomer.email)
        if account is None or not await passwords.verified(password, account.password_hash):
            raise
        return handlers.signed_up(account.person)


async def _account(pool: Pool, email: str) -> store.Account | None:
    async def work(tx: Tx) -> store.Account | None:
        await as_system(tx)
        return await store.find_account(tx, email)

    return await in_transaction(pool, work, readonly=True)


def _authority(request: Request) -> Authority:
    authority: Authority = request.app.state.authority
    return authority


def _identity(edge: Edge) -> Identity:
    if edge.identity is None:
        raise Unauthenticated
    return edge.identity


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _later(request: Request, error: TooManyAttempts) -> Response:
    headers = {"Retry-After": str(error.extra["retry_after"])}
    return problem(
        error.status, error.code, error.message, instance=request.url.path, extra=error.extra, headers=headers
    )
