"""Bookings: an interval sweep that knows neither SQL nor the constraint, and the free time counted again."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.resilience.evidence import Evidence, Row, parsed
from tests.resilience.verdict import Verdict, verdict

LIVE = ("held", "confirmed")
Span = tuple[datetime, datetime]


def no_two_overlap(evidence: Evidence) -> Verdict:
    """Of the bookings that stand at the end, no two of a resource overlap."""
    by_resource: dict[Any, list[tuple[Span, Any]]] = defaultdict(list)
    live = [row for row in evidence.tables["pooling"]["booking"] if row["status"] in LIVE]
    for row in live:
        by_resource[row["resource_id"]].append(((row["period"].lower, row["period"].upper), row["id"]))
    wrong = []
    for spans in by_resource.values():
        spans.sort()
        wrong += [
            f"{one} and {other} overlap" for ((_, end), one), ((start, _), other) in pairwise(spans) if start < end
        ]
    return verdict("no two bookings overlap", len(live), wrong)


def no_two_ever_overlapped(evidence: Evidence) -> Verdict:
    """Nor did any two at any time, as the event log tells it."""
    live: dict[str, dict[str, Span]] = defaultdict(dict)
    wrong, checked = [], 0
    for row in evidence.outbox("pooling"):
        if row["topic"] != "polepool.pooling.bookings":
            continue
        booking = parsed(row["data"])["booking"]
        standing = live[booking["resource_id"]]
        if booking["status"] not in LIVE:
            standing.pop(booking["id"], None)
            continue
        span = (_time(booking["period"]["start"]), _time(booking["period"]["end"]))
        checked += 1
        wrong += [
            f"{booking['id']} was {booking['status']} while {other} stood"
            for other, (start, end) in standing.items()
            if other != booking["id"] and start < span[1] and span[0] < end
        ]
        standing[booking["id"]] = span
    return verdict("no two bookings ever overlapped", checked, wrong)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def free_time_is_what_bookings_leave(evidence: Evidence) -> Verdict:
    """Each resource's free-time row is its availability without its live bookings."""
    tables = evidence.tables["pooling"]
    taken: dict[Any, list[Span]] = defaultdict(list)
    for row in tables["booking"]:
        if row["status"] in LIVE:
            taken[row["resource_id"]].append((row["period"].lower, row["period"].upper))
    free = {row["resource_id"]: _spans(row["free"]) for row in tables["resource_free"]}
    wrong = [
        f"resource {row['id']}: free {len(free.get(row['id'], []))} spans, should be {len(left)}"
        for row in tables["resource"]
        if (left := _minus(_spans(row["availability"]), taken[row["id"]])) != free.get(row["id"])
    ]
    return verdict("free time is what bookings leave", len(tables["resource"]), wrong)


def _spans(multirange: Any) -> list[Span]:
    return sorted((each.lower, each.upper) for each in multirange)


def _minus(spans: list[Span], taken: list[Span]) -> list[Span]:
    for start, end in sorted(taken):
        spans = [
            part
            for low, high in spans
            for part in ((low, min(high, start)), (max(low, end), high))
            if part[0] < part[1] and (part[1] <= start or part[0] >= end)
        ]
    return sorted(spans)


def each_line_is_booked_once(evidence: Evidence) -> Verdict:
    """No line of a request has two live bookings."""
    lines: dict[Any, list[Row]] = defaultdict(list)
    for row in evidence.tables["pooling"]["booking"]:
        if row["line_id"] is not None and row["status"] in LIVE:
            lines[row["line_id"]].append(row)
    wrong = [f"line {line}: {len(rows)} live bookings" for line, rows in lines.items() if len(rows) > 1]
    return verdict("each line is booked once", len(lines), wrong)


RULES = (no_two_overlap, no_two_ever_overlapped, free_time_is_what_bookings_leave, each_line_is_booked_once)
