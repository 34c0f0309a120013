"""Offering, changing and withdrawing resources."""

from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from chassis import communes, outbox
from chassis.access import Scope
from chassis.db import Tx, as_system, new_id
from chassis.errors import NotFound, Stale
from chassis.http import Page, Window
from pooling.domain import resources as offers
from pooling.domain.periods import normalised
from pooling.domain.refusals import NotAMember
from pooling.handlers import unfolding
from pooling.handlers.commands import ChangeResource, Commune, OfferResource, ResourceTerms, Versioned
from pooling.store import projections
from pooling.store import resources as kept
from schemas.event import Period, Place
from schemas.pooling import CancelledBy, Characteristics, Kind, Resource, ResourceStatus

_characteristics: TypeAdapter[Characteristics] = TypeAdapter(Characteristics)


async def offer(tx: Tx, scope: Scope, command: OfferResource, now: datetime) -> Resource:
    """Offer something of an own organisation in a pole where it is a member."""
    scope.require_organisation(command.organisation_id)
    if (command.organisation_id, command.pole_id) not in scope.memberships:
        raise NotAMember
    resource = Resource(
        id=new_id(),
        version=1,
        pole_id=command.pole_id,
        organisation_id=command.organisation_id,
        status=ResourceStatus.OFFERED,
        **_terms(command, now),
    )
    stay = await projections.share_membership(tx, command.organisation_id, command.pole_id)
    await kept.insert(tx, stay, resource)
    await outbox.append(tx, offers.offered(resource))
    return resource


async def change(tx: Tx, scope: Scope, command: ChangeResource, now: datetime) -> Resource:
    """Give an own resource new terms; bookings that were made stay."""
    before = (await kept.lock(tx, scope, [command.id])).get(command.id)
    if before is None:
        raise NotFound
    after = before.model_copy(update=_terms(command.terms, now))
    resource, events = offers.changed(before, after, command.expected_version)
    if events:
        await kept.save(tx, resource)
        await outbox.append(tx, events)
    return resource


async def withdraw(tx: Tx, scope: Scope, command: Versioned, now: datetime) -> Resource:
    """End an own offer: its matches are withdrawn, and its bookings to come cancelled."""
    seen = await kept.get(tx, scope, command.id)
    scope.require_organisation(seen.organisation_id)
    await as_system(tx)
    unfolded = await unfolding.lock(tx, now, withdrawing=[command.id])
    if unfolded.resources[command.id].version != command.expected_version:
        raise Stale(version=unfolded.resources[command.id].version)
    unfolded.withdraw_resource(command.id, CancelledBy.RESOURCE_WITHDRAWN)
    await unfolding.save(tx, unfolded)
    return unfolded.resources[command.id]


async def page(
    tx: Tx, scope: Scope, kind: Kind | None, organisation_id: UUID | None, pole_id: UUID | None, window: Window
) -> Page[Resource]:
    """The resources that the caller may see."""
    return window.page(await kept.visible(tx, scope, kind, organisation_id, pole_id, window.fetch, window.after))


async def read(tx: Tx, scope: Scope, resource_id: UUID) -> Resource:
    """A resource that the caller may see. Raises NotFound."""
    return await kept.get(tx, scope, resource_id)


async def free(tx: Tx, scope: Scope, resource_id: UUID) -> tuple[Period, ...]:
    """When a resource that the caller may see is free. Raises NotFound."""
    await kept.get(tx, scope, resource_id)
    return await kept.free(tx, resource_id)


def place(commune: Commune, field: str = "commune") -> Place:
    """Where a commune is; raises Invalid naming `field`."""
    found = communes.find(commune, field)
    return Place(commune=found.insee, name=found.name, latitude=found.latitude, longitude=found.longitude)


def _terms(terms: ResourceTerms, now: datetime) -> dict[str, object]:
    return {
        "title": terms.title,
        "characteristics": _characteristics.validate_python(terms.characteristics.model_dump()),
        "place": place(terms.commune),
        "ring": terms.ring,
        "price": terms.price.price(),
        "availability": normalised((each.period() for each in terms.availability), now),
    }
