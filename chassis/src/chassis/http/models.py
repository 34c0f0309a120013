"""What requests and answers are made of: commands, pages, cursors."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import core_schema

from chassis.errors import Invalid

MAX_TEXT = 10_000
"""Characters in any text of a command that has no smaller limit of its own."""


class Raw:
    """A JSON body not parsed yet: a command validates it from its bytes, strictly."""

    def __init__(self, body: bytes) -> None:
        self.body = body


class Part(BaseModel):
    """A part of a command. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=MAX_TEXT, allow_inf_nan=False)


class Command(Part):
    """What a request asks for. Unknown fields are refused, and nothing is coerced: "5" is no number, 1 no date."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """From JSON as ever; from a `Raw` body strictly from its bytes, where strict knows what JSON can't say."""
        schema = handler(source)

        def from_python(value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return cls.model_validate_json(value.body, strict=True) if isinstance(value, Raw) else validate(value)

        python = core_schema.no_info_wrap_validator_function(from_python, schema)
        return core_schema.json_or_python_schema(json_schema=schema, python_schema=python)


class Identified(Protocol):
    """Has an id."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T")
I = TypeVar("I", bound=Identified)  # noqa: E741 - the usual letter


class Page(BaseModel, Generic[T]):
    """A part of a list, and the cursor of what comes after it, if anything does."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for: at most `limit` items, after the one with the id `after`."""

    limit: int = 20
    after: UUID | None = None

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than asked for tells whether more follow."""
        return self.limit + 1

    def page(self, found: Sequence[I]) -> "Page[I]":
        """The page made of up to `fetch` items in the list's order."""
        items = list(found[: self.limit])
        more = len(found) > self.limit
        return Page(items=items, next=cursor(items[-1].id) if more else None)


def cursor(last: UUID) -> str:
    """The opaque cursor of what comes after the item with this id."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


async def _window(
    limit: Annotated[int, Query(ge=1, le=100, description="How many items at most.")] = 20,
    after: Annotated[str | None, Query(max_length=64, description="The `next` of the page before.")] = None,
) -> Window:
    try:
        return Window(limit, UUID(bytes=base64.urlsafe_b64decode(after + "==")) if after else None)
    except ValueError:
        raise Invalid(field="after", rule="must be the `next` of a page") from None


Windowed = Annotated[Window, Depends(_window)]
"""Put it among a list's parameters: `?limit=` and `&after=`."""
