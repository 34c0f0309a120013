"""What the contracts of pooling share."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

Cents = Annotated[int, Field(ge=0, description="EUR cents.")]


class Kind(StrEnum):
    """What can be pooled."""

    VEHICLE = "vehicle"
    PREMISES = "premises"
    STAFF = "staff"
