"""What consumers did: consumed = effects + already seen + skipped as somebody else's types + dead-lettered."""

from collections import Counter
from importlib import import_module

from schemas.catalogue import DEAD_LETTER_SUFFIX
from tests.resilience.checker.events import topics
from tests.resilience.evidence import GROUPS, Evidence, Record
from tests.resilience.verdict import Verdict, verdict

SOURCES = {
    "pooling": {"pole": "membership", "organisation": "membership", "member": "membership", "project": "membership"},
}


def handled(group: str) -> dict[str, set[str]]:
    """The types that a service handles, by topic."""
    table = import_module(f"{group}.consumer").HANDLERS
    return {topic: {model.TYPE for model in models} for topic, models in table.items()}


def everything_was_consumed(evidence: Evidence) -> Verdict:
    """Every record is an effect, was seen before, is of a type not handled, or is a dead letter; the sum is right."""
    said = {str(row["event_id"]) for row in evidence.events()}
    letters = {each.key.decode() for each in evidence.records if each.topic.endswith(DEAD_LETTER_SUFFIX)}
    wrong, checked = [], 0
    for group in GROUPS:
        types, inbox = handled(group), {str(row["event_id"]) for row in evidence.tables[group]["inbox"]}
        mine = [each for each in topics(evidence) if each.topic in types]
        checked += len(mine)
        counts: Counter[str] = Counter()
        seen: set[str] = set()
        for each in sorted(mine, key=lambda record: record.place):
            fate = _fate(each, group, types[each.topic], said, inbox, letters, seen)
            counts[fate] += 1
            if fate == "lost":
                wrong.append(f"{group}: {each.place} has no effect and is no dead letter")
        if len(inbox) != counts["effect"]:
            wrong.append(f"{group}: {len(inbox)} effects remembered, {counts['effect']} events consumed")
    return verdict("consumed = effects + seen + skipped + dead-lettered", checked, wrong)


def _fate(
    record: Record, group: str, types: set[str], said: set[str], inbox: set[str], letters: set[str], seen: set[str]
) -> str:
    if record.headers.get("ce_type", b"").decode(errors="replace") not in types:
        return "skipped"
    if f"{group}/{record.topic}/{record.partition}/{record.offset}" in letters:
        return "dead-lettered"
    if record.id not in said or record.id not in inbox:
        return "lost"
    if record.id in seen:
        return "seen"
    seen.add(record.id)
    return "effect"


def nothing_good_was_buried(evidence: Evidence) -> Verdict:
    """Only records that nobody said, and that can't be handled, are dead letters."""
    said = {str(row["event_id"]) for row in evidence.events()}
    letters = [each for each in evidence.records if each.topic.endswith(DEAD_LETTER_SUFFIX) and each.value]
    wrong = [
        f"{each.key.decode()}: {each.headers.get('dlt-cause', b'').decode()}"
        for each in letters
        if each.headers.get("dlt-original-ce_id", b"").decode(errors="replace") in said
    ]
    return verdict("no good record is a dead letter", len(letters), wrong)


def poison_is_kept(evidence: Evidence) -> Verdict:
    """Every record that can't be handled is a dead letter of every group that reads its topic."""
    said = {str(row["event_id"]) for row in evidence.events()}
    letters = {each.key.decode() for each in evidence.records if each.topic.endswith(DEAD_LETTER_SUFFIX)}
    strange = [each for each in topics(evidence) if each.id not in said]
    wrong = [
        f"{each.place}: no dead letter of {group}"
        for each in strange
        for group in GROUPS
        if each.topic in handled(group) and f"{group}/{each.topic}/{each.partition}/{each.offset}" not in letters
    ]
    return verdict("what can't be handled is a dead letter", len(strange), wrong)


def offsets_are_at_the_end(evidence: Evidence) -> Verdict:
    """Once quiet, every group has committed everything, and nothing beyond."""
    wrong = [f"{each}" for each in evidence.offsets if each.committed != each.end]
    return verdict("committed offsets are where the topics end", len(evidence.offsets), wrong)


def projections_are_as_their_source(evidence: Evidence) -> Verdict:
    """What pooling and notifications know has the version of what they know it from."""
    wrong, checked = [], 0
    source = {
        table: _versions(evidence, "membership", table) for table in ("pole", "organisation", "member", "project")
    }
    for table, versions in source.items():
        here = _versions(evidence, "pooling", table)
        checked += len(versions)
        wrong += [
            f"pooling's {table} {id_}: {here.get(id_)}, is {version}"
            for id_, version in versions.items()
            if here.get(id_) != version
        ]
        wrong += [f"pooling's {table} {id_}: is nowhere else" for id_ in here.keys() - versions.keys()]
    for table in ("resource", "request", "match", "booking"):
        source[table] = _versions(evidence, "pooling", table)
    known = _versions(evidence, "notifications", "known")
    everything = {id_: version for versions in source.values() for id_, version in versions.items()}
    checked += len(known)
    wrong += [
        f"notifications' {id_}: {known.get(id_)}, is {version}"
        for id_, version in everything.items()
        if known.get(id_) != version
    ]
    wrong += [f"notifications' {id_}: is nowhere else" for id_ in known.keys() - everything.keys()]
    return verdict("projections are as their source", checked, wrong)


def _versions(evidence: Evidence, service: str, table: str) -> dict[str, int]:
    return {str(row["id"]): row["version"] for row in evidence.tables[service][table]}


RULES = (
    everything_was_consumed,
    nothing_good_was_buried,
    poison_is_kept,
    offsets_are_at_the_end,
    projections_are_as_their_source,
)
