"""What a resource has and what a request's line may ask for, in the same words."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chassis.errors import Invalid
from schemas.pooling import Characteristics, Energy, Kind, Premises, Skill, Staff, Vehicle


class Vocabulary(NamedTuple):
    """The words for a kind: what is there or not, and what is measured."""

    features: tuple[str, ...]
    measures: tuple[str, ...]


VOCABULARY: dict[Kind, Vocabulary] = {
    Kind.VEHICLE: Vocabulary(("ramp", "tow_bar", *Energy), ("seats", "child_seats", "payload_kg")),
    Kind.PREMISES: Vocabulary(("accessible", "projector", "kitchen", "internet"), ("capacity", "area_m2")),
    Kind.STAFF: Vocabulary((*Skill, "remote"), ()),
}


def features(what: Characteristics) -> tuple[str, ...]:
    """What the resource has, in the vocabulary's order."""
    has = {name for name in VOCABULARY[what.kind].features if getattr(what, name, False) is True}
    if isinstance(what, Vehicle):
        has.add(what.energy.value)
    if isinstance(what, Staff):
        has.update(skill.value for skill in what.skills)
    return tuple(str(name) for name in VOCABULARY[what.kind].features if name in has)


def measures(what: Characteristics) -> dict[str, int]:
    """The resource's measured characteristics."""
    if isinstance(what, Vehicle | Premises):
        return {name: getattr(what, name) for name in VOCABULARY[what.kind].measures}
    return {}


def check(kind: Kind, wanted: Iterable[str], at_least: Mapping[str, int], where: str) -> None:
    """Raise Invalid, naming the field below `where` and the allowed values, unless the kind knows all these words."""
    known = VOCABULARY[kind]
    for name in wanted:
        if name not in known.features:
            raise Invalid(field=f"{where}.features", rule=f"for {kind.value}: one of {', '.join(known.features)}")
    for name in at_least:
        if name not in known.measures:
            allowed = f"one of {', '.join(known.measures)}" if known.measures else "nothing is measured"
            raise Invalid(field=f"{where}.at_least", rule=f"for {kind.value}: {allowed}")
