"""Organisations, the people who act for them, their API keys."""

import hashlib
import secrets
from uuid import UUID

from fastapi import Response

from chassis.errors import Forbidden
from chassis.http import Changes, Creates, Reads, Router
from membership.handlers import organisations as handlers

router = Router(tags=["organisations"])


@router.post("/v1/organisations", status_code=201, response_model=handlers.OrganisationSeen)
async def register(edge: Creates, command: handlers.RegisterOrganisation) -> Response:
    """Register an organisation; the caller becomes its first manager."""
    if edge.identity is None or edge.identity.kind != "person":
        raise Forbidden
    return await edge.create(handlers.register, command)


@router.get("/v1/organisations/{organisation_id}", response_model_exclude_none=True)
async def read(edge: Reads, organisation_id: UUID) -> handlers.OrganisationSeen:
    """An organisation; who acts for it and its API keys are told to its own people only."""
    return await edge.read(handlers.read, organisation_id)


@router.put("/v1/organisations/{organisation_id}/people/{person_id}", response_model=handlers.OrganisationSeen)
async def grant(edge: Changes, organisation_id: UUID, person_id: UUID, command: handlers.GrantRight) -> Response:
    """Give a person a role in an organisation, as its manager."""
    right = handlers.SetRight(organisation_id, edge.expected_version, person_id, command.role)
    return await edge.change(handlers.set_right, right)


@router.delete("/v1/organisations/{organisation_id}/people/{person_id}", response_model=handlers.OrganisationSeen)
async def revoke(edge: Changes, organisation_id: UUID, person_id: UUID) -> Response:
    """Take a person out of an organisation, as its manager or as that person."""
    right = handlers.SetRight(organisation_id, edge.expected_version, person_id, None)
    return await edge.change(handlers.set_right, right)


@router.post("/v1/organisations/{organisation_id}/api-keys", status_code=201, response_model=handlers.KeyCreated)
async def create_key(edge: Creates, organisation_id: UUID, command: handlers.CreateKey) -> Response:
    """Create an API key, as a manager. Its secret is in this answer only; the kept answer is without it."""
    secret = secrets.token_urlsafe(32)
    key = handlers.NewKey(organisation_id, command, hashlib.sha256(secret.encode()).digest())
    answer = await edge.create(handlers.create_key, key)
    if "Idempotent-Replayed" in answer.headers:
        return answer
    created = handlers.KeyCreated.model_validate_json(bytes(answer.body))
    shown = created.model_copy(update={"client_secret": secret}).model_dump_json()
    return Response(shown, 201, {"Cache-Control": "no-store"}, "application/json")


@router.delete("/v1/organisations/{organisation_id}/api-keys/{client_id}", response_model=handlers.OrganisationSeen)
async def revoke_key(edge: Changes, organisation_id: UUID, client_id: UUID) -> Response:
    """Take an API key back, as a manager; tokens that it got go on for 15 minutes at most."""
    return await edge.change(handlers.revoke_key, handlers.RevokeKey(organisation_id, edge.expected_version, client_id))
