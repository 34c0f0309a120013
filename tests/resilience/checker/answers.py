"""What clients were answered, beside what is kept: nothing lost, nothing doubled, nothing that nobody asked for."""

from collections import Counter
from typing import Any

from tests.resilience.evidence import Evidence, Row, parsed
from tests.resilience.verdict import Verdict, verdict

CAUSED = {
    "resource_offered", "resource_requested", "booking_held", "booking_confirmed", "organisation_registered",
    "member_applied", "member_joined", "member_left", "project_launched",
}  # fmt: skip
"""Types that only somebody's command brings about; others may follow from events or from time."""


def records(evidence: Evidence) -> dict[str, Row]:
    """The answers kept since the load began, by Idempotency-Key."""
    kept = [row for service in ("membership", "pooling") for row in evidence.tables[service]["idempotency"]]
    return {row["key"]: row for row in kept if row["created_at"].timestamp() >= evidence.began}


def nothing_answered_is_lost(evidence: Evidence) -> Verdict:
    """Whoever was told that it is done finds the same answer kept."""
    kept, done = records(evidence), [each for each in evidence.intents if each.success]
    wrong = [
        f"{intent}: answered {intent.success['status']}, but {_kept(kept.get(intent.key))}"
        for intent in done
        if intent.success and not _same(kept.get(intent.key), intent.success)
    ]
    return verdict("what was answered as done is kept", len(done), wrong)


def _kept(row: Row | None) -> str:
    return "no record is kept" if row is None else "another answer is kept"


def _same(row: Row | None, answer: dict[str, Any]) -> bool:
    return row is not None and row["status"] == answer["status"] and _body(row) == answer["body"]


def _body(row: Row) -> Any:
    return parsed(row["body"]) if row["body"] else None


def nothing_refused_is_done(evidence: Evidence) -> Verdict:
    """Whoever was refused, and never told otherwise, left nothing."""
    kept = records(evidence)
    refused = [each for each in evidence.intents if each.answers and not each.success]
    return verdict(
        "what was refused left nothing",
        len(refused),
        [f"{each}: kept all the same" for each in refused if each.key in kept],
    )


def every_answer_is_the_same(evidence: Evidence) -> Verdict:
    """An intent that was sent again got the answer of the first time, and unknown ones were answered in the end."""
    wrong, checked = [], 0
    for intent in evidence.intents:
        if intent.unknowns or len(intent.answers) > 1:
            checked += 1
        if not intent.answers:
            wrong.append(f"{intent}: never answered, after {intent.unknowns} tries")
        elif first := intent.success:
            later = intent.answers[intent.answers.index(first) + 1 :]
            if any((each["status"], each["body"]) != (first["status"], first["body"]) for each in later):
                wrong.append(f"{intent}: answered differently when it was sent again")
    return verdict("sent again, an intent gets the same answer", checked, wrong)


def every_record_was_meant(evidence: Evidence) -> Verdict:
    """Nothing was done that no client sent."""
    meant, kept = {each.key for each in evidence.intents}, records(evidence)
    return verdict(
        "what is kept was meant by somebody", len(kept), [f"{key}: by nobody" for key in kept if key not in meant]
    )


def every_record_is_whole(evidence: Evidence) -> Verdict:
    """A kept answer, the event that tells of it, and the state belong together."""
    said = {(str(row["key"]), parsed_version(row)) for row in evidence.events()}
    kept = [(key, body) for key, row in records(evidence).items() if isinstance(body := _body(row), dict)]
    wrong = [
        f"{key}: no event of {body['id']} version {body['version']}"
        for key, body in kept
        if "version" in body and (body["id"], body["version"]) not in said
    ]
    return verdict("what is kept was said in an event", len(kept), wrong)


def every_event_was_caused(evidence: Evidence) -> Verdict:
    """An event that only a command brings about has its command, and one alone."""
    bodies = [body for row in records(evidence).values() if isinstance(body := _body(row), dict)]
    caused = Counter((body["id"], body.get("version")) for body in bodies if "id" in body)
    events = [row for row in evidence.events() if row["time"].timestamp() >= evidence.began and _short(row) in CAUSED]
    wrong = [
        f"{_short(row)} {row['key']} version {parsed_version(row)}: no command"
        for row in events
        if not caused[str(row["key"]), parsed_version(row)]
    ]
    return verdict("what was said was caused by a command", len(events), wrong)


def no_creation_is_doubled(evidence: Evidence) -> Verdict:
    """One intent makes one thing: no two answers kept name the same new aggregate, and none made two."""
    made = Counter(
        body["id"]
        for row in records(evidence).values()
        if row["status"] == 201 and isinstance(body := _body(row), dict) and "id" in body
    )
    first = [row for row in evidence.events() if row["time"].timestamp() >= evidence.began and parsed_version(row) == 1]
    named = {str(row["key"]) for row in first if _short(row) in CAUSED}
    wrong = [f"{id_}: made {count} times" for id_, count in made.items() if count > 1]
    wrong += [f"{id_}: made, but by no kept command" for id_ in named - set(made)]
    return verdict("one command makes one thing", len(made), wrong)


def _short(row: Row) -> str:
    return str(row["type"].split(".")[2])


def parsed_version(row: Row) -> int:
    """The version of the aggregate that an outbox row tells of."""
    (state,) = [each for each in parsed(row["data"]).values() if isinstance(each, dict) and "version" in each]
    return int(state["version"])


RULES = (
    nothing_answered_is_lost,
    nothing_refused_is_done,
    every_answer_is_the_same,
    every_record_was_meant,
    every_record_is_whole,
    every_event_was_caused,
    no_creation_is_doubled,
)
