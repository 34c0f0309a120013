"""What forms offer to choose from: communes and activities. Open to anybody."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from chassis import communes
from chassis.http import Router
from membership.domain.activities import LABELS, Activity
from schemas.event import Text

router = Router(tags=["reference"])


class CommuneFound(BaseModel):
    """A commune; `commune` is its INSEE code, `department` that of its department."""

    commune: str
    name: str
    department: str
    latitude: float
    longitude: float


class ActivityKnown(BaseModel):
    """A sector."""

    code: Activity
    label: Text


@router.get("/v1/communes")
async def find_communes(
    q: Annotated[str, Query(min_length=1, max_length=100, description="How a word of its name begins.")],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> list[CommuneFound]:
    """Communes of France by name, the most populated first."""
    return [
        CommuneFound(
            commune=found.insee,
            name=found.name,
            department=found.department,
            latitude=found.latitude,
            longitude=found.longitude,
        )
        for found in communes.search(q, limit)
    ]


@router.get("/v1/activities")
async def list_activities() -> list[ActivityKnown]:
    """The sectors that organisations and projects can name."""
    return [ActivityKnown(code=code, label=label) for code, label in LABELS.items()]
