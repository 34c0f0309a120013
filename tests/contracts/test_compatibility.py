"""The compatibility gate, on real diffs of each sort."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import gates
from schemas.compatibility import breaks
from schemas.documents import HOME, json_schemas, text_of
from schemas.history import published

OFFERED = "polepool.pooling.resource_offered.v1"
REQUESTED = "polepool.pooling.resource_requested.v1"
HELD = "polepool.pooling.booking_held.v1"

Schemas = dict[str, dict[str, Any]]
Change = Callable[[Schemas], object]


def part(schemas: Schemas, type_: str, name: str) -> dict[str, Any]:
    definition: dict[str, Any] = schemas[type_]["$defs"][name]
    return definition


def rename(properties: dict[str, Any], old: str, new: str) -> None:
    properties[new] = properties.pop(old)


BREAKING: dict[str, tuple[Change, str]] = {
    "a removed field": (
        lambda s: part(s, OFFERED, "Resource")["properties"].pop("title"),
        "data.resource.title was removed",
    ),
    "a removed optional field": (
        lambda s: part(s, OFFERED, "Vehicle")["properties"].pop("ramp"),
        "data.resource.characteristics<vehicle>.ramp was removed",
    ),
    "a renamed field": (
        lambda s: rename(part(s, OFFERED, "Price")["properties"], "hour_cents", "hourly_cents"),
        "data.resource.price.hour_cents was removed",
    ),
    "a new required field": (
        lambda s: (
            part(s, HELD, "Booking")["properties"].update(note={"type": "string"}),
            part(s, HELD, "Booking")["required"].append("note"),
        ),
        "data.booking.note is new and required",
    ),
    "a field become required": (
        lambda s: part(s, HELD, "Booking")["required"].append("match_id"),
        "data.booking.match_id became required",
    ),
    "a field become optional": (
        lambda s: part(s, HELD, "Booking")["required"].remove("price_cents"),
        "data.booking.price_cents became optional",
    ),
    "a field become nullable": (
        lambda s: part(s, HELD, "Booking")["properties"].update(
            resource_id={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}
        ),
        "data.booking.resource_id: the variant null was added",
    ),
    "another type": (
        lambda s: part(s, REQUESTED, "Line")["properties"]["minutes"].update(type="number"),
        'data.request.lines[].minutes: type was "integer", is "number"',
    ),
    "a tighter bound": (
        lambda s: part(s, REQUESTED, "Line")["properties"]["minutes"].update(minimum=30),
        "data.request.lines[].minutes: minimum was 15, is 30",
    ),
    "a looser bound": (
        lambda s: part(s, OFFERED, "Vehicle")["properties"]["seats"].update(maximum=200),
        "data.resource.characteristics<vehicle>.seats: maximum was 100, is 200",
    ),
    "a new pattern": (
        lambda s: part(s, OFFERED, "Place")["properties"]["name"].update(pattern="^[A-Z]"),
        "data.resource.place.name: pattern was absent",
    ),
    "another default": (
        lambda s: part(s, OFFERED, "Price")["properties"]["fixed_cents"].update(default=100),
        "data.resource.price.fixed_cents: default was 0, is 100",
    ),
    "a removed enum value": (
        lambda s: part(s, OFFERED, "Ring")["enum"].remove("everyone"),
        'data.resource.ring: the value "everyone" was removed',
    ),
    "an added enum value": (
        lambda s: part(s, OFFERED, "Skill")["enum"].append("gardening"),
        'data.resource.characteristics<staff>.skills[]: the value "gardening" was added, which today\'s readers refuse',
    ),
    "a removed variant": (
        lambda s: part(s, OFFERED, "Resource")["properties"]["characteristics"]["oneOf"].pop(),
        "data.resource.characteristics: the variant staff was removed",
    ),
    "other values of a mapping": (
        lambda s: part(s, REQUESTED, "Line")["properties"]["at_least"].update(additionalProperties={"type": "string"}),
        'data.request.lines[].at_least{}: type was "integer", is "string"',
    ),
    "a removed type": (lambda s: s.pop(HELD), "the type was removed"),
}

COMPATIBLE: dict[str, Change] = {
    "a new optional field": lambda s: part(s, HELD, "Booking")["properties"].update(
        note={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    ),
    "other words": lambda s: part(s, HELD, "Booking").update(title="A booking", description="Taken."),
    "a field's description": lambda s: part(s, HELD, "Booking")["properties"]["price_cents"].update(
        description="What."
    ),
    "another order": lambda s: s.update({HELD: {**s[HELD], "$defs": dict(reversed(s[HELD]["$defs"].items()))}}),
    "a definition's other name": lambda s: s.update(
        {HELD: json.loads(json.dumps(s[HELD]).replace("BookingStatus", "Status"))}
    ),
    "a new type": lambda s: s.update({"polepool.pooling.booking_held.v2": s[HELD]}),
}


@pytest.mark.parametrize("what", BREAKING)
def test_a_breaking_change_is_named(what: str) -> None:
    change, expected = BREAKING[what]
    old, new = json_schemas(), copy.deepcopy(json_schemas())
    change(new)
    found = breaks(old, new)
    assert any(expected in line for line in found), found


@pytest.mark.parametrize("what", COMPATIBLE)
def test_a_compatible_change_passes(what: str) -> None:
    old, new = json_schemas(), copy.deepcopy(json_schemas())
    COMPATIBLE[what](new)
    assert old != new or what == "another order"
    assert breaks(old, new) == []


def test_nothing_broke_since_any_schema_that_history_holds() -> None:
    assert list(gates.compatibility()) == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A schemas folder in a repository of its own, whose one commit holds a booking_held with a note."""
    home = tmp_path / "schemas"
    (home / "json").mkdir(parents=True)
    old = copy.deepcopy(json_schemas())
    part(old, HELD, "Booking")["properties"]["note"] = {"type": "string", "default": ""}
    for type_, schema in old.items():
        (home / "json" / f"{type_}.json").write_text(text_of(schema), "utf-8")
    git(tmp_path, "init", "-q")
    commit(tmp_path, "released")
    return home


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = [str(shutil.which("git")), "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def test_generating_over_a_committed_schema_with_a_break_is_refused_and_writes_nothing(home: Path) -> None:
    shutil.rmtree(home.parent / ".git")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    found = gates.generate(home)
    assert ["data.booking.note was removed" in line for line in found] == [True]
    assert before == {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_break_whose_schema_was_changed_in_the_same_commit_is_found_in_history(home: Path) -> None:
    write_todays_schemas(home)
    assert list(gates.compatibility(home)) != []
    commit(home.parent, "break it, model and schema together")
    found = list(gates.compatibility(home))
    assert len(found) == 1
    assert f"{HELD}: data.booking.note was removed" in found[0]
    assert "add a new version" in found[0]


def test_a_base_can_be_a_folder_or_a_revision(home: Path) -> None:
    released = git(home.parent, "rev-parse", "HEAD").strip()
    shutil.copytree(home / "json", home.parent / "released")
    write_todays_schemas(home)
    commit(home.parent, "break it")
    assert list(gates.compatibility(home, "HEAD")) == []
    assert len(list(gates.compatibility(home, released))) == 1
    assert len(list(gates.compatibility(home, str(home.parent / "released")))) == 1
    with pytest.raises(ValueError, match="neither a folder"):
        list(gates.compatibility(home, "no-such-thing"))


def test_a_shallow_clone_compares_with_what_it_has(home: Path) -> None:
    write_todays_schemas(home)
    commit(home.parent, "break it")
    git(home.parent, "clone", "-q", "--depth", "1", home.parent.as_uri(), "shallow")
    shallow = home.parent / "shallow" / "schemas"
    assert list(gates.compatibility(shallow)) == []
    assert len(published(shallow)) == len(json_schemas())


def test_a_break_on_purpose_is_written_down_with_its_reason(home: Path) -> None:
    write_todays_schemas(home)
    purpose = home / "accepted-breaks.yaml"
    purpose.write_text(f'- break: "{HELD}: data.booking.note was removed"\n  reason: " "\n', "utf-8")
    assert len(list(gates.compatibility(home))) == 1
    purpose.write_text(f'- break: "{HELD}: data.booking.note was removed"\n  reason: no reader yet\n', "utf-8")
    assert list(gates.compatibility(home)) == []


def write_todays_schemas(home: Path) -> None:
    for type_, schema in json_schemas().items():
        (home / "json" / f"{type_}.json").write_text(text_of(schema), "utf-8")


def test_accepted_breaks_name_breaks_that_history_really_holds() -> None:
    listed = gates.accepted()
    real = {broken for _, old in published(HOME) for broken in breaks(old, json_schemas())}
    shallow = git(HOME, "rev-parse", "--is-shallow-repository").strip() == "true"
    assert shallow or listed <= real
