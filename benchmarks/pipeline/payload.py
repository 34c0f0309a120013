"""The events that every measurement sends: real ones of the catalogue, on a topic of the measurement's own."""

import random
from collections.abc import Iterator
from functools import cache
from typing import cast
from uuid import UUID

from schemas.membership import Member, MemberJoined, Standing

SERVICE = "bench"
"""The service that the topics belong to."""


@cache
def event_type(topic: str) -> type[MemberJoined]:
    """`MemberJoined` as this topic's event."""
    return cast("type[MemberJoined]", type("MemberJoined", (MemberJoined,), {"TOPIC": topic, "__module__": __name__}))


def events(topic: str, count: int, seed: int) -> Iterator[MemberJoined]:
    """So many events, each of another aggregate; the same for the same seed. Some 200 bytes of data each."""
    ids = random.Random(seed)  # noqa: S311 - repeatable
    model = event_type(topic)
    for _ in range(count):
        yield model(
            member=Member(id=_id(ids), version=1, pole_id=_id(ids), organisation_id=_id(ids), standing=Standing.JOINED)
        )


def _id(ids: random.Random) -> UUID:
    return UUID(int=ids.getrandbits(128), version=4)
