"""Small functions, small files: budgets, not taste."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.architecture.tree import PACKAGES, files, modules, parsed, shown

MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_THE_SOLVER = 400


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short(package: str) -> None:
    lengths = [length(function) for _, _, tree in modules(package) for function in functions(tree)]
    if len(lengths) < 10:
        return
    assert median(lengths) <= 8
    assert quantiles(lengths, n=10)[8] <= 25


def test_no_function_is_long() -> None:
    long = [
        f"{shown(path, function.lineno)} {function.name}: {length(function)} lines"
        for path in files(".py")
        for function in functions(parsed(path))
        if length(function) > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_no_file_is_long() -> None:
    long = [f"{shown(path)}: {lines(path)} lines" for path in files(".py", ".sql") if lines(path) > most(path)]
    assert long == [], "make it a folder of the same name, split by topic"


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def most(path: Path) -> int:
    return MOST_LINES_OF_THE_SOLVER if "matching" in path.parts and "pooling" in path.parts else MOST_LINES_OF_A_FILE


def test_half_of_the_files_fit_on_two_screens() -> None:
    assert median(lines(path) for _, path, _ in modules()) <= 100
