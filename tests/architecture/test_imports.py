"""Who may know whom, and who may speak to Kafka."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, SERVICES, modules, shown

SAY_NOTHING = {"utils", "util", "common", "helpers", "misc", "base", "manager", "managers", "lib", "tools", "stuff"}
SYNONYMS = {"service", "services", "models", "repository", "repositories", "routes", "routers", "views", "controllers",
            "commands", "queries", "dao", "db", "core", "logic", "config"}  # fmt: skip
"""Other houses' words for api, handlers, store, domain, settings."""
IN_EVERY_SERVICE = {"__main__", "app", "settings", "api", "handlers", "store", "domain"}
TOLD_FROM_OUTSIDE = {f"datetime.{name}" for name in ("now", "utcnow", "today")} | {
    f"random.{name}" for name in ("random", "uniform", "randint", "choice", "shuffle", "gauss")
}


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def importers(*names: str, of: tuple[str, ...] = tuple(PACKAGES)) -> list[tuple[Path, int, str]]:
    """Every import of these packages: where, and of what."""
    return [
        (path, line, module)
        for _, path, tree in modules(*of)
        for module, line in imported(tree)
        if module.split(".")[0] in names
    ]


def test_import_linter_keeps_its_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_chassis_speaks_to_kafka() -> None:
    """Every subscriber, acknowledgement and producer is its: there the rules against losing a message are kept."""
    found = importers("aiokafka", "confluent_kafka", "kafka", of=("schemas", *SERVICES))
    assert [shown(path, line) for path, line, _ in found] == []


def test_one_consumer_reads_for_a_group_and_nothing_uses_kafka_transactions() -> None:
    """Two of one group would split its partitions; transactions are not to be relied on (decision 2)."""
    groups, transactions = set(), []
    for package, path, tree in modules():
        for node in ast.walk(tree):
            if package in ("chassis", *SERVICES) and isinstance(node, ast.keyword) and node.arg == "group_id":
                groups.add(path.name)
            if isinstance(node, ast.keyword | ast.Attribute | ast.Name) and "transactional_id" in ast.unparse(node):
                transactions.append(shown(path, node.lineno))
    assert groups == {"subscriber.py", "rewind.py"}
    assert transactions == []


@pytest.mark.parametrize("service", SERVICES)
def test_domain_and_matching_are_pure(service: str) -> None:
    impure = {
        "asyncio",
        "asyncpg",
        "aiohttp",
        "fastapi",
        "httpx",
        "os",
        "secrets",
        "socket",
        "subprocess",
        "time",
    }
    found = [
        f"{shown(path, line)} imports {module}"
        for path, line, module in importers(*impure, of=(service,))
        if {"domain", "domain.py", "matching"} & set(path.parts)
    ]
    assert found == [], "no I/O here; the clock and chance are arguments"


@pytest.mark.parametrize("service", SERVICES)
def test_domain_reads_no_clock_and_throws_no_dice(service: str) -> None:
    found = [
        shown(path, node.lineno)
        for _, path, tree in modules(service)
        if {"domain", "domain.py", "matching"} & set(path.parts)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in TOLD_FROM_OUTSIDE
    ]
    assert found == [], "the clock and chance are arguments"


def test_schemas_import_nothing_of_ours() -> None:
    found = importers("chassis", *SERVICES, of=("schemas",))
    assert [shown(path, line) for path, line, _ in found] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_laid_out_as_the_map_says(service: str) -> None:
    folder = PACKAGES[service] / service
    names = {path.relative_to(folder).parts[0].removesuffix(".py") for _, path, _ in modules(service)}
    assert IN_EVERY_SERVICE - names == set(), "of the map, but not here"
    assert names & SYNONYMS == set(), "the map has a name for this: see ARCHITECTURE.md"


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = [shown(path) for package, path, _ in modules() if set(below(package, path)) & SAY_NOTHING]
    assert empty == []


def below(package: str, path: Path) -> tuple[str, ...]:
    return path.relative_to(PACKAGES[package]).with_suffix("").parts
