"""What the search compares: the offers in a window, and who asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from schemas.event import Period, Place
from schemas.pooling import Price, Ring


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
