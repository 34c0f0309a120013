"""The envelope: what every event carries, whatever happened.

CloudEvents 1.0 (https://github.com/cloudevents/spec, v1.0.2): binary mode on Kafka, structured mode elsewhere.
"""

import re
from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_EVENT_BYTES = 64 * 1024
"""The largest event data, in bytes of UTF-8 JSON."""
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def dataschema(type_: str) -> str:
    """The CloudEvents `dataschema` of an event type, which is the `$id` of its JSON Schema."""
    return f"urn:polepool:schema:{type_}"


def _as_written(value: object) -> object:
    """Read what RFC 3339 allows: pydantic takes "42" for a time too, which the published JSON Schema does not."""
    if not isinstance(value, str):
        return value
    if not _WRITTEN.fullmatch(value):
        raise ValueError("must be a time with its offset from UTC, as 2026-11-05T09:00:00Z")
    return datetime.fromisoformat(value.upper())


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""A time with its offset from UTC; in JSON as RFC 3339 writes it."""


class Contract(BaseModel):
    """A part of the published language. Readers ignore fields that they don't know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="iso8601")


class State(Contract):
    """The whole public state of an aggregate after an event: a projection is "upsert if the version is newer"."""

    id: UUID
    version: Annotated[int, Field(ge=1, description="1 for the aggregate's first event, then one more for each.")]


class Event(Contract):
    """Something that happened, with the state of its aggregate afterwards."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    @property
    def aggregate(self) -> State:
        """The state that the event carries; its id is the record's key and the CloudEvent's subject."""
        raise NotImplementedError

    def data(self) -> bytes:
        """The event's data as UTF-8 JSON, without absent optional fields."""
        return self.model_dump_json(exclude_none=True).encode()


class Period(Contract):
    """A half-open period [start, end), in UTC."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        """Refuse a period that is empty or turned around."""
        if self.end <= self.start:
            raise ValueError("a period must end after it starts")
        return self


class Text(Contract):
    """A sentence for people, in each language of the interface."""

    fr: str
    en: str


class Place(Contract):
    """Where something is: a French commune by INSEE code, with coordinates in degrees (WGS 84)."""

    commune: Annotated[str, Field(pattern=r"^(\d{2}|2[AB])\d{3}$", description="INSEE code, not the postal code.")]
    name: str
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Envelope(Contract):
    """A CloudEvent's attributes as Polepool uses them."""

    id: UUID
    source: str
    type: str
    subject: str
    time: Moment
    dataschema: str | None = None
    traceparent: str | None = None
