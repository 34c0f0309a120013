"""What an organisation offers, from its first offer to its withdrawal."""

from chassis.errors import Invalid, Stale
from pooling.domain.refusals import ResourceIsWithdrawn
from schemas.event import Event
from schemas.pooling import Resource, ResourceChanged, ResourceOffered, ResourceStatus, ResourceWithdrawn


def changed(before: Resource, after: Resource, expected_version: int) -> tuple[Resource, list[Event]]:
    """New terms for an offer of the same kind; the same terms again change nothing.

    Raises Stale, ResourceIsWithdrawn, and Invalid for another kind: who booked a vehicle must not find premises.
    """
    if before.version != expected_version:
        raise Stale(version=before.version)
    if before.status is ResourceStatus.WITHDRAWN:
        raise ResourceIsWithdrawn
    if after == before:
        return before, []
    if (kind := before.characteristics.kind) != after.characteristics.kind:
        raise Invalid(field="characteristics.kind", rule=f"must stay {kind}: withdraw this resource, and offer another")
    after = after.model_copy(update={"version": before.version + 1})
    return after, [ResourceChanged(resource=after)]


def offered(resource: Resource) -> list[Event]:
    """What an offer says."""
    return [ResourceOffered(resource=resource)]


def withdrawn(resource: Resource) -> tuple[Resource, list[Event]]:
    """The end of an offer; twice changes nothing."""
    if resource.status is ResourceStatus.WITHDRAWN:
        return resource, []
    gone = resource.model_copy(update={"status": ResourceStatus.WITHDRAWN, "version": resource.version + 1})
    return gone, [ResourceWithdrawn(resource=gone)]
