"""What the search compares: the offers in a window, and who asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pooling.domain import needs
from schemas.event import Period, Place
from schemas.pooling import Price, Resource, Ring


@dataclass(frozen=True, slots=True)
class Asker:
    """For which organisation, in which pole, something is looked for."""

    pole_id: UUID
    organisation_id: UUID


@dataclass(frozen=True, slots=True)
class Offer:
    """A resource as the search sees it; `free` and `offered` are its periods inside the window that is searched."""

    id: UUID
    version: int
    pole_id: UUID
    organisation_id: UUID
    title: str
    place: Place
    ring: Ring
    price: Price
    features: Sequence[str]
    measures: Mapping[str, int]
    free: Sequence[Period]
    offered: Sequence[Period]


def offer_of(resource: Resource) -> Offer:
    """A resource as an offer; of its free time nothing is known."""
    return Offer(
        id=resource.id,
        version=resource.version,
        pole_id=resource.pole_id,
        organisation_id=resource.organisation_id,
        title=resource.title,
        place=resource.place,
        ring=resource.ring,
        price=resource.price,
        features=needs.features(resource.characteristics),
        measures=needs.measures(resource.characteristics),
        free=(),
        offered=resource.availability,
    )
