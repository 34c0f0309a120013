"""Rows to domain values."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from asyncpg import Range
from asyncpg import Record as Row

from schemas.event import Period, Place

Span: TypeAlias = "Range[datetime]"

__all__ = ["Row", "Span", "period", "periods", "place", "span", "spans"]


def period(span: Span) -> Period:
    """A bounded range as a period; the database has seen to its order."""
    assert span.lower is not None  # noqa: S101 - all that is kept is bounded
    assert span.upper is not None  # noqa: S101
    return Period.model_construct(start=span.lower, end=span.upper)


def periods(spans: Iterable[Span]) -> tuple[Period, ...]:
    """A multirange as periods, in order."""
    return tuple(period(span) for span in spans)


def span(period: Period) -> Span:
    """A period as a range [)."""
    return Range(period.start, period.end)


def spans(periods: Iterable[Period]) -> list[Span]:
    """Periods as a multirange."""
    return [span(each) for each in periods]


def place(row: Row | Mapping[str, Any]) -> Place:
    """Where a row's thing is."""
    return Place.model_construct(
        commune=row["commune"], name=row["place"], latitude=row["latitude"], longitude=row["longitude"]
    )
