"""The demonstration's territory, as territory.yaml writes it."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict
from stdnum import luhn


class Part(BaseModel):
    """A part of the file; what it doesn't know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoleEntry(Part):
    """A pole and the keys of its partners."""

    name: str
    commune: str
    partners: list[str]


class OrganisationEntry(Part):
    """An invented organisation, a member of one pole; one person manages it."""

    name: str
    pole: str
    commune: str
    activities: list[str]
    language: Literal["fr", "en"]


class ResourceEntry(Part):
    """Something that an organisation shares, all year round."""

    organisation: str
    title: str
    characteristics: dict[str, Any]
    ring: str
    price: dict[str, int]


class Territory(Part):
    """The whole file."""

    poles: dict[str, PoleEntry]
    organisations: dict[str, OrganisationEntry]
    resources: list[ResourceEntry]


@cache
def territory() -> Territory:
    """The territory to show."""
    return Territory.model_validate(yaml.safe_load((files(__package__) / "territory.yaml").read_text("utf-8")))


def invented_siret(number: int) -> str:
    """A SIRET with right keys for the number-th invented organisation, 0 ≤ number < 10⁶.

    SIREN and SIRET end in a Luhn digit (INSEE; ISO/IEC 7812-1).
    """
    siren = f"99{number:06d}"
    siren += luhn.calc_check_digit(siren)
    siret = f"{siren}0001"
    return siret + luhn.calc_check_digit(siret)
