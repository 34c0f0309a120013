"""The checker's rules about proposals and plans notice each way to be wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncpg import Range

from tests.resilience.checker import plans
from tests.resilience.evidence import Evidence, Row
from tests.resilience.ledger import Entry

DAY = datetime(2026, 12, 1, tzinfo=UTC)
Case = dict[str, Any]


def period(start: int, end: int) -> dict[str, str]:
    """From one hour to another, as events tell it."""
    return {name: (DAY + timedelta(hours=hour)).isoformat() for name, hour in (("start", start), ("end", end))}


def span(start: int, end: int) -> "Range[datetime]":
    """The same, as the database has it."""
    return Range(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def match(version: int, status: str, start: int = 8, end: int = 10) -> Case:
    """The match of the line with the van."""
    return {
        "id": "match",
        "version": version,
        "status": status,
        "request_id": "request",
        "line_id": "line",
        "requester_organisation_id": "asker",
        "owner_organisation_id": "owner",
        "resource_id": "van",
        "period": period(start, end),
        "distance_m": 0,
        "price_cents": 100,
        "score": 900,
        "reasons": [],
    }


def booking(version: int, status: str, start: int, end: int) -> Case:
    """Somebody's booking of the van."""
    return {
        "id": "booking",
        "version": version,
        "status": status,
        "resource_id": "van",
        "period": period(start, end),
    }


def right() -> Case:
    """A match that moved after a booking's end, was told in a plan, and stands with its slot."""
    return {
        "said": [
            {"match": match(1, "proposed")},
            {"booking": booking(1, "held", 10, 12)},
            {"match": match(2, "withdrawn")},
            {"booking": booking(2, "cancelled", 10, 12)},
            {"match": match(3, "proposed", 10, 12)},
        ],
        "told": [
            {"line_id": "line", "status": "planned", "match": match(3, "proposed", 10, 12), "alternatives": []},
        ],
        "match": [match(3, "proposed", 10, 12) | {"period": span(10, 12)}],
        "plan_slot": [{"line_id": "line", "resource_id": "van", "period": span(10, 12)}],
        "booking": [{"id": "another", "status": "held", "resource_id": "van", "period": span(12, 14)}],
        "request": [{"id": "request", "status": "open"}],
        "request_line": [{"id": "line", "request_id": "request"}],
    }


def evidence(case: Case) -> Evidence:
    """The case as a run leaves it behind."""
    outbox: list[Row] = [
        {
            "topic": plans.MATCHES if "match" in said else plans.BOOKINGS,
            "key": next(iter(said.values()))["id"],
            "position": position,
            "data": json.dumps(said),
        }
        for position, said in enumerate(case["said"], 1)
    ]
    rows = {name: case[name] for name in ("match", "plan_slot", "booking", "request", "request_line")}
    told: list[Entry] = [{"plan": "request", "items": case["told"]}]
    return Evidence(
        began=0,
        intents=[],
        poisons=[],
        tables={"pooling": {"outbox": outbox, **rows}},
        records=[],
        offsets=[],
        mails=[],
        hooks=[],
        reads=[],
        plans=told,
        deaths={},
        database_deaths=0,
    )


def broken(case: Case) -> dict[str, tuple[str, ...]]:
    """By rule, what is wrong."""
    verdicts = [rule(evidence(case)) for rule in plans.RULES]
    return {each.rule: each.violations for each in verdicts if not each.holds}


def told(**changes: object) -> Callable[[Case], None]:
    """The plan told the match otherwise."""
    return lambda case: case["told"][0]["match"].update(changes)


WRONG: dict[str, tuple[Callable[[Case], object], str, str]] = {
    "withdrawn twice": (
        lambda case: case["said"].insert(3, {"match": match(3, "withdrawn")}),
        "alternate",
        "withdrawn after withdrawn",
    ),
    "never proposed": (lambda case: case["said"].pop(0), "alternate", "withdrawn after None"),
    "said again": (
        lambda case: case["said"].insert(1, {"match": match(2, "proposed")}),
        "alternate",
        "says what 1 said",
    ),
    "kept in another status": (lambda case: case["match"][0].update(status="withdrawn"), "alternate", "otherwise"),
    "kept for another time": (lambda case: case["match"][0].update(period=span(8, 10)), "alternate", "otherwise"),
    "proposed while it was held": (lambda case: case["said"].pop(3), "was free", "while booking stood"),
    "told a match that nobody said": (told(id="another"), "plans tell", "never said so"),
    "told another time": (told(period=period(8, 10)), "plans tell", "never said so"),
    "told another request's": (told(request_id="another"), "plans tell", "another line's"),
    "told as planned what is booked": (told(status="taken"), "plans tell", "planned, its match taken"),
    "told as planned without a match": (lambda case: case["told"][0].update(match=None), "plans tell", "match none"),
    "told an older version": (
        lambda case: case["told"].append(case["told"][0] | {"match": match(1, "proposed")}),
        "plans tell",
        "version 1 after version 3",
    ),
    "given to two": (
        lambda case: case["plan_slot"].append({"line_id": "line", "resource_id": "van", "period": span(11, 13)}),
        "planned times",
        "overlap",
    ),
    "given and booked": (lambda case: case["booking"][0].update(period=span(11, 13)), "planned times", "overlap"),
    "given to a request that is over": (
        lambda case: case["request"][0].update(status="withdrawn"),
        "planned times",
        "nobody asks",
    ),
    "given, but not proposed": (lambda case: case["match"][0].update(status="taken"), "planned times", "not proposed"),
}


def test_what_is_right_holds() -> None:
    assert broken(right()) == {}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_plan_is_noticed(name: str) -> None:
    harm, rule, says = WRONG[name]
    case = right()
    harm(case)

    found = [fault for title, faults in broken(case).items() if rule in title for fault in faults]

    assert any(says in fault for fault in found), broken(case)
