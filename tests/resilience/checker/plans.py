"""Proposals and plans: what was told was said, was free when it was said, and the end is as the last word on it."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.resilience.evidence import Evidence, Row, parsed
from tests.resilience.verdict import Verdict, verdict

BOOKINGS, MATCHES = "polepool.pooling.bookings", "polepool.pooling.matches"
LIVE = ("held", "confirmed")
FOLLOWS = {
    None: {"proposed"},
    "proposed": {"proposed", "withdrawn", "taken"},
    "taken": {"proposed", "withdrawn"},
    "withdrawn": {"proposed"},
}
"""Which status of a match may come after which."""
STANDS = {"planned": "proposed", "booked": "taken"}
"""The status of the match by which a line of a plan has its place."""
Span = tuple[datetime, datetime]


def _said(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """The states of each match that were said, in order."""
    said: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in evidence.outbox("pooling"):
        if row["topic"] == MATCHES:
            said[str(row["key"])].append(parsed(row["data"])["match"])
    return said


def proposals_end_as_said(evidence: Evidence) -> Verdict:
    """A match is proposed first and withdrawn only when it stands; its row is as it was said last."""
    said = _said(evidence)
    wrong = []
    for id_, states in said.items():
        statuses = [None, *(each["status"] for each in states)]
        wrong += [
            f"match {id_}: {after} after {before}"
            for before, after in pairwise(statuses)
            if after not in FOLLOWS[before]
        ]
        wrong += [
            f"match {id_}: version {after['version']} says what {before['version']} said"
            for before, after in pairwise(states)
            if before | {"version": after["version"]} == after
        ]
    rows = evidence.tables["pooling"]["match"]
    wrong += [
        f"match {row['id']}: kept otherwise than it was said last"
        for row in rows
        if not _is(row, said.get(str(row["id"]), [{}])[-1])
    ]
    return verdict("proposals and withdrawals alternate, and end as said", len(rows), wrong)


def _is(row: Row, state: dict[str, Any]) -> bool:
    plain = ("version", "status", "distance_m", "price_cents", "score")
    ids = ("id", "request_id", "line_id", "resource_id", "requester_organisation_id", "owner_organisation_id")
    return (
        bool(state)
        and all(row[name] == state[name] for name in plain)
        and all(str(row[name]) == state[name] for name in ids)
        and (row["period"].lower, row["period"].upper) == _span(state)
    )


def _span(state: dict[str, Any]) -> Span:
    return datetime.fromisoformat(state["period"]["start"]), datetime.fromisoformat(state["period"]["end"])


def what_is_proposed_is_free(evidence: Evidence) -> Verdict:
    """When a match was proposed, no booking of its resource that stood then overlapped it."""
    live: dict[str, dict[str, Span]] = defaultdict(dict)
    wrong, checked = [], 0
    for row in evidence.outbox("pooling"):
        if row["topic"] == BOOKINGS:
            booking = parsed(row["data"])["booking"]
            standing = live[booking["resource_id"]]
            standing.pop(booking["id"], None)
            if booking["status"] in LIVE:
                standing[booking["id"]] = _span(booking)
        elif row["topic"] == MATCHES and (match := parsed(row["data"])["match"])["status"] == "proposed":
            checked += 1
            start, end = _span(match)
            wrong += [
                f"match {match['id']} version {match['version']}: proposed while {booking} stood"
                for booking, (low, high) in live[match["resource_id"]].items()
                if start < high and low < end
            ]
    return verdict("what is proposed was free", checked, wrong)


def what_plans_tell_was_said(evidence: Evidence) -> Verdict:
    """What a request's plan tells is about this request, and each match in it is as an event said it."""
    said = {(id_, each["version"]): each for id_, states in _said(evidence).items() for each in states}
    last: dict[str, int] = {}
    wrong, checked = [], 0
    for answer in evidence.plans:
        for item in answer["items"]:
            checked += 1
            wrong += [f"plan of {answer['plan']}: {fault}" for fault in _faults(answer["plan"], item, said, last)]
    return verdict("what plans tell was said", checked, wrong)


def _faults(
    request_id: str, item: dict[str, Any], said: dict[tuple[str, int], dict[str, Any]], last: dict[str, int]
) -> list[str]:
    own, others = item["match"], item["alternatives"]
    wrong = []
    if (own["status"] if own else None) != STANDS.get(item["status"]):
        wrong.append(f"{item['status']}, its match {own['status'] if own else 'none'}")
    for match in [*([own] if own else []), *others]:
        told = f"match {match['id']} version {match['version']}"
        if (match["request_id"], match["line_id"]) != (request_id, item["line_id"]):
            wrong.append(f"{told} is another line's")
        if _plain(match) != _plain(said.get((match["id"], match["version"]), {})):
            wrong.append(f"{told} was never said so")
        if match["version"] < last.get(match["id"], 0):
            wrong.append(f"{told} after version {last[match['id']]}")
        last[match["id"]] = match["version"]
    return wrong


def _plain(match: dict[str, Any]) -> dict[str, Any]:
    """The match without its sentences, which are told in the reader's language."""
    return {name: value for name, value in match.items() if name != "reasons"}


def planned_times_are_free(evidence: Evidence) -> Verdict:
    """What the last plan gives to a line is wanted, is given and booked to nobody else, and is proposed to the line."""
    tables = evidence.tables["pooling"]
    slots = tables["plan_slot"]
    taken: dict[Any, list[tuple[Span, str]]] = defaultdict(list)
    for row in slots:
        taken[row["resource_id"]].append((_of(row), f"line {row['line_id']}"))
    for row in tables["booking"]:
        if row["status"] in LIVE:
            taken[row["resource_id"]].append((_of(row), f"booking {row['id']}"))
    wrong = [
        f"{one} and {other} overlap"
        for spans in taken.values()
        for ((_, end), one), ((start, _), other) in pairwise(sorted(spans))
        if start < end and "line" in one + other
    ]
    open_ = {row["id"] for row in tables["request"] if row["status"] == "open"}
    wanted = {row["id"] for row in tables["request_line"] if row["request_id"] in open_}
    wrong += [f"line {row['line_id']}: planned, but nobody asks" for row in slots if row["line_id"] not in wanted]
    proposed = {
        (row["line_id"], row["resource_id"], _of(row)) for row in tables["match"] if row["status"] == "proposed"
    }
    wrong += [
        f"line {row['line_id']}: planned, but not proposed"
        for row in slots
        if (row["line_id"], row["resource_id"], _of(row)) not in proposed
    ]
    return verdict("planned times are free, and proposed", len(slots), wrong)


def _of(row: Row) -> Span:
    return row["period"].lower, row["period"].upper


RULES = (proposals_end_as_said, what_is_proposed_is_free, what_plans_tell_was_said, planned_times_are_free)
