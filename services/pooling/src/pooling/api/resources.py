"""Resources: offering, changing, withdrawing, and when they are free."""

from uuid import UUID

from fastapi import Response

from chassis.http import Changes, Creates, Page, Reads, Router, Windowed
from pooling.handlers import resources as handlers
from pooling.handlers.answers import Free
from pooling.handlers.commands import ChangeResource, OfferResource, ResourceTerms, Versioned
from schemas import pooling as said

router = Router(tags=["resources"])


@router.post("/v1/resources", status_code=201, response_model=said.Resource)
async def offer(edge: Creates, command: OfferResource) -> Response:
    """Offer a vehicle, premises or staff of an own organisation, in a pole where it is a member."""
    return await edge.create(handlers.offer, command)


@router.get("/v1/resources")
async def list_(
    edge: Reads,
    window: Windowed,
    kind: said.Kind | None = None,
    organisation_id: UUID | None = None,
    pole_id: UUID | None = None,
) -> Page[said.Resource]:
    """The resources that the caller may see, the newest first."""
    return await edge.read(handlers.page, kind, organisation_id, pole_id, window)


@router.get("/v1/resources/{resource_id}")
async def read(edge: Reads, resource_id: UUID) -> said.Resource:
    """A resource that the caller may see."""
    return await edge.read(handlers.read, resource_id)


@router.get("/v1/resources/{resource_id}/free")
async def free(edge: Reads, resource_id: UUID) -> Free:
    """When a resource is free; by whom it is booked otherwise is not told."""
    return Free(items=list(await edge.read(handlers.free, resource_id)))


@router.put("/v1/resources/{resource_id}", response_model=said.Resource)
async def change(edge: Changes, resource_id: UUID, command: ResourceTerms) -> Response:
    """Give an own resource new terms; its kind stays (422), and so do bookings that were made."""
    return await edge.change(handlers.change, ChangeResource(resource_id, edge.expected_version, command))


@router.post("/v1/resources/{resource_id}/withdrawal", response_model=said.Resource)
async def withdraw(edge: Changes, resource_id: UUID) -> Response:
    """End an own offer: its matches are withdrawn, and its bookings to come cancelled."""
    return await edge.change(handlers.withdraw, Versioned(resource_id, edge.expected_version))
