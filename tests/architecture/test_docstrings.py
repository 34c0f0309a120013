"""What is public says what it is: a contributor reads the docstring, not the body."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.architecture.tree import PACKAGES, files


def imported(source: Path) -> Iterator[ModuleType]:
    """The modules under a source folder; those that are commands are left out, as their public part is a call."""
    for path in files(".py"):
        if path.is_relative_to(source) and path.name != "__main__.py":
            parts = path.relative_to(source).with_suffix("").parts
            yield import_module(".".join(part for part in parts if part != "__init__"))


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module defines, and the methods that these add; no copies of generics."""
    for name, value in vars(module).items():
        if name.startswith("_") or "[" in name or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            yield name, value
            yield from ((f"{name}.{method}", function) for method, function in methods(value))


def methods(of: type) -> Iterator[tuple[str, Any]]:
    """The methods that a class adds, properties too; what a Protocol only lists as data says enough by its name."""
    for name, value in vars(of).items():
        inherited = any(name in vars(base) for base in of.__mro__[1:])
        if name.startswith("_") or inherited:
            continue
        if isinstance(value, property):
            if not getattr(of, "_is_protocol", False):
                yield name, value.fget
        elif inspect.isfunction(function := getattr(value, "__func__", value)) and function.__name__ == name:
            yield name, function


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_public_has_a_docstring(package: str) -> None:
    found = [
        f"{module.__name__}.{name}"
        for module in imported(PACKAGES[package])
        for name, value in public(module)
        if not (vars(value) if inspect.isclass(value) else {"__doc__": value.__doc__}).get("__doc__")
    ]
    assert found == []
