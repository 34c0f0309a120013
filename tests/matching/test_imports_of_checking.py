"""The checker shares no mistake with the solver: neither it nor what it imports imports anything of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pooling import matching

HOME = Path(matching.__file__ or "").parent
READING = {"pooling.matching.problem", "pooling.matching.reading"}


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("checking", READING | {"pooling.matching.checking"}),
        ("reading", READING),
        ("problem.py", set()),
    ],
)
def test_checking_imports_only_the_problem_and_its_reading(part: str, allowed: set[str]) -> None:
    path = HOME / part
    modules = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    assert modules
    strangers = {
        f"{module.relative_to(HOME)} imports {name}"
        for module in modules
        for name in imported(module)
        if name.split(".")[0] in {"pooling", "chassis", "schemas", "numpy", "numba", "scipy", "highspy"}
        and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    }
    assert strangers == set()
