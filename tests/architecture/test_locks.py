"""What each image installs: the solver's libraries only where something is solved, and never two that clash."""

import pytest

from tests.architecture.tree import ROOT

SOLVING = {"highspy", "llvmlite", "numba", "numpy"}


def locked(name: str) -> set[str]:
    """The packages of a lock."""
    lines = (ROOT / "locks" / f"{name}.txt").read_text("utf-8").splitlines()
    return {line.split("==")[0] for line in lines if line and line[0].isalpha()}


def test_pooling_has_what_the_solver_needs() -> None:
    assert locked("pooling") >= SOLVING


@pytest.mark.parametrize("service", ["membership", "notifications"])
def test_services_that_solve_nothing_carry_no_solver(service: str) -> None:
    assert locked(service) & SOLVING == set()


@pytest.mark.parametrize("lock", ["membership", "pooling", "notifications", "local", "dev"])
def test_or_tools_is_apart_from_what_it_clashes_with(lock: str) -> None:
    assert "ortools" not in locked(lock)
    assert "highspy" not in locked("peers")
