"""The event logs and the topics: gapless, in order, the same."""

from collections import defaultdict

from schemas.catalogue import DEAD_LETTER_SUFFIX
from tests.resilience.checker.answers import parsed_version
from tests.resilience.evidence import Evidence, Record
from tests.resilience.verdict import Verdict, verdict

SERVICES = ("membership", "pooling")
STATES = {
    "membership": ("pole", "organisation", "member", "project"),
    "pooling": ("resource", "request", "match", "booking"),
}


def positions_are_gapless(evidence: Evidence) -> Verdict:
    """Positions are 1 to n in each log, without a gap or a double."""
    wrong, checked = [], 0
    for service in SERVICES:
        positions = [row["position"] for row in evidence.outbox(service)]
        checked += len(positions)
        if positions != list(range(1, len(positions) + 1)):
            wrong.append(f"{service}: {len(positions)} events, positions {positions[:3]} to {positions[-3:]}")
    return verdict("positions are gapless", checked, wrong)


def versions_are_consecutive(evidence: Evidence) -> Verdict:
    """Each aggregate's versions are 1 to n in order of position, and its row has the last of them."""
    wrong, checked = [], 0
    for service in SERVICES:
        versions: dict[str, list[int]] = defaultdict(list)
        for row in evidence.outbox(service):
            versions[str(row["key"])].append(parsed_version(row))
        checked += len(versions)
        wrong += [f"{key}: {each}" for key, each in versions.items() if each != list(range(1, len(each) + 1))]
        rows = [(table, row) for table in STATES[service] for row in evidence.tables[service][table]]
        wrong += [
            f"{table} {row['id']}: version {row['version']}, said {versions[str(row['id'])][-1:]}"
            for table, row in rows
            if versions[str(row["id"])][-1:] != [row["version"]]
        ]
    return verdict("each aggregate's versions are 1 to n, and its row has the last", checked, wrong)


def topics(evidence: Evidence) -> list[Record]:
    """The records of the topics proper."""
    return [each for each in evidence.records if not each.topic.endswith(DEAD_LETTER_SUFFIX)]


def everything_said_is_published(evidence: Evidence) -> Verdict:
    """Every event of the logs is on its topic, byte for byte, under its key."""
    published: dict[str, list[Record]] = defaultdict(list)
    for each in topics(evidence):
        published[each.id].append(each)
    said = evidence.events()
    wrong = []
    for row in said:
        copies = published.get(str(row["event_id"]), [])
        if not copies:
            wrong.append(f"{row['type']} {row['event_id']}: not on {row['topic']}")
        elif any(
            (c.topic, c.key, c.value) != (row["topic"], str(row["key"]).encode(), row["data"].encode()) for c in copies
        ):
            wrong.append(f"{row['type']} {row['event_id']}: published differently from how it was said")
    return verdict("what was said is published", len(said), wrong)


def nothing_is_published_that_was_not_said(evidence: Evidence) -> Verdict:
    """No record comes from nowhere; as many unknown ones as clients put there to be found are allowed."""
    said = {str(row["event_id"]) for row in evidence.events()}
    listed = topics(evidence)
    strange = [each for each in listed if each.id not in said]
    allowed = len(evidence.poisons)
    wrong = [f"{each.place}: said by nobody" for each in strange] if len(strange) > allowed else []
    return verdict("what is published was said", len(listed), wrong)


def keys_are_published_in_order(evidence: Evidence) -> Verdict:
    """On its topic, each key's events first appear in order of position, and the last record is the newest."""
    places = {str(row["event_id"]): row["position"] for row in evidence.events()}
    by_key: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for each in sorted(topics(evidence), key=lambda record: record.place):
        if each.id in places:
            by_key[each.topic, each.key].append(places[each.id] or 0)
    wrong = []
    for (topic, key), positions in by_key.items():
        first = list(dict.fromkeys(positions))
        if first != sorted(first) or positions[-1] != max(positions):
            wrong.append(f"{topic} {key.decode()}: positions {positions}")
    return verdict("each key is published in order", len(by_key), wrong)


def the_tap_missed_nothing(evidence: Evidence) -> Verdict:
    """Offsets as the tap saw them are gapless, so the other rules looked at everything."""
    offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
    for each in evidence.records:
        offsets[each.topic, each.partition].append(each.offset)
    wrong = [
        f"{place}: {len(set(seen))} offsets up to {max(seen)}"
        for place, seen in offsets.items()
        if len(set(seen)) != max(seen) + 1
    ]
    return verdict("the tap saw every offset", len(evidence.records), wrong)


RULES = (
    positions_are_gapless,
    versions_are_consecutive,
    everything_said_is_published,
    nothing_is_published_that_was_not_said,
    keys_are_published_in_order,
    the_tap_missed_nothing,
)
