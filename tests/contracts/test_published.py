"""The published language is whole, and what is committed is what the models say."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas import asyncapi, gates, page
from schemas.catalogue import by_type, event_types, topics
from schemas.documents import HOME, committed, json_schemas, text_of
from schemas.pooling import ResourceOffered

SERVICES = HOME.parent / "services"


def test_every_event_type_has_a_topic_an_owner_consumers_a_schema_and_a_golden_example() -> None:
    assert list(gates.catalogue()) == []
    assert list(gates.examples()) == []
    assert committed().keys() == event_types().keys()


def test_two_models_of_one_type_are_refused() -> None:
    class ResourceLent(ResourceOffered):
        """Its author copied a model and forgot the type."""

    with pytest.raises(TypeError, match=r"resource_offered\.v1 is the type of both ResourceOffered and ResourceLent"):
        by_type([ResourceOffered, ResourceOffered, ResourceLent])


def test_owners_and_consumers_are_services_of_this_house() -> None:
    services = {folder.name for folder in SERVICES.iterdir() if (folder / "pyproject.toml").exists()}
    named = {topic.owner for topic in topics().values()}
    named |= {reader for topic in topics().values() for readers in topic.events.values() for reader in readers}
    assert named <= services


def test_committed_schemas_and_documents_are_fresh() -> None:
    assert list(gates.fresh()) == []


def test_generating_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "from schemas import gates; import hashlib; print(hashlib.sha256(repr(gates.outputs()).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(  # noqa: S603 our own code
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


@pytest.mark.parametrize("type_", sorted(event_types()))
def test_a_schema_is_json_schema_2020_12(type_: str) -> None:
    Draft202012Validator.check_schema(json_schemas()[type_])


@pytest.mark.parametrize("service", sorted(folder.name for folder in SERVICES.iterdir() if folder.is_dir()))
def test_a_service_consumes_exactly_what_topics_yaml_says(service: str) -> None:
    listed = {
        (topic.name, type_)
        for topic in topics().values()
        for type_, readers in topic.events.items()
        if service in readers
    }
    if not (SERVICES / service / "src" / service / "consumer.py").exists():
        assert listed == set(), f"{service} has no consumer.py, but topics.yaml lists it as a consumer"
        return
    handlers = importlib.import_module(f"{service}.consumer").HANDLERS
    handled = {(topic, event.TYPE) for topic, table in handlers.items() for event in table}
    assert handled - listed == set(), "handled, but not listed in topics.yaml: list the service as a consumer"
    assert listed - handled == set(), (
        "listed in topics.yaml, but not in HANDLERS: handle them or take them off the list"
    )


@pytest.mark.parametrize("service", sorted({topic.owner for topic in topics().values()}))
def test_a_service_makes_every_event_that_it_owns_and_no_other(service: str) -> None:
    models = {model.__name__: model.TYPE for model in event_types().values()}
    named, called = _used(SERVICES / service / "src")
    owned = {type_ for topic in topics().values() if topic.owner == service for type_ in topic.events}
    assert owned - {models.get(name) for name in named} == set(), "owned, but made nowhere in the service's code"
    made = {models[name] for name in called if name in models}
    assert made - owned == set(), "made here, but owned by another service"


def _used(folder: Path) -> tuple[set[str], set[str]]:
    """The names that the modules of a folder use beyond importing them, and those among them that are called."""
    named, called = set(), set()
    for path in folder.rglob("*.py"):
        if path.stem != "consumer":
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                named.add(_name(node))
                if isinstance(node, ast.Call):
                    called.add(_name(node.func))
    return named - {""}, called - {""}


def _name(node: ast.AST) -> str:
    """`Held` of `Held` and of `pooling.Held`; empty for what is neither."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_the_asyncapi_document_has_every_topic_message_and_consumer() -> None:
    document = asyncapi.document()
    assert document["channels"].keys() == topics().keys()
    assert document["components"]["messages"].keys() == event_types().keys()
    operations = document["operations"]
    for topic in topics().values():
        assert f"{topic.owner}.send.{topic.name}" in operations
        for type_, readers in topic.events.items():
            for reader in readers:
                message = {"$ref": f"#/channels/{topic.name}/messages/{type_}"}
                assert message in operations[f"{reader}.receive.{topic.name}"]["messages"]


def test_message_examples_have_the_headers_that_the_document_requires() -> None:
    for message in asyncapi.document()["components"]["messages"].values():
        validator = Draft202012Validator(message["headers"])
        assert message["examples"]
        for example in message["examples"]:
            validator.validate(example["headers"])


def test_the_page_shows_every_type_and_loads_nothing() -> None:
    html = page.render()
    for type_, model in event_types().items():
        assert f'<article id="{type_}">' in html
        assert f"<h3>{model.__name__}</h3>" in html
    assert "<script" not in html
    assert "http" not in html.split("<main>")[0]
    assert not any(f"{attribute}=" in html for attribute in ("src", "srcset", "action"))
    assert 'name="viewport"' in html


def test_the_page_escapes_what_it_shows() -> None:
    document = asyncapi.document()
    message = next(iter(document["components"]["messages"].values()))
    message["summary"] = message["title"] = "<img onerror=x> & `code` *stress*"
    html = page.render(document)
    assert "<img" not in html
    assert "<code>code</code> <em>stress</em>" in html


def test_a_stale_or_left_over_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    for path, content in gates.outputs().items():
        target = tmp_path / path.relative_to(HOME)
        target.parent.mkdir(exist_ok=True)
        target.write_text(content, "utf-8")
    assert list(gates.fresh(tmp_path)) == []
    stale = tmp_path / "json" / "polepool.pooling.booking_held.v1.json"
    stale.write_text(text_of({}), "utf-8")
    (tmp_path / "json" / "polepool.pooling.gone.v1.json").write_text("{}", "utf-8")
    found = list(gates.fresh(tmp_path))
    assert len(found) == 2
    assert all("generate" in line for line in found)
    assert any(stale.name in line for line in found)
