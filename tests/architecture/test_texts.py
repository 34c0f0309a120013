"""What must not be written anywhere: SQL outside its place, foreign addresses, other machines."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, SERVICES, files, modules, shown

SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+(AS\s+\w+\s+)?SET\s|DELETE\s+FROM\s|WITH\s+\w+\s*(\([^)]*\)\s*)?AS\s"
    r"|CREATE\s|ALTER\s|DROP\s|LOCK\s+TABLE|TRUNCATE\s|GRANT\s|REVOKE\s|COPY\s)"
)
NAMES_ARE_SQL = {
    "chassis/src/chassis/provision.py",
    "chassis/src/chassis/migrate.py",
    "chassis/src/chassis/testing/database.py",
}
"""Where a statement must hold a quoted name (roles, databases), which no parameter can."""


def statements(tree: ast.Module) -> Iterator[tuple[int, bool]]:
    """Every SQL statement in the module: its line, and whether it is put together at run time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant) and SQL.match(str(first.value)):
                yield node.lineno, True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            if isinstance(node.func.value, ast.Constant) and SQL.match(str(node.func.value.value)):
                yield node.lineno, True
        elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and SQL.match(str(node.left.value)):
            yield node.lineno, True
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield node.lineno, False


def test_sql_is_whole_literals() -> None:
    found = [
        shown(path, line)
        for _, path, tree in modules()
        for line, together in statements(tree)
        if together and shown(path) not in NAMES_ARE_SQL
    ]
    assert found == [], "write the statement as one literal with parameters"


def test_a_service_keeps_its_sql_in_its_store() -> None:
    found = [
        shown(path, line)
        for _, path, tree in modules(*SERVICES)
        if not {"store", "store.py"} & set(path.parts)
        for line, _ in statements(tree)
    ]
    assert found == []


def test_the_finder_of_sql_finds() -> None:
    tree = ast.parse('a = "SELECT 1"\nb = f"DELETE FROM {x}"\nc = "UPDATE t SET a = " + v\nd = "Select a date"\n')
    assert set(statements(tree)) == {(1, False), (2, True), (2, False), (3, True), (3, False)}


FOREIGN = re.compile(
    r"""(?:\b(?:src|srcset|action|poster|data)\s*=\s*["']?|<link[^>]*\bhref\s*=\s*["']?|url\(\s*["']?|@import\s+["']|
        \bimport\s*\(?\s*["']|\bfrom\s+["']|\bfetch\(\s*["'`])(?:https?:)?//""",
    re.VERBOSE,
)


def test_no_page_loads_anything_from_elsewhere() -> None:
    pages = [p for p in files(".html", ".css", ".j2", ".jinja", ".svg", ".py", ".mjs") if "tests" not in p.parts]
    found = [shown(path) for path in pages if FOREIGN.search(path.read_text("utf-8"))]
    assert found == [], "vendor what a page needs"


def test_the_finder_of_foreign_addresses_finds() -> None:
    for text in (
        '<script src="https://x"',
        "<link rel=icon href='//x",
        "url(http://x)",
        'fetch("https://x',
        '@import "//x',
    ):
        assert FOREIGN.search(text), text
    for text in ('<a href="https://x">', 'src="/static/x.js"', "url(data:image/png)"):
        assert not FOREIGN.search(text), text


# Written in pieces, so that this file does not hold what it looks for.
HOSTS = "pypi+org pythonhosted+org npmjs+org npmjs+com yarnpkg+com crates+io golang+org maven+org maven+apache+org"
REGISTRIES = [re.escape(host.replace("+", ".")) for host in [*HOSTS.split(), "deb+debian+org"]]
INDEXES = ["--(?:extra-)?index" + "-url", "--find" + "-links", "^registry" + r"\s*="]
MACHINES = ["(?<![\\w.}~/-])/" + home + "/" for home in ("work", "root", "home/[a-z]+", "Users/[a-z]+")]
NOT_HERE = re.compile("|".join(REGISTRIES + INDEXES + MACHINES), re.MULTILINE)


def test_no_file_names_a_registry_or_a_path_of_somebodys_machine() -> None:
    found = []
    for path in files():
        if path.suffix not in {".gz", ".png", ".ico", ".woff2", ".jar"} and not vendored(path):
            text = path.read_text("utf-8", errors="replace")
            found += [f"{shown(path, text.count(chr(10), 0, m.start()) + 1)} {m[0]}" for m in NOT_HERE.finditer(text)]
    assert found == []


def vendored(path: Path) -> bool:
    return any(part in {"vendor", "vendored", "static"} for part in path.parts)


def test_locks_name_no_address() -> None:
    locks = [path for path in files() if path.is_relative_to(ROOT / "locks") or path.name == "package-lock.json"]
    for path in locks:
        text = path.read_text("utf-8")
        assert "resolved" not in text, shown(path)
        if path.name != "package-lock.json":
            assert "://" not in text, shown(path)
        if path.suffix == ".txt":
            assert "--hash=sha256:" in text, shown(path)


def test_nothing_prints() -> None:
    """Services log; what speaks to a person at a terminal goes through Typer or rich."""
    found = [
        shown(path, node.lineno)
        for _, path, tree in modules("schemas", "chassis", *SERVICES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def test_every_package_says_its_licence() -> None:
    texts = [path for path in files(".toml") if path.name == "pyproject.toml" and path.parent != ROOT]
    assert len(texts) == len(PACKAGES)
    assert all('license = "AGPL-3.0-or-later"' in path.read_text("utf-8") for path in texts)
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text("utf-8")
